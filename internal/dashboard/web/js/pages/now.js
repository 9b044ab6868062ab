// Who answers, whether it is well, and what it costs: the page to leave open.
import { html } from "../../vendor/preact.js";
import { zone } from "../format.js";
import { t } from "../i18n.js";
import { Loading } from "../kit/block.js";
import { status } from "../store.js";
import { Active } from "./now/active.js";
import { Health } from "./now/health.js";
import { Live } from "./now/live.js";
import { LastSwap } from "./now/swap.js";
import { Today } from "./now/today.js";
import { Limits } from "./now/limits.js";
import { useDay } from "./now/day.js";

/** The page. */
export function Page() {
  const day = useDay();
  if (!status.value) return html`<${Loading} />`;
  return html`
    <div class="now">
      <div class="cards"><${Active} /><${Today} day=${day} /><${Limits} day=${day} /></div>
      <${Health} day=${day} />
      <${Live} />
      <${LastSwap} />
      <p class="quiet zone">${t("Times are those of %s.", zone.value)}</p>
    </div>`;
}
