// What can be asked: tables, views and macros with their columns, and the queries that have a name.
import { html, useState } from "../../../vendor/preact.js";
import { said, t } from "../../i18n.js";
import { Age, Pending } from "../../kit/block.js";
import { about, shortType } from "./complete.js";

/** The panel beside the editor. onInsert puts a name into the query, onOpen takes a named query over. */
export function Panel({ schema, queries, onInsert, onOpen }) {
  const [wanted, filter] = useState("");
  const fits = (...texts) => texts.some((x) => x.toLowerCase().includes(wanted.toLowerCase()));
  const relations = (schema.data?.relations ?? []).filter((r) => fits(r.name, ...r.columns.map((c) => c.name)));
  const functions = (schema.data?.functions ?? []).filter((f) => fits(f.name));
  const named = (queries.data?.queries ?? []).filter((q) => fits(q.name, q.title));
  return html`
    <div class="panel">
      <input type="search" aria-label=${t("filter the list")} placeholder=${t("filter the list")} value=${wanted} onInput=${(e) => filter(e.currentTarget.value)} />
      <${State} of=${queries} />
      ${queries.data && html`<${Named} list=${named} open=${wanted !== ""} onOpen=${onOpen} />`}
      <h2>${t("Tables, views, macros")} <${Age} of=${schema} /></h2>
      <${State} of=${schema} />
      ${relations.map((r) => html`<${Relation} key=${r.name} relation=${r} open=${wanted !== "" && r.columns.some((c) => fits(c.name))} onInsert=${onInsert} />`)}
      ${functions.length > 0 && html`<${Functions} list=${functions} open=${wanted !== ""} onInsert=${onInsert} />`}
    </div>`;
}

// Those of prism and those of the user, who may have one of the same name.
function Named({ list, open, onOpen }) {
  return html`
    <details class="relation" open=${open}>
      <summary><span>${t("Queries")}</span> <b class="badge">${list.length}</b></summary>
      <ul class="bare">
        ${list.map((q) => html`<li key=${q.name}><button type="button" class="plain entry" onClick=${() => onOpen(q)}><span class="name">${q.name}</span>${q.own && html` <b class="badge">${t("own")}</b>`}<span class="quiet name">${said(q.title)}</span></button></li>`)}
      </ul>
    </details>`;
}

function State({ of }) {
  return of.data === null && html`<${Pending} of=${of} />`;
}

// What can be called with values, such as usd().
function Functions({ list, open, onInsert }) {
  return html`
    <details class="relation" open=${open}>
      <summary><span>${t("Functions")}</span></summary>
      <ul class="bare">${list.map((f) => html`<li key=${f.name}><button type="button" class="plain entry" title=${about(f)} aria-label=${t("Insert %s", f.name)} onClick=${() => onInsert(`${f.name}(`)}><span class="name">${f.name}(${(f.params ?? []).join(", ")})</span></button></li>`)}</ul>
    </details>`;
}

function Relation({ relation: r, open, onInsert }) {
  const kinds = { table: t("table"), view: t("view"), macro: t("macro") };
  const call = r.kind === "macro" ? `${r.name}()` : r.name;
  return html`
    <details class="relation" open=${open}>
      <summary title=${about(r)}><span class="name">${call}</span> <span class="quiet">${kinds[r.kind] ?? r.kind}</span></summary>
      ${r.comment && html`<p class="quiet">${about(r)}</p>`}
      ${r.params?.length > 0 && html`<p class="quiet">${t("parameters: %s", r.params.join(", "))}</p>`}
      <button type="button" class="plain" aria-label=${t("Insert %s", call)} onClick=${() => onInsert(call)}>${t("Insert")}</button>
      <ul class="bare">
        ${r.columns.map((c) => html`<li key=${c.name}><button type="button" class="plain entry" title=${about(c)} aria-label=${t("Insert %s", c.name)} onClick=${() => onInsert(c.name)}><span class="name">${c.name}</span> <span class="quiet">${shortType(c.type)}</span></button></li>`)}
      </ul>
    </details>`;
}
