// The rows of a table as a file for spreadsheets, with every digit.
import { html } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { saveAs } from "./download.js";

/** A button that saves rows, a list of flat objects, as NAME.csv. */
export function SaveCsv({ rows, name }) {
  const run = () => saveAs(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }), `${name}.csv`);
  return html`<button type="button" class="csv" disabled=${rows.length === 0} aria-label=${t("Save %s as CSV", name)} onClick=${run}>CSV</button>`;
}

/** Rows as RFC 4180 has them; the names of the columns are those of all rows. */
export function csv(rows) {
  const names = [...new Set(rows.flatMap((r) => Object.keys(r)))];
  return [names, ...rows.map((r) => names.map((n) => r[n]))].map((line) => `${line.map(field).join(",")}\r\n`).join("");
}

// A text that a spreadsheet would take for a formula gets an apostrophe; a number stays one.
function field(value) {
  if (value === null || value === undefined) return "";
  let text = typeof value === "object" ? JSON.stringify(value) : String(value);
  if (/^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
