// One problem of the file: where, what, the lines around it, and how to mend it.
import { html } from "../../../vendor/preact.js";
import { said, t } from "../../i18n.js";
import { Fix, position } from "../../kit/block.js";
import { Mark } from "../../kit/values.js";

/** A problem as config reports it. */
export function Problem({ problem: p }) {
  const bad = p.severity === "error";
  return html`
    <div class="problem">
      <p>
        <${Mark} kind=${bad ? "bad" : "warn"}>${bad ? t("error") : t("warning")}<//>${" "}
        <span class="name">${position({ ...p.at, file: (p.at?.file ?? "").split("/").slice(-1)[0] })}</span>${" "}
        ${p.at?.path && html`<code>${p.at.path}</code>${" "}`}<strong>${said(p.message)}</strong>
      </p>
      ${p.excerpt && html`<pre class="excerpt" tabindex="0" aria-label=${t("The lines of the file")}>${p.excerpt}</pre>`}
      ${p.fix && html`<${Fix} text=${p.fix} />`}
    </div>`;
}
