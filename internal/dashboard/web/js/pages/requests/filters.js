// The row of filters. What they offer is what occurs under the other filters, with how often.
import { html, useEffect, useMemo, useRef, useState } from "../../../vendor/preact.js";
import { count } from "../../format.js";
import { said, t } from "../../i18n.js";
import { useKeys } from "../../keys.js";
import { Download } from "../../kit/download.js";
import { change, withParams } from "../../kit/params.js";
import { Range } from "../../kit/range.js";
import { Search } from "../../kit/search.js";
import { Choice, MultiSelect } from "../../kit/select.js";
import { useSettled } from "../../kit/settled.js";
import { useApi } from "../../kit/useapi.js";
import { outcomeName } from "../../kit/values.js";
import { href } from "../../router.js";
import { failed, filtersOf, questionOf, settingFilters, standardRange } from "./question.js";
import { Views } from "./views.js";

const set = (changes) => change(settingFilters(changes));

/** Search, time, a filter for each thing that can be asked for, and what can be done with the result. */
export function Filters({ params, of }) {
  const box = useRef(null);
  useKeys([{ keys: "/", text: () => t("search"), run: () => box.current.focus() }]);
  const facets = useFacets(params, of);
  return html`
    <div class="filters" role="search" aria-label=${t("Filters")} tabindex="-1">
      <${Search} box=${box} value=${params.get("q") ?? ""} label=${t("Search")} placeholder=${t("id, session, error, project …")} onSearch=${(q) => set({ q: q || null })} />
      <${Range} params=${params} standard=${standardRange} onChange=${set} />
      <${Facet} name="profile" label=${t("profile")} params=${params} facets=${facets} />
      <${Facet} name="model" label=${t("model")} params=${params} facets=${facets} />
      <${Results} params=${params} facets=${facets} />
      <${Facet} name="outcome" label=${t("outcome")} params=${params} facets=${facets} text=${outcomeName} />
      <${Facet} name="project" label=${t("project")} params=${params} facets=${facets} />
      <${Facet} name="branch" label=${t("branch")} params=${params} facets=${facets} />
      <${Facet} name="source" label=${t("source")} params=${params} facets=${facets} />
      <${Facet} name="operation" label=${t("operation")} params=${params} facets=${facets} />
      <${Chips} params=${params} />
      <span class="actions">
        <${Views} params=${params} />
        <${Download} path="/api/requests.csv" params=${filtersOf(params)} label="CSV" name="requests.csv" />
        <${Download} path="/api/requests.parquet" params=${filtersOf(params)} label="Parquet" name="requests.parquet" />
        <${Download} path="/api/requests.json" params=${filtersOf(params)} label="JSON" name="requests.json" />
        ${of.data?.sql && html`<a class="button" href=${href("/sql", { q: of.data.sql })}>${t("View as SQL")}</a>`}
      </span>
    </div>`;
}

// The counts come after the rows, which are what is waited for. Those that take long are asked for
// by themselves, so that they do not hold up the others. What is not counted just now is listed as it
// was counted last, so that no list goes while somebody chooses in it; how often it occurs is not known.
function useFacets(params, of) {
  const filters = useSettled(of.data ?? of.error, filtersOf(params));
  const quick = useApi(filters ? "/api/facets" : null, filters);
  const late = quick.data?.late ?? [];
  const patient = new URLSearchParams(filters ?? "");
  if (late.length) {
    patient.set("only", late.join(","));
    patient.set("patience", "1");
  }
  const slow = useApi(late.length ? "/api/facets" : null, patient);
  const last = useRef({ found: {}, more: {} });
  const facets = useMemo(() => {
    const found = { ...quick.data?.facets, ...(late.length ? slow.data?.facets : {}) };
    last.current = { found: { ...last.current.found, ...found }, more: { ...last.current.more, ...quick.data?.more, ...slow.data?.more } };
    return { found, last: last.current.found, more: last.current.more };
  }, [quick.data, slow.data]);
  return { ...facets, problem: quick.waiting ?? quick.error ?? slow.waiting ?? slow.error };
}

