// A field for each parameter of the query.
import { html } from "../../../vendor/preact.js";
import { t } from "../../i18n.js";

/** Fields for names; values is what stands in them, onChange gets (name, value). Enter runs the query. */
export function Params({ names, values, onChange, onRun }) {
  if (names.length === 0) return null;
  const run = (e) => {
    e.preventDefault();
    onRun();
  };
  return html`
    <form class="params" aria-label=${t("Parameters of the query")} onSubmit=${run}>
      ${names.map((name) => html`<label key=${name}><code>:${name}</code><input type="text" autocomplete="off" spellcheck="false" value=${values[name] ?? ""} onInput=${(e) => onChange(name, e.currentTarget.value)} /></label>`)}
      <button type="submit" class="hidden" tabindex="-1">${t("Run")}</button>
    </form>`;
}
