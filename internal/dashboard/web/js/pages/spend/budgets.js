// The budgets of profiles.yaml: how much is used, and what happened when.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t, tn, tx } from "../../i18n.js";
import { SaveCsv } from "../../kit/csv.js";
import { Meter } from "../../kit/meter.js";
import { Table } from "../../kit/table.js";
import { Mark, Money, Time, Until } from "../../kit/values.js";
import { perText } from "../now/limits.js";

/** A card for each budget. */
export function Budgets({ budgets }) {
  return html`<ul class="cards">${budgets.map((b) => html`<li key=${`${b.name} ${b.scope} ${b.per}`} class="card"><${Budget} budget=${b} /></li>`)}</ul>`;
}

function Budget({ budget: b }) {
  const then = { notify: t("then: a notice"), block: t("then: requests are refused"), fallback: t("then: the fallback answers") };
  return html`
    <h3><span class="name">${b.name}</span> <span class="quiet">${perText(b.per)}</span></h3>
    <p><${Meter} label=${t("budget %s", b.name)} value=${Number(b.spent_usd) / Number(b.limit_usd)} over=${b.state === "over" ? 0 : 1} warn=${b.state === "warn" ? 0 : 0.8} /> ${t("%s of %s", format.money(b.spent_usd), format.money(b.limit_usd))}</p>
    <p class="quiet"><span class="name">${b.scope}</span> · ${then[b.then] ?? b.then} · ${tx("resets in %s", html`<${Until} at=${b.resets_at} />`)}</p>
    ${b.unpriced > 0 && html`<p><${Mark} kind="warn">${tn(b.unpriced, "%d requests of unknown price are not in it")}<//></p>`}
    ${b.events?.length > 0 && html`<${Events} list=${b.events} name=${b.name} />`}`;
}

function Events({ list, name }) {
  const words = { reached: t("reached"), warned: t("warned"), blocked: t("blocked"), fallback: t("fallback"), cleared: t("cleared"), failed: t("failed") };
  const columns = [
    { key: "at", title: t("Time"), class: "keep", cell: (e) => html`<${Time} at=${e.event_at} />` },
    { key: "state", title: t("What happened"), cell: (e) => html`<span title=${e.message}>${words[e.state] ?? e.state}</span>` },
    { key: "amount", title: t("Spent then"), align: "right", cell: (e) => html`<${Money} value=${e.amount_usd} />` },
  ];
  return html`
    <${Table} caption=${t("What happened at budget %s", name)} columns=${columns} rows=${list.map((e, n) => ({ ...e, n }))} rowKey=${(e) => e.n} />
    <p><${SaveCsv} rows=${list} name=${`prism-budget-${name}`} /></p>`;
}