function Facet({ name, label, params, facets, text }) {
  const chosen = params.getAll(name);
  const counted = facets.found[name];
  const found = counted ?? facets.last[name]?.map(({ value }) => ({ value })) ?? [];
  const more = facets.more[name] === true;
  const [wanted, find] = useLater("");
  const narrowed = useApi(more && wanted ? "/api/facets" : null, withParams(filtersOf(params), { only: name, find: wanted, patience: "1" }));
  if (found.length === 0 && chosen.length === 0) return null;
  const word = (v) => (v === "" ? t("(none)") : text ? text(v) : v);
  const fitting = narrowed.data?.facets[name];
  const list = fitting ?? found;
  const partial = !counted || (more && (narrowed.loading || !fitting));
  const note = !counted && facets.problem ? said(facets.problem.message) : more ? noteOf(narrowed, wanted, found.length) : null;
  const options = list.map((f) => ({ value: f.value === null ? "" : String(f.value), count: f.count })).map((o) => ({ ...o, label: word(o.value) }));
  return html`<${MultiSelect} label=${label} note=${note} partial=${partial} options=${options} value=${chosen} onChange=${(v) => set({ [name]: v })} onFind=${more ? find : null} />`;
}

function noteOf(narrowed, wanted, listed) {
  const problem = narrowed.waiting ?? narrowed.error;
  if (wanted && problem) return said(problem.message);
  if (wanted && narrowed.loading) return t("loading");
  if (wanted && narrowed.data?.late.length > 0) return t("This took too long for so many requests; a shorter time range has it.");
  return t("The %d most frequent are listed; the others are found by a part of their name.", listed);
}

// A state that is set when nothing came for a moment, as while somebody types.
function useLater(first) {
  const [value, set] = useState(first);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  return [value, (next) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set(next), 250);
  }];
}

// The questions that are asked most, in one place; outcome and status are what stands behind them.
function Results({ params, facets }) {
  const chosen = [...params.getAll("outcome").map((v) => `outcome=${v}`), ...params.getAll("status").map((v) => `status=${v}`)].join("&");
  const sum = (name, which) => (facets.found[name] ?? []).filter((f) => which(f.value)).reduce((n, f) => n + f.count, 0);
  // Each is counted under the choice of the other, which choosing here would reset: the counts of both
  // say what a choice would show only while neither is made.
  const known = chosen === "" && facets.found.outcome !== undefined && facets.found.status !== undefined;
  const option = (value, label, n) => ({ value, n, label: known && value ? html`${label} <small>${count(n)}</small>` : label });
  const options = [
    option("", t("all")),
    option("outcome=ok", t("ok"), sum("outcome", (v) => v === "ok")),
    option("outcome=failed", t("error"), sum("outcome", failed)),
    option("status=429", "429", sum("status", (v) => Number(v) === 429)),
    option("status=5xx", "5xx", sum("status", (v) => Number(v) >= 500)),
  ].filter((o) => !known || o.n !== 0 || o.value === chosen);
  const choose = (value) => {
    const [name, one] = value.split("=");
    set({ outcome: null, status: null, ...(name ? { [name]: one } : {}) });
  };
  return html`<${Choice} label=${t("Results")} options=${options} value=${chosen} onChange=${choose} />`;
}

// What goes when it is pressed hands the focus to the row that it stood in.
function leave(e) {
  e.currentTarget.closest(".filters").focus({ preventScroll: true });
}

// Filters that come from links and have no list of their own; each can be taken back.
function Chips({ params }) {
  const words = { session: t("session"), agent: t("agent"), host: t("machine"), provider: t("provider"), tag: t("tag"), unpriced: t("unpriced"), status: t("status") };
  const chips = Object.keys(words).flatMap((name) => params.getAll(name).map((value) => ({ name, value })));
  const without = (e, { name, value }) => {
    leave(e);
    set({ [name]: params.getAll(name).filter((v) => v !== value) });
  };
  return html`
    ${chips.map((c) => html`<button type="button" class="chiplet" key=${`${c.name} ${c.value}`} aria-label=${t("Without the filter %s %s", words[c.name], c.value)} onClick=${(e) => without(e, c)}>${words[c.name]} ${c.name !== "unpriced" && html`<b class="name">${c.value}</b>`} <span aria-hidden="true">✕</span></button>`)}
    ${filtersOf(params).size > 0 && html`<a class="clear" href=${href("/requests", { sort: params.get("sort") })} onClick=${leave}>${t("Clear the filters")}</a>`}`;
}
