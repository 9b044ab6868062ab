// A result as a chart: which column is what comes from the address, from the head of the query, or is
// guessed from the types.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { Chart } from "../../kit/chart.js";
import { change } from "../../kit/params.js";
import { MultiSelect, Select } from "../../kit/select.js";
import { place } from "../../router.js";
import { figure, isInstant, isNumber } from "./cells.js";
import { chartIn } from "./scan.js";

const most = 2000;

/** The chart with its choices. */
export function Drawn({ data, text }) {
  const names = data.columns.map((c) => c.name);
  const numeric = data.columns.filter((c) => isNumber(c.type)).map((c) => c.name);
  const { kind, x, y } = choiceOf(data, text, place.value.params);
  const list = (all) => all.map((value) => ({ value, label: value }));
  return html`
    <div class="drawn">
      <div class="filters" role="group" aria-label=${t("What the chart shows")}>
        <${Select} label="x" showLabel options=${list(names)} value=${x} onChange=${(v) => change({ x: v })} />
        <${MultiSelect} label="y" options=${list(numeric)} value=${y} onChange=${(v) => change({ y: v })} />
        <${Select} label=${t("Kind")} showLabel options=${[{ value: "bar", label: t("bars") }, { value: "line", label: t("line") }]} value=${kind} onChange=${(v) => change({ kind: v })} />
      </div>
      ${y.length === 0 || data.rows.length === 0 ? html`<p class="quiet">${numeric.length ? t("Choose what y is.") : t("No column of the result is a number.")}</p>` : html`<${Picture} data=${data} kind=${kind} x=${x} y=${y} />`}
    </div>`;
}

/** What is drawn: {kind, x, y}. Names that the result does not have count for nothing. */
export function choiceOf(data, text, params) {
  const names = data.columns.map((c) => c.name);
  const wanted = chartIn(text) ?? { kind: "", x: "", y: [] };
  const known = (name) => names.includes(name);
  const instant = data.columns.find((c) => isInstant(c.type) || c.type === "DATE")?.name;
  const x = [params.get("x"), wanted.x, instant, data.columns.find((c) => !isNumber(c.type))?.name, names[0]].find(known);
  const numeric = (list) => list.filter((name) => data.columns.some((c) => c.name === name && isNumber(c.type)));
  const guess = numeric(names).filter((name) => name !== x).slice(0, 1);
  const y = [numeric(params.getAll("y")), numeric(wanted.y), guess].find((list) => list.length > 0) ?? [];
  const kind = [params.get("kind"), wanted.kind].find((k) => k === "line" || k === "bar") ?? (isInstant(typeOf(data, x)) ? "line" : "bar");
  return { kind, x, y };
}

function typeOf(data, name) {
  return data.columns.find((c) => c.name === name)?.type ?? "";
}

function Picture({ data, kind, x, y }) {
  const at = data.columns.findIndex((c) => c.name === x);
  const rows = inOrder(data.rows.slice(0, most), at, typeOf(data, x));
  const instant = isInstant(typeOf(data, x));
  const label = (v) => (v === null ? "NULL" : instant ? format.instant(v) : typeof v === "object" ? JSON.stringify(v) : String(v));
  const series = y.map((name) => {
    const i = data.columns.findIndex((c) => c.name === name);
    return { key: name, label: name, kind, values: rows.map((r) => r[i]) };
  });
  return html`
    <${Chart} title=${t("%s by %s", y.join(", "), x)} xTitle=${x} x=${rows.map((r) => r[at])} time=${instant && kind === "line"} xName=${label} axisName=${instant ? shorter(rows, at) : null} series=${series} write=${figure} height=${280} file="query-chart" />
    ${data.rows.length > most && html`<p class="quiet">${t("The first %d rows are drawn.", most)}</p>`}`;
}

// What tells the instants of the axis apart: the day, or within two days the minute.
function shorter(rows, at) {
  const wide = rows.length > 0 && Math.abs(Date.parse(rows.at(-1)[at]) - Date.parse(rows[0][at])) > 2 * 86_400_000;
  return (v) => (v === null ? "NULL" : wide ? format.day(v) : format.minute(v));
}

// A line goes from left to right; names stay in the order of the query.
function inOrder(rows, at, type) {
  if (!isInstant(type) && type !== "DATE") return rows;
  return rows.filter((r) => r[at] !== null).toSorted((a, b) => (a[at] < b[at] ? -1 : a[at] > b[at] ? 1 : 0));
}
