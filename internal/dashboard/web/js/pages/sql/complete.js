// What the editor offers while a query is written: tables, their columns, macros, functions, words.
import { SQLDialect, keywordCompletionSource, sql } from "../../../vendor/codemirror.js";
import { t } from "../../i18n.js";

/** The language of the ledger's queries, as the schema describes it. */
export function language(schema) {
  const dialect = SQLDialect.define({
    keywords: [...new Set((schema?.keywords ?? fewWords).map((w) => w.toLowerCase()))].join(" "),
    builtin: functionsOf(schema).map((f) => f.name).join(" "),
    types: "bigint boolean date decimal double float hugeint integer interval json list map real smallint struct time timestamp timestamptz tinyint ubigint uinteger uuid varchar",
    doubleDollarQuotedStrings: true,
    escapeOnlyE: true,
    specialVar: ":$",
  });
  const support = sql({ dialect });
  return [support, support.language.data.of({ autocomplete: namesOf(schema) }), support.language.data.of({ autocomplete: keywordCompletionSource(dialect) })];
}

// Known without the schema, so that colours are there at once.
const fewWords = "select from where group by order having limit all as and or not in is null like between case when then else end join left asof using on with distinct union desc asc qualify over partition filter".split(" ");

/** A source of completions: the relations, and the columns of those that the query names. */
export function namesOf(schema) {
  const relations = schema?.relations ?? [];
  const functions = () => functionsOf(schema).map((f) => ({ label: f.name, type: "function", detail: f.params?.join(", "), info: about(f), apply: `${f.name}(`, boost: f.params ? 0 : -1 }));
  return (context) => {
    const word = context.matchBefore(/[\p{L}_][\p{L}\p{Nd}_.]*/u);
    if (!word && !context.explicit) return null;
    const text = context.state.doc.toString();
    const dot = word?.text.lastIndexOf(".") ?? -1;
    const from = (word?.from ?? context.pos) + dot + 1;
    const columns = columnsOf(mentioned(relations, text), boostOf(dot));
    if (dot >= 0) return { from, options: columns, validFor };
    const tables = relations.map((r) => ({ label: r.name, type: r.kind === "macro" ? "method" : "class", detail: r.kind, info: about(r), apply: r.kind === "macro" ? `${r.name}(` : r.name }));
    return { from, options: [...columns, ...tables, ...functions()], validFor };
  };
}

// Those of prism say what they do, those of DuckDB are many and known.
function functionsOf(schema) {
  return [...(schema?.functions ?? []), ...(schema?.builtin ?? []).map((name) => ({ name }))];
}

const validFor = /^[\p{L}\p{Nd}_]*$/u;

function boostOf(dot) {
  return dot >= 0 ? 0 : 1;
}

// Until a table is named, the columns of all of them would be noise: those of the main one do.
function mentioned(relations, text) {
  const words = new Set(text.match(/[\p{L}_][\p{L}\p{Nd}_]*/gu) ?? []);
  const named = relations.filter((r) => words.has(r.name) && r.columns.length > 0);
  return named.length ? named : relations.filter((r) => r.name === "priced" || r.name === "requests").slice(0, 1);
}

function columnsOf(relations, boost) {
  const seen = new Map();
  for (const r of relations) {
    for (const c of r.columns) {
      if (!seen.has(c.name)) seen.set(c.name, { label: c.name, type: "property", detail: shortType(c.type), info: about(c), boost });
    }
  }
  return [...seen.values()];
}

/** What the ledger says about a table, a column or a function, in the language of the page. */
export function about(thing) {
  return thing.comment ? t(thing.comment) : undefined;
}

/** A type without the fields of what it is made of. */
export function shortType(type) {
  return String(type).replace(/\(.*\)/s, "").replace("TIMESTAMP WITH TIME ZONE", "timestamptz").toLowerCase();
}
