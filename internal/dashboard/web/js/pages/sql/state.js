// The query of the page: what is written, what the address says, and what was run last.
import { signal, useEffect, useRef } from "../../../vendor/preact.js";
import { only, withParams } from "../../kit/params.js";
import { go, place } from "../../router.js";
import { isForeign, mayRun } from "./origin.js";
import { defaults, parameters } from "./scan.js";
import { useRun } from "./run.js";

const first = `select profile, project, count(*) as requests, sum(cost_usd) as cost_usd
from priced
where started_at >= current_date - 7
group by all
order by cost_usd desc nulls last`;

// It outlives the page: who looks something up elsewhere comes back to what he wrote. Every text that
// does not come from the editor has a turn of its own.
const draft = signal({ text: first, values: {}, turn: 0 });

function replace(text, values) {
  draft.value = { text, values: { ...defaults(text), ...values }, turn: draft.peek().turn + 1 };
}

/**
 * Returns {text, turn, values, names, waiting, unknown, foreign, run, write, fill, start, explain, open}. names are
 * the parameters of the text; waiting says that the address has a query that was not run, and unknown
 * is the name in the address that nothing has, or "".
 */
export function useQuery(queries, schema) {
  const params = place.value.params;
  const run = useRun();
  const handled = useRef(null);
  const { text, values, turn } = draft.value;
  const asked = keyOf(params);
  const found = named(params.get("name"), queries, schema);
  useEffect(() => {
    if (asked === handled.current || (!params.has("q") && found === null)) return;
    handled.current = asked;
    const q = params.get("q") ?? found;
    replace(q, valuesOf(params));
    if (mayRun(params)) run.run(q, bound(q, draft.value.values));
  }, [asked, found]);
  const start = () => {
    if (!text.trim()) return;
    const next = addressOf(params, text, bound(text, values));
    handled.current = keyOf(next);
    go("/sql", next, { replace: keyOf(next) === asked });
    run.run(text, bound(text, values));
  };
  const open = (q) => replace(q.sql, Object.fromEntries((q.params ?? []).map((p) => [p.name, p.value])));
  return {
    text, turn, values, run, start, open,
    names: parameters(text),
    waiting: handled.current === asked && params.has("q") && params.get("q") === text && run.question === null && !run.busy,
    unknown: !params.has("q") && found === null && queries && schema ? params.get("name") ?? "" : "",
    foreign: isForeign(params),
    write: (now) => (draft.value = { ...draft.peek(), text: now }),
    fill: (name, value) => (draft.value = { ...draft.peek(), values: { ...draft.peek().values, [name]: value } }),
    explain: () => run.explain(text, bound(text, values)),
  };
}

// A query of the list, or a table or view of that name. null = not known, or not yet.
function named(name, queries, schema) {
  if (!name) return null;
  const query = queries?.queries.find((q) => q.name === name);
  if (query) return query.sql;
  const relation = schema?.relations.find((r) => r.name === name && r.kind !== "macro");
  return relation ? `from ${name}` : null;
}

// Only the parameters that the text has; those without a value yet are empty texts.
function bound(text, values) {
  const given = { ...defaults(text), ...values };
  return Object.fromEntries(parameters(text).map((name) => [name, given[name] ?? ""]));
}

function valuesOf(params) {
  return Object.fromEntries([...params].filter(([name]) => name.startsWith("p.")).map(([name, value]) => [name.slice(2), value]));
}

// What the chart shows belongs to the query: another text begins anew.
function addressOf(params, text, values) {
  const q = params.get("q") === text ? withParams(params, { name: null }) : only(params, ["view"]);
  for (const name of [...q.keys()]) if (name.startsWith("p.")) q.delete(name);
  q.set("q", text);
  for (const [name, value] of Object.entries(values)) q.set(`p.${name}`, value);
  return q;
}

function keyOf(params) {
  return JSON.stringify([params.get("q"), params.get("name"), valuesOf(params)]);
}
