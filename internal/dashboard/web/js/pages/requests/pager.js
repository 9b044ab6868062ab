// The way through the pages of the table. A page begins after a row, not at a number: it costs the
// same however deep it lies, and new rows do not move it.
import { html, useEffect, useRef } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { useKeys } from "../../keys.js";
import { change, only, withParams } from "../../kit/params.js";
import { href } from "../../router.js";
import { filterNames } from "./question.js";

/** Links to the page before, the next one and the first one. */
export function Pager({ data, params }) {
  const after = params.get("after");
  const before = usePagesBefore(params, after);
  const next = data?.next ?? null;
  const go = (cursor) => {
    change({ after: cursor, id: null }, { step: true });
    scrollTo({ top: 0 });
    document.getElementById("main")?.focus({ preventScroll: true });
  };
  useKeys([
    { keys: "]", text: () => t("next page"), run: () => go(next), off: next === null },
    { keys: "[", text: () => t("page before"), run: () => go(before ?? null), off: after === null },
  ]);
  if (next === null && after === null) return null;
  const link = (cursor, text) => html`<a class="button" href=${href("/requests", withParams(params, { after: cursor, id: null }))} onClick=${(e) => follow(e, () => go(cursor))}>${text}</a>`;
  return html`
    <nav class="pager" aria-label=${t("Pages of the table")}>
      ${after !== null && link(null, t("« First page"))}
      ${after !== null && before !== undefined && before !== null && link(before, t("‹ Page before"))}
      ${next !== null && link(next, data.searched_to ? searchOn(params, format.dateTime(data.searched_to)) : t("Next page ›"))}
    </nav>`;
}

function searchOn(params, at) {
  return params.get("sort") === "started_at" ? t("Search on after %s ›", at) : t("Search on before %s ›", at);
}

function follow(e, run) {
  if (e.metaKey || e.ctrlKey || e.shiftKey || e.button !== 0) return;
  e.preventDefault();
  run();
}

// Remembers the way here, since a cursor leads forward only. undefined = the page before is not known.
function usePagesBefore(params, after) {
  const question = String(only(params, [...filterNames, "sort"]));
  const way = useRef({ question, pages: [null] });
  if (way.current.question !== question) way.current = { question, pages: [null] };
  const { pages } = way.current;
  const at = pages.indexOf(after);
  useEffect(() => {
    if (at < 0) pages.push(after);
    else pages.length = at + 1;
  }, [question, after]);
  if (after === null) return undefined;
  return at < 0 ? pages.at(-1) : pages[at - 1];
}
