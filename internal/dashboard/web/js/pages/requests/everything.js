// Every column of a row, as the ledger has it.
import { html } from "../../../vendor/preact.js";
import { t } from "../../i18n.js";
import { Table } from "../../kit/table.js";

/** The columns that have a value; the usage as the provider reported it comes last. */
export function Everything({ request }) {
  const rows = Object.entries(request).filter(([name, v]) => v !== null && v !== undefined && v !== "" && name !== "usage_raw");
  const columns = [
    { key: "name", title: t("Column"), cell: ([name]) => html`<code>${name}</code>` },
    { key: "value", title: t("Value"), cell: ([, v]) => html`<span class="name">${typeof v === "object" ? JSON.stringify(v) : String(v)}</span>` },
  ];
  return html`
    <details class="everything"><summary>${t("Every column")}</summary>
      <${Table} caption=${t("Every column")} columns=${columns} rows=${rows} rowKey=${([name]) => name} />
    </details>
    ${request.usage_raw && html`<details><summary>${t("Usage as the provider reported it")}</summary><pre tabindex="0" aria-label=${t("Usage as the provider reported it")}>${JSON.stringify(request.usage_raw, null, 2)}</pre></details>`}`;
}
