// The windows of plans, as the providers' headers say, the rate of spending, and the budgets.
import { html } from "../../../vendor/preact.js";
import { clock } from "../../clock.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { Block } from "../../kit/block.js";
import { Meter } from "../../kit/meter.js";
import { Until } from "../../kit/values.js";
import { active, status, windows } from "../../store.js";

/** What is left of what there is a limit on. */
export function Limits({ day }) {
  const open = windows.value.filter((w) => !w.resets_at || Date.parse(w.resets_at) > clock.value);
  const own = open.filter((w) => w.profile === active.value);
  const others = open.filter((w) => w.profile !== active.value);
  const budgets = status.value.budgets ?? [];
  return html`
    <${Block} title=${t("Limits")} class="limits">
      ${[...own, ...others].map((w) => html`<${Window} key=${`${w.profile} ${w.name}`} window=${w} />`)}
      ${day.rate !== null && html`<p>${t("%s an hour, by the last one", format.money(day.rate))}</p>`}
      ${budgets.map((b) => html`<${Budget} key=${`${b.scope} ${b.name} ${b.per}`} budget=${b} />`)}
      ${open.length === 0 && budgets.length === 0 && html`<p class="quiet">${t("No window of a plan is known and no budget is set.")}</p>`}
    <//>`;
}

function Window({ window: w }) {
  const name = t("%s window of %s", w.name, w.profile);
  return html`
    <div class="limit">
      <span>${w.name} <span class="name quiet">${w.profile}</span></span>
      <${Meter} label=${name} value=${w.used} />
      <span class="quiet">${w.resets_at && html`<${Until} at=${w.resets_at} />`} <span title=${format.utc(w.seen_at)}>${t("(from headers)")}</span></span>
    </div>`;
}

/** What a budget is for, in words: the day, the week or the month. */
export function perText(per) {
  return { day: t("of the day"), week: t("of the week"), month: t("of the month") }[per] ?? per;
}

function Budget({ budget: b }) {
  return html`
    <div class="limit">
      <span><span class="name">${b.name}</span> <span class="quiet">${perText(b.per)}</span></span>
      <${Meter} label=${t("budget %s", b.name)} value=${Number(b.spent_usd) / Number(b.limit_usd)} over=${b.state === "over" ? 0 : 1} warn=${b.state === "warn" ? 0 : 1} />
      <span>${t("%s of %s", format.money(b.spent_usd), format.money(b.limit_usd))}</span>
    </div>`;
}
