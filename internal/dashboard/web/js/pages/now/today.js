// What today cost so far.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t, tn } from "../../i18n.js";
import { Age, Block } from "../../kit/block.js";
import { Spark } from "../../kit/spark.js";
import { status } from "../../store.js";
import { CostByHour } from "./hours.js";

/** Money first, then what it was for. */
export function Today({ day }) {
  const sum = status.value.today;
  return html`
    <${Block} title=${t("Today")} class="today">
      <p><span class="big number" title=${sum.cost_usd ? `$${sum.cost_usd}` : t("no price is known")}>${format.money(sum.cost_usd)}</span> <span>${tn(sum.requests, "%d requests")}</span></p>
      <p>${t("%s of the prompt from the cache, saved %s", format.percent(sum.cache_read_tokens, sum.prompt_tokens), format.money(sum.saved_usd))}</p>
      <p class="quiet">
        ${t("prompt %s, output %s", format.tokens(sum.prompt_tokens), format.tokens(sum.output_tokens))}
        ${sum.unpriced > 0 && html` · <a href="/sql?name=unpriced">${tn(sum.unpriced, "%d unpriced")}</a>`}
      </p>
      ${day.hours.length > 0 && html`<${ByHour} hours=${day.hours} />`}
      <${Age} of=${day.of} />
    <//>`;
}

function ByHour({ hours }) {
  const cost = (h) => (h.cost_usd === null && h.unpriced > 0 ? t("unpriced") : format.money(h.cost_usd));
  const told = (i) => t("%s: %s, %s", format.minute(hours[i].hour), tn(hours[i].requests, "%d requests"), cost(hours[i]));
  return html`<div class="byhour"><${Spark} values=${hours.map((h) => h.cost_usd ?? 0)} label=${t("Cost by hour, the last 24 hours")} title=${told} /><span class="quiet">${t("by hour")}</span></div><${CostByHour} hours=${hours} />`;
}
