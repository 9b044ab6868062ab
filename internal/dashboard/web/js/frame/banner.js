// What a person should know right now. There is none while all is well.
import { html } from "../../vendor/preact.js";
import { t, tn } from "../i18n.js";
import { Fix } from "../kit/block.js";
import { link, noticeText, notices } from "../store.js";

const grave = ["away", "file_refused", "journal_broken", "rows_lost", "key_refused", "budget_over", "host_waits"];

/** The gravest notice, the others behind it. */
export function Banner() {
  const list = link.value === "away" ? [{ kind: "away", text: t("the gateway does not answer; what you see is old"), args: [], fix: "prism status" }, ...notices.value] : notices.value;
  if (list.length === 0) return null;
  const [first, ...others] = list;
  return html`
    <div class=${`banner ${kindOf(first)}`} role="region" aria-label=${t("Notices")}>
      <${Notice} notice=${first} />
      ${others.length > 0 &&
      html`<details><summary>${tn(others.length, "%d more")}</summary>
        <ul>${others.map((n, i) => html`<li key=${i}><${Notice} notice=${n} /></li>`)}</ul>
      </details>`}
    </div>`;
}

function kindOf(n) {
  return grave.includes(n.kind) ? "bad" : "warn";
}

function Notice({ notice }) {
  return html`
    <div class="notice">
      <span aria-hidden="true">⚠</span>
      <span class="text">${noticeText(notice)}</span>
      ${["file_refused", "host_waits", "host_new"].includes(notice.kind) && html`<a href="/profiles">${t("Show")}</a>`}
      ${/^budget/.test(notice.kind) && html`<a href="/spend">${t("Show")}</a>`}
      ${notice.fix && html`<${Fix} text=${notice.fix} />`}
    </div>`;
}
