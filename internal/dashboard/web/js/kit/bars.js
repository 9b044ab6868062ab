// A list of names with a bar for each: who has how much of a sum.
import { html } from "../../vendor/preact.js";

/** Rows of {key, label, value (a number, for the length alone), text (what is written)}. */
export function Bars({ rows, label }) {
  const most = Math.max(...rows.map((r) => Number(r.value) || 0), 0) || 1;
  return html`
    <ul class="bars" aria-label=${label}>
      ${rows.map(
        (r) => html`
          <li key=${r.key}>
            <span class="name">${r.label}</span>
            <span class="bar" aria-hidden="true"><span style=${{ width: `${(100 * (Number(r.value) || 0)) / most}%` }}></span></span>
            <span class="number">${r.text}</span>
          </li>`,
      )}
    </ul>`;
}
