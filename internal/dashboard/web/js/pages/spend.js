// What was spent, on what, and what could be saved.
import { html } from "../../vendor/preact.js";
import { zone } from "../format.js";
import { t } from "../i18n.js";
import { Block, Empty, Failure } from "../kit/block.js";
import { SaveCsv } from "../kit/csv.js";
import { change, withParams } from "../kit/params.js";
import { Printed } from "../kit/printed.js";
import { useSettled } from "../kit/settled.js";
import { useApi } from "../kit/useapi.js";
import { href, place } from "../router.js";
import { Budgets } from "./spend/budgets.js";
import { Cache } from "./spend/cache.js";
import { Controls } from "./spend/controls.js";
import { Groups } from "./spend/groups.js";
import { measureOf } from "./spend/measure.js";
import { filtersIn, questionOf, scopeOf, standardRange } from "./spend/question.js";
import { Series } from "./spend/series.js";
import { Totals } from "./spend/totals.js";
import { WhatIf } from "./spend/whatif.js";
import { Windows } from "./spend/windows.js";

/** The page. */
export function Page() {
  const params = place.value.params;
  const sums = useApi("/api/spend", questionOf(params, "sums", ["by", "split", "compare"]));
  return html`
    <div class="spend">
      <${Controls} params=${params} />
      <${Printed} params=${params} standard=${standardRange} filters=${filtersIn(params)} />
      ${sums.error && sums.data && html`<${Failure} error=${sums.error} again=${sums.reload} />`}
      <${Sums} of=${sums} params=${params} />
      <${More} params=${params} of=${sums} />
      <p class="quiet zone">${t("Times are those of %s.", zone.value)}</p>
    </div>`;
}

function Sums({ of, params }) {
  const data = of.data;
  const nothing = data !== null && !data.totals?.requests;
  const measure = measureOf(params.get("show"));
  const scope = withParams(scopeOf(params), { operation: params.getAll("operation").length ? params.getAll("operation") : "messages" });
  const actions = html`
    <${SaveCsv} rows=${data?.groups ?? []} name="prism-spend" />
    ${data?.sql && html`<a class="button" href=${href("/sql", { q: data.sql })}>${t("View as SQL")}</a>`}`;
  return html`
    <${Block} title=${t("Spent")} of=${of} isEmpty=${nothing} empty=${html`<${Nothing} empty=${data?.empty} />`}>
      ${data && html`<${Totals} data=${data} scope=${scope} />`}
    <//>
    ${data && !nothing && html`
      <${Block} title=${t("Over time")} of=${of}><${Series} data=${data} measure=${measure} split=${data.split} />${data.series_cut && html`<p class="quiet">${t("There are too many bars: the oldest are not drawn.")}</p>`}<//>
      <${Block} title=${t("By what")} of=${of} actions=${actions}><${Groups} data=${data} by=${data.by} scope=${scope} measure=${measure} compare=${data.before !== null && data.before !== undefined} /><//>`}`;
}

function Nothing({ empty }) {
  if (empty) return html`<${Empty} text=${t("Nothing was recorded yet. Start the client through prism:")} command="prism run -- claude" />`;
  return html`<p class="quiet">${t("No request in this time range.")} <button type="button" onClick=${() => change({ range: "all", from: null, to: null })}>${t("All time")}</button></p>`;
}

function noWindows(data) {
  return !data?.windows?.length && !data?.late?.includes("windows");
}

// The sums are what is waited for; the rest is asked for when they are there.
function More({ params, of }) {
  const scope = useSettled(of.data ?? of.error, scopeOf(params));
  const part = (name) => [scope ? "/api/spend" : null, scope && questionOf(scope, name)];
  const cache = useApi(...part("cache"));
  const windows = useApi(...part("windows"));
  const budgets = useApi(...part("budgets"));
  const none = (text) => html`<p class="quiet">${text}</p>`;
  const list = budgets.data?.budgets ?? [];
  const found = cache.data?.cache;
  return html`
    <${Block} title=${t("Cache")} of=${cache} isEmpty=${!found || (found.days.length === 0 && found.late.length === 0)} empty=${none(t("No prompt of this range could have been cached."))}>
      ${found && html`<${Cache} cache=${found} range=${cache.data.range} grain=${cache.data.grain} />`}
    <//>
    <${Block} title=${t("Five-hour windows")} of=${windows} isEmpty=${noWindows(windows.data)} empty=${none(t("No window in this time range."))}
      actions=${html`<${SaveCsv} rows=${windows.data?.windows ?? []} name="prism-windows" />`}>
      ${windows.data?.windows && html`<${Windows} windows=${windows.data.windows} partial=${windows.data.windows_partial} late=${windows.data.late.includes("windows")} />`}
    <//>
    <${Block} title=${t("Budgets")} of=${budgets} actions=${list.length > 0 && html`<${SaveCsv} rows=${list.map(({ events, ...b }) => b)} name="prism-budgets" />`} isEmpty=${list.length === 0} empty=${none(t("No budget is set. One is a line of profiles.yaml; docs/budgets.md shows how."))}>
      <${Budgets} budgets=${list} />
    <//>
    ${scope && html`<${WhatIf} params=${params} scope=${scope} />`}`;
}
