// What a sheet of paper has to say by itself, since what is pressed to choose it is not printed.
import { html } from "../../vendor/preact.js";
import * as format from "../format.js";
import { t } from "../i18n.js";
import { rangeText } from "./range.js";

/** The days that a page is about, its other filters (a list of {name, value}), and whose days they are. */
export function Printed({ params, standard, filters }) {
  return html`
    <p class="printed">
      ${t("Time range: %s", rangeText(params, standard))} · ${format.zone.value}
      ${filters.map((f) => html`<span key=${`${f.name} ${f.value}`}> · ${f.name}: <span class="name">${f.value || t("(none)")}</span></span>`)}
    </p>`;
}
