// What a request cost, part by part.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { SaveCsv } from "../../kit/csv.js";
import { joined } from "../../kit/joined.js";
import { Table } from "../../kit/table.js";
import { Model, Money, Tokens } from "../../kit/values.js";

/** The tokens and what they cost; the sums are the ledger's, not the page's. */
export function Cost({ request: r, cost, iterations }) {
  const known = cost?.list !== null && cost?.list !== undefined;
  const rows = parts(r, cost ?? {});
  const columns = [
    { key: "part", title: t("Part"), cell: (p) => p.label },
    { key: "tokens", title: t("Tokens"), align: "right", cell: (p) => (p.tokens === undefined ? "" : html`<${Tokens} value=${p.tokens} />`) },
    { key: "cost", title: t("Cost"), align: "right", cell: (p) => (p.merged ? "" : html`<${Money} value=${known ? p.cost : null} places=${4} />`) },
  ];
  return html`
    <section class="cost">
      <h3>${t("Tokens and cost")} <${SaveCsv} rows=${rows.map((p) => ({ part: p.label, tokens: p.tokens, cost_usd: p.cost }))} name="prism-cost" /></h3>
      <${Table} caption=${t("Tokens and cost")} columns=${columns} rows=${rows} rowKey=${(p) => p.key} />
      <dl class="facts">
        <dt>${t("List price")}</dt><dd><${Money} value=${cost?.list} places=${4} unpriced=${cost?.unpriced} /></dd>
        <dt>${t("Paid")}</dt><dd><${Money} value=${cost?.paid} places=${4} unpriced=${cost?.unpriced} /></dd>
        <dt>${t("Without the cache")}</dt><dd><${Money} value=${cost?.uncached} places=${4} /></dd>
        <dt>${t("Price")}</dt><dd class="name">${r.price_id ?? (cost?.unpriced ? t("none is known for this model") : format.unknown)}</dd>
        <dt>${t("Usage")}</dt><dd>${joined([r.usage_source, ...(r.usage_notes ?? [])]) || format.unknown}</dd>
      </dl>
      ${iterations?.length > 0 && html`<${Iterations} list=${iterations} />`}
    </section>`;
}

function parts(r, cost) {
  return [
    { key: "input", label: t("input"), tokens: r.input_tokens, cost: cost.input },
    { key: "read", label: t("cache read"), tokens: r.cache_read_tokens, cost: cost.cache_read },
    { key: "5m", label: t("cache write, 5 minutes"), tokens: r.cache_write_5m_tokens, cost: cost.cache_write },
    { key: "1h", label: t("cache write, 1 hour"), tokens: r.cache_write_1h_tokens, merged: true },
    { key: "output", label: t("output"), tokens: r.output_tokens, cost: cost.output },
    { key: "reasoning", label: t("of which thinking"), tokens: r.reasoning_tokens, merged: true },
    { key: "other", label: t("other"), cost: cost.other },
  ];
}

// Parts that are billed beside the top level, such as a compaction, each at its own model.
function Iterations({ list }) {
  const columns = [
    { key: "type", title: t("Beside it"), cell: (i) => html`<span class="name">${i.type}</span>` },
    { key: "model", title: t("Model"), cell: (i) => html`<${Model} asked=${i.model} />` },
    { key: "in", title: t("In"), align: "right", cell: (i) => html`<${Tokens} value=${i.input_tokens} />` },
    { key: "out", title: t("Out"), align: "right", cell: (i) => html`<${Tokens} value=${i.output_tokens} />` },
    { key: "cost", title: t("Cost"), align: "right", cell: (i) => html`<${Money} value=${i.cost_list_usd} places=${4} />` },
  ];
  return html`
    <${Table} caption=${t("Billed beside it")} columns=${columns} rows=${list.map((i, n) => ({ ...i, n }))} rowKey=${(i) => i.n} />
    <p><${SaveCsv} rows=${list} name="prism-billed-beside" /></p>`;
}
