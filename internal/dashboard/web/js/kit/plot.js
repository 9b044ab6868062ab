// How charts are drawn: the colours and letters of the style sheet, and scales of their own.
import uPlot from "../../vendor/uplot.js";

const fewPoints = 31; // a line of so few has dots: a value between two gaps would not be seen

/** The options of a plot. live.current holds the chart's properties, box the element it is drawn in. */
export function options(live, box) {
  const { series, stacked, time, x } = live.current;
  const ink = colourOf(box, "--ink-quiet");
  const grid = { stroke: colourOf(box, "--line"), width: 1 };
  const font = `12px ${getComputedStyle(box).fontFamily}`;
  const axis = { stroke: ink, font, grid, ticks: grid };
  const name = (v) => live.current.xName?.(v) ?? String(v);
  return {
    legend: { show: false },
    cursor: { y: false, points: { show: !stacked } },
    scales: { x: { time, range: time ? undefined : (_, min, max) => [min - 0.5, max + 0.5] }, y: { range: (_, min, max) => [Math.min(0, min), max > 0 ? max * 1.05 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, space: time ? 90 : widest(x.map(name)) + 16, values: (_, splits) => splits.map((v) => (time ? name(new Date(v * 1000).toISOString()) : Number.isInteger(v) && x[v] !== undefined ? name(x[v]) : "")), incrs: time ? undefined : [1, 2, 5, 10, 20, 50, 100, 200, 500] },
      { ...axis, size: (_, labels) => Math.min(180, Math.max(64, widest(labels ?? []) + 20)), values: (_, splits) => splits.map((v) => live.current.write(String(Number(v.toPrecision(12))))) },
    ],
    series: [{}, ...drawn(series, box, stacked)],
    hooks: { setCursor: [(u) => live.current.setCursor(u.cursor.idx ?? null)] },
  };
}

function drawn(series, box, stacked) {
  return series.map((s, i) => {
    const colour = colourOf(box, `--series-${(i % 8) + 1}`);
    if (s.kind === "line" && !stacked) return { label: s.label, stroke: colour, width: 2, points: { show: s.values.filter((v) => v !== null && v !== undefined).length <= fewPoints } };
    return { label: s.label, stroke: colour, fill: colour, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.7, 48] }) };
  });
}

// About the width of the longest label, in pixels of the canvas: a character of Chinese takes two places.
function widest(labels) {
  return Math.max(34, ...labels.map((l) => 6.5 * (l.length + (l.match(/[\u2e80-\uffef]/g)?.length ?? 0))));
}

/**
 * Stands every series on the ones after it, since what is drawn later covers what was drawn before:
 * the first series ends up on top.
 */
export function stack(numbers) {
  const out = numbers.map((list) => [...list]);
  for (let s = out.length - 2; s >= 0; s--) {
    for (let i = 0; i < out[s].length; i++) out[s][i] = (out[s][i] ?? 0) + (out[s + 1][i] ?? 0);
  }
  return out;
}

// A canvas does not know custom properties; an element does. Where the system chooses the colours it would
// give the same one to all series.
function colourOf(box, name) {
  const probe = document.createElement("span");
  if (name.startsWith("--series")) probe.style.forcedColorAdjust = "none";
  probe.style.color = `var(${name})`;
  box.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
