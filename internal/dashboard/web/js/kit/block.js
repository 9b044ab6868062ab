// A part of a page, which says by itself that it loads, failed, is empty or shows old figures.
import { html, useId } from "../../vendor/preact.js";
import { clock } from "../clock.js";
import * as format from "../format.js";
import { said, t } from "../i18n.js";
import { CopyLine } from "./copy.js";

/**
 * A section with a heading. of is what useApi returned; children are shown once there is data, and
 * empty (an element) in their place where isEmpty says so. actions stand beside the heading.
 */
export function Block({ title, of, actions, isEmpty = false, empty = null, level = 2, class: kind = "", children }) {
  const id = useId();
  return html`
    <section class=${`block ${kind}`} aria-labelledby=${id} aria-busy=${of?.loading ? "true" : "false"}>
      <header>
        <${`h${level}`} id=${id}>${title}<//>
        ${of && html`<${Age} of=${of} />`}
        ${actions && html`<div class="actions">${actions}</div>`}
      </header>
      ${body({ of, isEmpty, empty, children })}
    </section>`;
}

function body({ of, isEmpty, empty, children }) {
  if (of && of.data === null) return html`<${Pending} of=${of} />`;
  return isEmpty ? empty : children;
}

/** What stands where useApi has no data: why, and whether it is asked for again. */
export function Pending({ of }) {
  if (of.error) return html`<${Failure} error=${of.error} again=${of.reload} />`;
  return of.waiting ? html`<${Waiting} error=${of.waiting} />` : html`<${Loading} />`;
}

/** Says why there is no answer yet, and what would help; it is asked for again by itself. */
export function Waiting({ error }) {
  const helps = error.fix && !/^try again\b/.test(error.fix); // that is what the page does
  return html`
    <p class="loading" role="status"><span class="spin" aria-hidden="true"></span>${said(error.message)} <span class="quiet">${t("It is asked again.")}</span></p>
    ${helps && html`<${Fix} text=${error.fix} />`}`;
}

/** Says that the figures are old, how old, and why. */
export function Age({ of }) {
  if (!of.stale) return null;
  const seconds = Number(of.data?.age_s ?? 0);
  const at = of.at - seconds * 1000;
  const reason = of.error ?? of.waiting;
  const why = reason ? said(reason.message) : t("the ledger is busy");
  return html`<span class="stale" title=${why}>${t("%s old", format.duration(Math.max(1000, Math.round((clock.value - at) / 1000) * 1000)))}</span>`;
}

/** A place where data will be. */
export function Loading() {
  return html`<p class="loading"><span class="spin" aria-hidden="true"></span>${t("loading")}</p>`;
}

/** An error: what is wrong, where, and how to mend it. */
export function Failure({ error, again }) {
  return html`
    <div class="failure" role="alert">
      <p><strong>${said(error.message)}</strong>${error.at && html` <span class="name">${position(error.at)}</span>`}</p>
      ${error.fix && html`<${Fix} text=${error.fix} />`}
      ${again && html`<button type="button" onClick=${again}>${t("Try again")}</button>`}
    </div>`;
}

/** A way to mend something: a command to copy, or advice. */
export function Fix({ text }) {
  const command = /^prism /.test(text) && !/[,;:] /.test(text);
  if (command) return html`<${CopyLine} text=${text} />`;
  return html`<p class="fix">${t("fix: %s", said(text))}</p>`;
}

/** A place in a file as editors write it. */
export function position(at) {
  return [at.file, at.line, at.column].filter(Boolean).join(":");
}

/** What a block shows when there is nothing yet, with the command that changes it. */
export function Empty({ text, command }) {
  return html`<div class="empty"><p>${text}</p>${command && html`<${CopyLine} text=${command} />`}</div>`;
}
