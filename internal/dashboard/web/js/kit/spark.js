// Small pictures of a row of numbers.
import { html } from "../../vendor/preact.js";

const unit = 6; // width of one bar with its gap, in units of the picture
const high = 24;

/**
 * Bars for values, the oldest first. label says in words what they show; title(i) is what the bar
 * with that index is told as; bad(i) is the part of its value that is drawn as failed.
 */
export function Spark({ values, label, title, bad }) {
  const numbers = values.map(Number);
  const most = Math.max(...numbers, 0) || 1;
  const bars = numbers.map((v, i) => bar(i, v / most, v > 0 ? Number(bad?.(i) ?? 0) / v : 0, title?.(i)));
  return html`<svg class="spark" role="img" aria-label=${label} viewBox=${`0 0 ${Math.max(values.length, 1) * unit} ${high}`} preserveAspectRatio="none">${bars}</svg>`;
}

function bar(i, part, failed, title) {
  const height = part > 0 ? Math.max(2, part * high) : 1;
  const lost = failed > 0 ? Math.max(2, height * failed) : 0;
  return html`
    <g key=${i}>
      ${title && html`<title>${title}</title>`}
      <rect class="reach" x=${i * unit} y="0" width=${unit} height=${high} />
      <rect class=${part > 0 ? "value" : "none"} x=${i * unit} y=${high - height} width=${unit - 1.5} height=${height} />
      ${lost > 0 && html`<rect class="lost" x=${i * unit} y=${high - lost} width=${unit - 1.5} height=${lost} />`}
    </g>`;
}
