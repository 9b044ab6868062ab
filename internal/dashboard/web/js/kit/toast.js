// Short messages in a corner.
import { html, signal } from "../../vendor/preact.js";
import { said, t } from "../i18n.js";
import { Fix } from "./block.js";

const list = signal([]);
const stay = 6000;
let last = 0;

/**
 * Shows a message with what else is to be said; kind is "ok", "warn" or "bad". What went wrong stays
 * until it is closed.
 */
export function toast(text, { kind = "ok", fix = "", notes = [] } = {}) {
  const id = ++last;
  list.value = [...list.value.slice(-3), { id, text, kind, fix, notes }];
  if (kind !== "bad") setTimeout(() => close(id), stay);
}

/** Shows why something could not be done. */
export function toastError(err) {
  if (err.name === "AbortError") return;
  toast(said(err.message), { kind: "bad", fix: err.fix });
}

function close(id) {
  list.value = list.value.filter((m) => m.id !== id);
}

/** The corner; it stands once in the document. */
export function Toasts() {
  return html`
    <div class="toasts" role="region" aria-label=${t("messages")} aria-live="polite">
      ${list.value.map(
        (m) => html`
          <div key=${m.id} class=${`toast ${m.kind}`}>
            <div><p>${m.text}</p>${m.notes.map((n, i) => html`<p key=${i} class="quiet">${n}</p>`)}${m.fix && html`<${Fix} text=${m.fix} />`}</div>
            <button type="button" class="plain" aria-label=${t("close")} onClick=${() => close(m.id)}>✕</button>
          </div>`,
      )}
    </div>`;
}
