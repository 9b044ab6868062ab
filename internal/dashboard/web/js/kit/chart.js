// Charts, each with its numbers in a table behind it.
import { html, useEffect, useRef, useSignal } from "../../vendor/preact.js";
import uPlot from "../../vendor/uplot.js";
import { t } from "../i18n.js";
import { shade } from "../theme.js";
import { SaveCsv } from "./csv.js";
import { options, stack } from "./plot.js";
import { Table } from "./table.js";

/**
 * A chart and its table. x is a list of names or, with time, of instants (RFC 3339); xName(x) writes
 * one, axisName(x) a shorter one for the axis. series is a list of {key, label, values, kind: "bar" | "line"}: values are exact texts,
 * numbers or null, which are numbers for the picture only; write(value) writes one for people.
 * With stacked the series stand on one another. file is the name of the table as a file.
 */
export function Chart({ title, xTitle, x, time = false, xName, axisName, series, write, stacked = false, height = 220, open = false, file = "prism-chart" }) {
  const cursor = useSignal(null); // of the legend alone: the rest is not drawn again for each step of the mouse
  const colours = shade.value; // drawn again with the colours of the theme
  const box = usePlot({ x, time, xName: axisName ?? xName, series, write, stacked, height, colours, setCursor: (i) => (cursor.value = i) });
  const name = xName ?? String;
  const rows = x.map((at, i) => ({ at, i }));
  const columns = [
    { key: "x", title: xTitle, cell: (r) => name(r.at) },
    ...series.map((s) => ({ key: s.key, title: s.label, align: "right", cell: (r) => write(s.values[r.i]) })),
  ];
  return html`
    <figure class="chart">
      <div class="plot" ref=${box} role="img" aria-label=${t("%s: a chart; its numbers are in the table below", title)}></div>
      <${Legend} series=${series} cursor=${cursor} x=${x} name=${name} write=${write} />
      <details open=${open}>
        <summary>${t("The numbers as a table")}</summary>
        <${Table} caption=${title} columns=${columns} rows=${rows} rowKey=${(r) => r.i} />
        <p><${SaveCsv} rows=${rows.map((r) => fileRow(r, xTitle, series))} name=${file} /></p>
      </details>
    </figure>`;
}

// Two series may be called the same.
function fileRow({ at, i }, xTitle, series) {
  const out = { [xTitle]: at };
  for (const s of series) out[s.label in out ? `${s.label} (${s.key})` : s.label] = s.values[i];
  return out;
}

// Read by eyes that see the chart; everybody else has the table.
function Legend({ series, cursor, x, name, write }) {
  const at = cursor.value !== null && cursor.value < x.length ? cursor.value : null;
  return html`
    <figcaption class="legend" aria-hidden="true">
      ${series.map((s, i) => html`<span key=${s.key}><i class=${`swatch series-${(i % 8) + 1}`}></i><span class="name">${s.label}</span>${at !== null && html` <b>${write(s.values[at])}</b>`}</span>`)}
      <span class="quiet">${at === null ? "" : name(x[at])}</span>
    </figcaption>`;
}

const paper = 680; // CSS pixels that a sheet has room for

function usePlot(props) {
  const box = useRef(null);
  const live = useRef(null);
  live.current = props;
  const { x, series, height, stacked, colours, time } = props;
  const shape = JSON.stringify([x, series.map((s) => [s.key, s.label, s.kind, s.values]), height, stacked, colours, time]);
  useEffect(() => {
    const at = box.current;
    const numbers = series.map((s) => s.values.map((v) => (v === null || v === undefined ? null : Number(v))));
    const xs = time ? x.map((v) => Date.parse(v) / 1000) : x.map((_, i) => i);
    const draw = (width) => new uPlot({ ...options(live, at), width, height }, [xs, ...(stacked ? stack(numbers) : numbers)], at);
    let plot = draw(at.clientWidth || 600);
    const again = (width) => {
      plot.destroy();
      plot = draw(width);
    };
    // A picture keeps its ink and its width where the sheet has others.
    const printing = () => again(Math.min(paper, at.clientWidth || paper));
    const printed = () => again(at.clientWidth || 600);
    addEventListener("beforeprint", printing);
    addEventListener("afterprint", printed);
    const watch = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height }));
    watch.observe(at);
    return () => {
      removeEventListener("beforeprint", printing);
      removeEventListener("afterprint", printed);
      watch.disconnect();
      plot.destroy();
    };
  }, [shape]);
  return box;
}
