// What a query gave: as a table, as a chart, as a file.
import { html, useState } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t, tn } from "../../i18n.js";
import { Failure, Loading, Waiting } from "../../kit/block.js";
import { Copy } from "../../kit/copy.js";
import { Download } from "../../kit/download.js";
import { change } from "../../kit/params.js";
import { Choice } from "../../kit/select.js";
import { Table } from "../../kit/table.js";
import { place } from "../../router.js";
import { isNumber, Value } from "./cells.js";
import { Drawn } from "./drawn.js";
import { chartIn } from "./scan.js";

const page = 200; // rows that are added to the document at once

/** The result of the last run, or why there is none. */
export function Result({ run, text }) {
  if (run.waiting) return html`<${Waiting} error=${run.waiting} />`;
  if (run.busy && !run.data) return html`<${Loading} />`;
  if (run.error) return html`<div class="sqlerror"><${Failure} error=${{ ...run.error, message: firstLine(run.error.message) }} />${restOf(run.error.message) && html`<pre tabindex="0" aria-label=${t("The error")}>${restOf(run.error.message)}</pre>`}</div>`;
  if (run.plan !== null) return html`<pre class="plan" tabindex="0" aria-label=${t("The plan of the query")}>${run.plan}</pre>`;
  if (!run.data) return html`<p class="quiet">${t("Nothing was run yet.")}</p>`;
  return html`<${Found} data=${run.data} question=${run.question} text=${text} />`;
}

function firstLine(message) {
  return message.split("\n", 1)[0];
}

// DuckDB shows the line and a caret below it; both only make sense in letters of one width.
function restOf(message) {
  return message.includes("\n") ? message.slice(message.indexOf("\n") + 1) : "";
}

function Found({ data, question, text }) {
  const view = place.value.params.get("view") ?? (chartIn(text) ? "chart" : "table");
  const link = new URL(location.href);
  const views = [{ value: "table", label: t("Table") }, { value: "chart", label: t("Chart") }];
  return html`
    <div class="result">
      <div class="bar">
        <span class="number">${summary(data)}</span>
        <${Choice} label=${t("Show the result as")} options=${views} value=${view} onChange=${(v) => change({ view: v })} />
        <span class="actions">
          <${Download} path="/api/sql.csv" params=${withFile(question)} label="CSV" name="query.csv" />
          <${Download} path="/api/sql.json" params=${withFile(question)} label="JSON" name="query.json" />
          <${Download} path="/api/sql.parquet" params=${withFile(question)} label="Parquet" name="query.parquet" />
          <${Copy} text=${link.href} label=${t("Copy URL")} />
        </span>
      </div>
      ${data.columns.length === 0 ? html`<p class="quiet">${t("The query gave no columns.")}</p>` : view === "chart" ? html`<${Drawn} data=${data} text=${text} />` : html`<${Rows} data=${data} key=${question} />`}
    </div>`;
}

function withFile(question) {
  const q = new URLSearchParams(question);
  q.set("download", "1");
  return q;
}

function summary(data) {
  const took = format.duration(data.took_ms);
  if (data.truncated) return t("%s and more are there, %s; a file has up to 100,000", tn(data.count, "%d rows"), took);
  return t("%s, %s", tn(data.count, "%d rows"), took);
}

function Rows({ data }) {
  const [shown, more] = useState(page);
  const columns = data.columns.map((c, i) => ({ key: `${i}`, title: html`<span class="name" title=${c.type}>${c.name}</span>`, align: isNumber(c.type) ? "right" : undefined, cell: (r) => html`<${Value} value=${r.values[i]} type=${c.type} />` }));
  const rows = data.rows.slice(0, shown).map((values, n) => ({ values, n }));
  return html`
    <${Table} caption=${t("Result of the query")} columns=${columns} rows=${rows} rowKey=${(r) => r.n} />
    ${shown < data.rows.length && html`<p><button type="button" onClick=${() => more(shown + page)}>${t("Show %d more", Math.min(page, data.rows.length - shown))}</button></p>`}
    ${data.rows.length === 0 && html`<p class="quiet">${t("No row.")}</p>`}`;
}
