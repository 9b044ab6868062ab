// What finished since the table was read. It waits: rows that move while they are read are misread.
import { html, useRef } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { change } from "../../kit/params.js";
import { exchanges, kept } from "../../store.js";
import { matches, standardSort } from "./question.js";

/** A button that counts the new requests which the filters let through, and shows them. */
export function Fresh({ of, params }) {
  const { count, more } = useFresh(of, params);
  if (count === 0) return null;
  const show = () => {
    document.getElementById("main")?.focus({ preventScroll: true }); // the button goes
    if (params.has("after") || params.has("sort")) change({ after: null, sort: null });
    else of.reload();
    scrollTo({ top: 0 });
  };
  return html`<button type="button" class="fresh" onClick=${show}>${t("%d new", more ? `${format.count(count)}+` : count)} <span aria-hidden="true">↑</span></button>`;
}

// A row that is shown already, or that was known when the table was read, is not new. Only so many are
// remembered: where even the oldest of them is new, there may have been more.
function useFresh(of, params) {
  const known = useRef({ data: null, ids: new Set() });
  if (known.current.data !== of.data) {
    const shown = (of.data?.rows ?? []).map((r) => r.request_id);
    const before = first(params) ? exchanges.peek().filter((x) => finishedBefore(x, of.data)) : exchanges.peek();
    known.current = { data: of.data, ids: new Set([...shown, ...before.map((x) => x.request_id)]) };
  }
  if (!of.data) return { count: 0, more: false };
  const list = exchanges.value;
  const { ids } = known.current;
  return { count: list.filter((x) => !ids.has(x.request_id) && matches(params, x)).length, more: list.length >= kept && !ids.has(list.at(-1).request_id) };
}

function first(params) {
  return !params.has("after") && (params.get("sort") ?? standardSort) === standardSort;
}

// Both instants are the gateway's. What finished just before may not have been in the ledger yet.
function finishedBefore(x, data) {
  return !data?.at || Date.parse(x.started_at) + (x.duration_ms ?? 0) <= Date.parse(data.at) - 2000;
}
