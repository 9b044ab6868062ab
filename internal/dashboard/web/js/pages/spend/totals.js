// The sums of the range, first the money.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t, tn } from "../../i18n.js";
import { CopyLine } from "../../kit/copy.js";
import { word } from "../../kit/shell.js";
import { outcomeText } from "../../kit/values.js";
import { href } from "../../router.js";
import { changeOf } from "./measure.js";
import { withParams } from "../../kit/params.js";

/** What was spent, what for, what it was in the period before, and what was paid for nothing. */
export function Totals({ data, scope }) {
  const { totals: now, before, waste } = data;
  const link = (changes) => href("/requests", withParams(scope, changes));
  return html`
    <div class="totals">
      <p><span class="big number" title=${now.cost_usd === null ? t("no price is known") : `$${now.cost_usd}`}>${format.money(now.cost_usd)}</span><${Change} now=${now.cost_usd} before=${before?.cost_usd} /></p>
      <dl>
        <${Sum} label=${t("Run rate")} hint=${t("what the whole range costs at the rate so far")} value=${format.money(now.run_rate_usd)} off=${now.run_rate_usd === null || now.run_rate_usd === undefined} />
        <${Sum} label=${t("Saved by the cache")} value=${format.money(now.saved_usd)} />
        <${Sum} label=${t("Requests")} value=${html`<a href=${link({})}>${format.count(now.requests)}</a><${Change} now=${now.requests} before=${before?.requests} />`} />
        <${Sum} label=${t("Failed")} value=${now.failed > 0 ? html`<a href=${link({ outcome: "failed" })}>${format.count(now.failed)}</a>` : format.count(now.failed)} />
        <${Sum} label=${t("Sessions")} value=${format.count(now.sessions)} />
        <${Sum} label=${t("Prompt tokens")} hint=${t("%s of them from the cache", format.percent(now.cache_read_tokens, now.prompt_tokens))} value=${format.tokens(now.prompt_tokens)} />
        <${Sum} label=${t("Output tokens")} value=${format.tokens(now.output_tokens)} />
        <${Sum} label=${t("At list price")} value=${format.money(now.cost_list_usd)} off=${now.cost_list_usd === now.cost_usd} />
        <${Sum} label=${t("Without a price")} value=${html`<a href=${link({ unpriced: "1" })}>${format.count(now.unpriced)}</a>`} off=${!now.unpriced} />
        <${Sum} label=${t("Paid for nothing")} hint=${wasteText(waste)} value=${html`<a href=${link({ outcome: (waste?.by ?? []).map((w) => w.outcome) })}>${format.money(waste?.cost_usd)}</a>${waste?.unpriced > 0 && html` <span class="quiet">${tn(waste.unpriced, "%d unpriced")}</span>`}`} off=${!waste?.requests} />
      </dl>
      ${data.unpriced?.length > 0 && html`<${Unpriced} list=${data.unpriced} />`}
    </div>`;
}

function Sum({ label, value, hint, off }) {
  if (off) return null;
  return html`<div title=${hint}><dt>${label}</dt><dd class="number">${value}</dd></div>`;
}

function Change({ now, before }) {
  const change = changeOf(now, before);
  return change && html` <span class="quiet change" title=${t("against the period before")}>${change}</span>`;
}

function wasteText(waste) {
  return (waste?.by ?? []).map((w) => t("%s: %s, %s", outcomeText(w.outcome), tn(w.requests, "%d requests"), format.money(w.cost_usd))).join("; ");
}

// Whoever sees that prices are missing wants to know which, and how to give them.
function Unpriced({ list }) {
  return html`
    <details>
      <summary>${t("Models without a price")} <b class="badge">${list.length}</b></summary>
      <ul class="bare">${list.map((m, i) => html`<li key=${i}><span class="name">${t("%s at %s", m.model ?? format.unknown, m.provider ?? format.unknown)}</span> <span class="quiet">${tn(m.requests, "%d requests")}</span> ${fixOf(m) && html`<${CopyLine} text=${fixOf(m)} />`}</li>`)}</ul>
    </details>`;
}

function fixOf({ model, provider }) {
  return model && provider && !model.startsWith("-") ? `prism prices set ${word(model)} --provider ${word(provider)} --input USD --output USD` : null;
}
