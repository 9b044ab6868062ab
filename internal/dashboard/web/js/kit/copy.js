// Text to take along.
import { html, useState } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { announce } from "./announce.js";

/** Puts text on the clipboard; tells whether that worked. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

// Where the clipboard is refused, what is selected can still be copied.
function copyBySelection(text) {
  const box = document.createElement("textarea");
  box.value = text;
  box.className = "hidden";
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  return done;
}

/** A button that copies a text; what names what that is, for those who do not see it. */
export function Copy({ text, what, label }) {
  const [done, set] = useState(false);
  const run = async () => {
    if (!(await copy(text))) return;
    set(true);
    announce(t("copied"));
    setTimeout(() => set(false), 1500);
  };
  return html`<button type="button" class="copy" onClick=${run} aria-label=${what ? t("copy %s", what) : null}>${done ? t("copied") : label ?? t("copy")}</button>`;
}

/** A command or another line of text with its button. */
export function CopyLine({ text }) {
  return html`<div class="copyline"><code tabindex="0">${text}</code><${Copy} text=${text} what=${text} /></div>`;
}
