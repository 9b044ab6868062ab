// Who or what the money went to.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t, tn } from "../../i18n.js";
import { withParams } from "../../kit/params.js";
import { Table } from "../../kit/table.js";
import { Money, Tokens } from "../../kit/values.js";
import { href } from "../../router.js";
import { spanName } from "./axis.js";
import { changeOf } from "./measure.js";
import { groupNames, isTime } from "./question.js";

// Groups that the page of requests has a filter for.
const filters = ["model", "profile", "provider", "project", "branch", "session", "host", "source"];

/** A row for each group, with a bar for its part of the largest one, and the sums of all below. */
export function Groups({ data, by, scope, measure, compare }) {
  const most = Math.max(...data.groups.map((g) => Number(g[measure.column]) || 0), 0) || 1;
  const columns = [
    { key: "key", title: groupNames()[by] ?? by, cell: (g) => html`<${Key} group=${g} by=${by} scope=${scope} />` },
    { key: "bar", title: measure.title, class: "barcell", cell: (g) => g === data.totals ? "" : html`<span class="bar" aria-hidden="true"><span style=${{ width: `${(100 * (Number(g[measure.column]) || 0)) / most}%` }}></span></span><span class="hidden">${measure.write(g[measure.column])}</span>` },
    { key: "cost", title: t("Cost"), align: "right", cell: (g) => html`<${Money} value=${g.cost_usd} unpriced=${g.unpriced > 0} />` },
    ...(compare ? [{ key: "before", title: t("Before"), align: "right", cell: (g) => html`<${Before} group=${g} data=${data} />` }] : []),
    { key: "requests", title: t("Requests"), align: "right", cell: (g) => format.count(g.requests) },
    { key: "failed", title: t("Failed"), align: "right", wide: true, cell: (g) => format.count(g.failed) },
    { key: "prompt", title: t("Prompt"), align: "right", cell: (g) => html`<${Tokens} value=${g.prompt_tokens} />` },
    { key: "cached", title: t("Cached"), align: "right", cell: (g) => format.percent(g.cache_read_tokens, g.prompt_tokens) },
    { key: "output", title: t("Output"), align: "right", cell: (g) => html`<${Tokens} value=${g.output_tokens} />` },
    { key: "saved", title: t("Saved"), hint: t("by the cache"), align: "right", wide: true, cell: (g) => format.money(g.saved_usd) },
    { key: "unpriced", title: t("Unpriced"), align: "right", wide: true, cell: (g) => (g.unpriced ? format.count(g.unpriced) : "") },
  ];
  return html`
    <${Table} caption=${t("Spending by %s", groupNames()[by] ?? by)} columns=${columns} rows=${data.groups} rowKey=${(g) => g.key ?? ""} foot=${data.totals} stack />
    ${data.more > 0 && html`<p class="quiet">${tn(data.more, "%d more groups are part of the sums and not shown.")}</p>`}`;
}

function Key({ group, by, scope }) {
  if (isTime(by)) return html`<span class="number">${spanName(group.key, by)}</span>`;
  const text = html`<span class="name">${group.key ?? t("(none)")}</span>`;
  if (by.startsWith("tag:") && group.key !== null) return html`<a href=${href("/requests", withParams(scope, { tag: `${by.slice(4)}=${group.key}` }))}>${text}</a>`;
  return filters.includes(by) ? html`<a href=${href("/requests", withParams(scope, { [by]: group.key ?? "" }))}>${text}</a>` : text;
}

function Before({ group, data }) {
  const before = group === data.totals ? data.before?.cost_usd : group.before_usd;
  const change = changeOf(group.cost_usd, before);
  return html`${format.money(before)}${change && html` <span class="quiet change">${change}</span>`}`;
}
