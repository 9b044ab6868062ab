// The same tokens at another price.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t, tn } from "../../i18n.js";
import { Block } from "../../kit/block.js";
import { SaveCsv } from "../../kit/csv.js";
import { change, only, withParams } from "../../kit/params.js";
import { Select } from "../../kit/select.js";
import { Table } from "../../kit/table.js";
import { useApi } from "../../kit/useapi.js";
import { Money } from "../../kit/values.js";

/** A model and a provider to choose, and, for the requests of a scope, what each profile would have cost there. */
export function WhatIf({ params, scope }) {
  const book = useApi("/api/whatif", only(scope, ["range", "from", "to"]));
  const known = book.data?.models ?? [];
  const model = params.get("model_if") ?? "";
  const providers = known.filter((m) => m.model === model).map((m) => m.provider);
  const provider = params.get("provider_if") ?? providers[0] ?? "";
  const asked = model !== "" && provider !== "";
  const of = useApi(asked ? "/api/whatif" : null, withParams(scope, { model_if: model, provider_if: provider }));
  const names = [...new Set(known.map((m) => m.model))];
  if (model && !names.includes(model)) names.push(model);
  const list = (all) => all.map((v) => ({ value: v, label: v }));
  const choosing = html`
    <${Select} label=${t("Model")} options=${[{ value: "", label: t("choose a model") }, ...list(names.toSorted())]} value=${model} onChange=${(v) => change({ model_if: v || null, provider_if: null })} />
    ${model && html`<${Select} label=${t("Provider")} options=${list(providers.includes(provider) ? providers : [provider, ...providers])} value=${provider} onChange=${(v) => change({ provider_if: v })} />`}`;
  return html`
    <${Block} title=${t("What if")} of=${asked ? of : book} actions=${choosing} isEmpty=${!asked} empty=${html`<p class="quiet">${t("Choose a model: what the tokens of this range would have cost at its price.")}</p>`}>
      ${of.data && html`<${Answer} data=${of.data} />`}
    <//>`;
}

function Answer({ data }) {
  const columns = [
    { key: "profile", title: t("Profile"), cell: (r) => html`<span class="name">${r.profile ?? format.unknown}</span>` },
    { key: "was", title: t("Was"), cell: (r) => html`<span class="name">${r.was_model ?? ""}</span>` },
    { key: "requests", title: t("Requests"), align: "right", cell: (r) => format.count(Number(r.requests)) },
    { key: "paid", title: t("Paid"), align: "right", cell: (r) => html`<${Money} value=${r.cost_usd} />` },
    { key: "list", title: t("List price"), align: "right", cell: (r) => html`<${Money} value=${r.cost_list_usd} />` },
    { key: "would", title: t("Would be"), align: "right", cell: (r) => html`<${Money} value=${r.what_if_usd} />` },
    { key: "diff", title: t("Difference"), hint: t("to the list price"), align: "right", cell: (r) => format.money(r.diff_to_list_usd) },
    { key: "open", title: t("Not compared"), hint: t("one of the prices is not known"), align: "right", wide: true, cell: (r) => format.count(Number(r.not_compared)) },
  ];
  const rows = data.rows.map((r, n) => ({ ...r, n }));
  if (rows.length === 0) return html`<p class="quiet">${t("No request of this range can be compared.")}</p>`;
  return html`
    ${data.partial && html`<p class="quiet">${t("Of the filters only profile and model count here.")}</p>`}
    <${Table} caption=${t("What if")} columns=${columns} rows=${rows} rowKey=${(r) => r.n} foot=${data.total} stack />
    ${data.more > 0 && html`<p class="quiet">${tn(data.more, "%d more groups are part of the sums and not shown.")}</p>`}
    <p class="quiet">${t("An estimate: another model counts and writes other tokens, and caches otherwise.")} ${data.total?.not_compared > 0 && tn(Number(data.total.not_compared), "%d requests could not be compared.")} <${SaveCsv} rows=${data.rows} name="prism-what-if" /></p>`;
}
