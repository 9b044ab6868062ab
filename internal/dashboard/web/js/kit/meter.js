// How far something is used up.
import { html } from "../../vendor/preact.js";
import * as format from "../format.js";

/** A bar from 0 to 1 with its percentage; value null is not known. warn and over set its colour. */
export function Meter({ label, value, warn = 0.8, over = 1 }) {
  if (value === null || value === undefined) return html`<span class="quiet">${format.unknown}</span>`;
  const kind = value >= over ? "bad" : value >= warn ? "warn" : "ok";
  const percent = Math.round(value * 100);
  return html`
    <span class="metered">
      <span class=${`meter ${kind}`} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.min(percent, 100)} aria-valuetext=${format.share(value)}>
        <span style=${{ width: `${Math.min(percent, 100)}%` }}></span>
      </span>
      <span class="number">${format.share(value)}</span>
    </span>`;
}
