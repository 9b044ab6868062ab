// The figures behind the small pictures of the last 24 hours.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { SaveCsv } from "../../kit/csv.js";
import { Table } from "../../kit/table.js";
import { Money } from "../../kit/values.js";

/** What each hour cost: hours as useDay has them. */
export function CostByHour({ hours }) {
  const columns = [
    { key: "hour", title: t("Hour"), class: "keep", cell: (h) => format.minute(h.hour) },
    { key: "requests", title: t("Requests"), align: "right", cell: (h) => format.count(h.requests) },
    { key: "cost", title: t("Cost"), align: "right", cell: (h) => html`<${Money} value=${h.cost_usd} unpriced=${h.unpriced > 0} />` },
  ];
  return html`<${Figures} caption=${t("Cost by hour, the last 24 hours")} columns=${columns} rows=${hours} file="prism-hours" fileRows=${hours} />`;
}

/** The requests of each profile in each hour, and how many of them failed: byProfile as useDay has it. */
export function RequestsByHour({ byProfile }) {
  const names = [...byProfile.keys()];
  if (names.length === 0) return null;
  const hours = byProfile.get(names[0]).map((h, i) => ({ hour: h.hour, i }));
  const columns = [
    { key: "hour", title: t("Hour"), class: "keep", cell: (h) => format.minute(h.hour) },
    ...names.map((name) => ({ key: `of ${name}`, title: html`<span class="name">${name ?? format.unknown}</span>`, align: "right", cell: (h) => html`<${Requests} of=${byProfile.get(name)[h.i]} />` })),
  ];
  const rows = names.flatMap((name) => byProfile.get(name).map((h) => ({ profile: name, ...h })));
  return html`<${Figures} caption=${t("Requests by hour, the last 24 hours")} columns=${columns} rows=${hours} file="prism-health-hours" fileRows=${rows} />`;
}

function Requests({ of: h }) {
  return html`<span class="number">${format.count(h.requests)}</span>${h.errors > 0 && html` <span class="quiet">${t("%s failed", format.count(h.errors))}</span>`}`;
}

function Figures({ caption, columns, rows, file, fileRows }) {
  return html`
    <details>
      <summary>${t("The numbers as a table")}</summary>
      <${Table} caption=${caption} columns=${columns} rows=${rows} rowKey=${(h) => h.hour} />
      <p><${SaveCsv} rows=${fileRows} name=${file} /></p>
    </details>`;
}
