// Every request, to be searched, filtered, sorted and looked into.
import { html, useEffect } from "../../vendor/preact.js";
import { t, tn } from "../i18n.js";
import { useKeys } from "../keys.js";
import { announce } from "../kit/announce.js";
import { Block, Empty, Failure } from "../kit/block.js";
import { change } from "../kit/params.js";
import { Printed } from "../kit/printed.js";
import { Table } from "../kit/table.js";
import { useApi } from "../kit/useapi.js";
import { href, place } from "../router.js";
import * as format from "../format.js";
import { columns } from "./requests/columns.js";
import { Detail } from "./requests/detail.js";
import { Filters } from "./requests/filters.js";
import { Fresh } from "./requests/fresh.js";
import { Pager } from "./requests/pager.js";
import { filtersIn, filtersOf, questionOf, settingFilters, standardRange, standardSort } from "./requests/question.js";

/** The page. */
export function Page() {
  const params = place.value.params;
  const of = useApi("/api/requests", questionOf(params));
  const rows = of.data?.rows ?? [];
  const id = params.get("id");
  const open = (row) => change({ id: row.request_id }, { step: !id });
  useEffect(() => void (of.data && announce(countText(of.data))), [of.data]);
  return html`
    <div class="requests">
      <${Filters} params=${params} of=${of} />
      <${Printed} params=${params} standard=${standardRange} filters=${filtersIn(params)} />
      ${of.error && of.data && html`<${Failure} error=${of.error} again=${of.reload} />`}
      <${Block} title=${t("Requests")} of=${of} actions=${html`<${Count} of=${of} /><${Fresh} of=${of} params=${params} />`}
        isEmpty=${rows.length === 0} empty=${html`<${Nothing} of=${of} params=${params} />`}>
        <${Table} caption=${t("Requests")} columns=${columns(of.data)} rows=${rows} rowKey=${(r) => r.request_id} stack
          sort=${params.get("sort") ?? standardSort} onSort=${(s) => change({ sort: s === standardSort ? null : s, after: null })}
          onOpen=${open} openLabel=${(r) => t("request of %s", format.dateTime(r.started_at))} selected=${id} keyboard=${!id} />
      <//>
      <${Pager} data=${of.data} params=${params} />
      <p class="quiet zone">${t("Times are those of %s.", format.zone.value)}</p>
      ${id && html`<${Detail} id=${id} onClose=${() => change({ id: null })} /><${Neighbours} rows=${rows} id=${id} />`}
    </div>`;
}

function countText(data) {
  if (data.total !== null) return tn(data.total, "%d requests");
  return data.next ? t("more than %d requests", data.rows.length) : tn(data.rows.length, "%d requests");
}

function Count({ of }) {
  if (!of.data) return null;
  return html`<span class="quiet number">${countText(of.data)}${" · "}<span title=${t("how long the ledger was read")}>${format.duration(of.data.took_ms)}</span></span>`;
}

// While the details are open, the rows are gone through in them.
function Neighbours({ rows, id }) {
  const step = (by) => {
    const at = rows.findIndex((r) => r.request_id === id);
    const next = at < 0 ? null : rows[at + by];
    if (next) change({ id: next.request_id });
  };
  useKeys([
    { keys: "j", text: () => t("details of the next row"), run: () => step(1) },
    { keys: "k", text: () => t("details of the row before"), run: () => step(-1) },
  ]);
  return null;
}

// An empty ledger wants traffic; an empty answer wants other filters.
function Nothing({ of, params }) {
  if (of.data?.empty) return html`<${Empty} text=${t("Nothing was recorded yet. Start the client through prism:")} command="prism run -- claude" />`;
  if (of.data?.searched_to) {
    const at = format.dateTime(of.data.searched_to);
    return html`<p class="quiet">${params.get("sort") === "started_at" ? t("Nothing found until %s.", at) : t("Nothing found since %s.", at)}</p>`;
  }
  const filters = filtersOf(params);
  return html`
    <div class="empty">
      <p>${t("No request of this time range fits the filters.")}</p>
      <p><a href=${href("/requests", { range: "all" })}>${t("All requests")}</a>${filters.size > 0 && html` · <button type="button" onClick=${() => change(settingFilters({ range: "all", from: null, to: null }))}>${t("The same filters over all time")}</button>`}</p>
    </div>`;
}
