// The bars over time, and what they are made of.
import { html, useMemo } from "../../../vendor/preact.js";
import { t } from "../../i18n.js";
import { Chart } from "../../kit/chart.js";
import { sum } from "../../kit/exact.js";
import { shortName, spanName, spans } from "./axis.js";

const shown = 7; // colours that are told apart; the eighth is for all others

/** A chart of the series of an answer, in the given measure. */
export function Series({ data, measure, split }) {
  const picture = useMemo(() => arrange(data.series, data.grain, data.range, measure.column), [data, measure.column]);
  const name = (key) => (key === others ? t("all others") : split === "none" ? measure.title : key ?? t("(none)"));
  const series = picture.series.map((s) => ({ key: s.id, label: name(s.key), values: s.values, kind: "bar" }));
  return html`<${Chart} title=${measure.title} xTitle=${t("Time")} x=${picture.x} xName=${(at) => spanName(at, data.grain)} axisName=${shortName(picture.x, data.grain)} series=${series} write=${measure.write} stacked height=${240} file="prism-spend-over-time" />`;
}

const others = Symbol("others");

/**
 * Rows of the API as series over all spans: the largest by themselves, the rest in one, to which the
 * rows belong that the gateway put together itself. A span without a row is 0, one whose requests have
 * no price stays null.
 */
export function arrange(rows, grain, range, column) {
  const x = spans(rows, grain, range);
  const at = new Map(x.map((name, i) => [name, i]));
  const byKey = new Map();
  for (const r of rows) {
    const key = r.other ? others : r.key;
    if (!byKey.has(key)) byKey.set(key, x.map(() => "0"));
    byKey.get(key)[at.get(r.at)] = r[column] === null || r[column] === undefined ? null : String(r[column]);
  }
  const sorted = [...byKey].map(([key, values]) => ({ key, values, all: key === others ? -1 : Number(sum(values) ?? 0) })).toSorted((a, b) => b.all - a.all);
  const rest = sorted.length > shown + 1 || byKey.has(others) ? sorted.splice(Math.min(shown, sorted.length - 1)) : [];
  if (rest.length) sorted.push({ key: others, values: x.map((_, i) => sum(rest.map((s) => s.values[i]))) });
  return { x, series: sorted.map((s, i) => ({ id: i, key: s.key, values: s.values })) };
}
