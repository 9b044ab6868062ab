// What the prompt cache brought, and what broke it.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { Chart } from "../../kit/chart.js";
import { SaveCsv } from "../../kit/csv.js";
import { Table } from "../../kit/table.js";
import { Money, Tokens } from "../../kit/values.js";
import { shortName, spanName, spans } from "./axis.js";

/** The hit ratio over time, who saves how much, and the breaks by their cause. */
export function Cache({ cache, range, grain }) {
  return html`
    <div class="cachebox">
      ${cache.partial && html`<p class="quiet">${t("Of the filters only profile and model count for the two tables.")}</p>`}
      ${cache.late.includes("days") ? html`<${TooLong} />` : cache.days.length > 0 && html`<${Ratio} days=${cache.days} range=${range} grain=${grain} />`}
      <${ByModel} rows=${cache.by} late=${cache.late.includes("by")} />
      <${Breaks} rows=${cache.breaks} late=${cache.late.includes("breaks")} />
    </div>`;
}

function Ratio({ days, range, grain }) {
  const byDay = new Map(days.map((d) => [d.at, d]));
  const x = spans(days, grain, range);
  const series = [{ key: "ratio", label: t("Hit ratio"), kind: "line", values: x.map((at) => byDay.get(at)?.cache_hit_ratio ?? null) }];
  return html`<${Chart} title=${t("Share of the prompt that came from the cache")} xTitle=${t("Time")} x=${x} xName=${(at) => spanName(at, grain)} axisName=${shortName(x, grain)} series=${series} write=${(v) => format.share(v === null || v === undefined ? null : Number(v))} height=${150} file="prism-cache-ratio" />`;
}

function ByModel({ rows, late }) {
  const columns = [
    { key: "profile", title: t("Profile"), cell: (r) => html`<span class="name">${r.profile ?? format.unknown}</span>` },
    { key: "model", title: t("Model"), cell: (r) => html`<span class="name">${r.model ?? format.unknown}</span>` },
    { key: "requests", title: t("Requests"), align: "right", cell: (r) => format.count(r.requests) },
    { key: "ratio", title: t("Hit ratio"), align: "right", cell: (r) => format.percent(r.cache_read_tokens, r.prompt_tokens) },
    { key: "written", title: t("Written"), align: "right", wide: true, cell: (r) => html`<${Tokens} value=${r.cache_write_tokens} />` },
    { key: "saved", title: t("Saved"), align: "right", cell: (r) => html`<${Money} value=${r.saved_usd} />` },
    { key: "lost", title: t("Written in vain"), hint: t("writes that nobody read, and what they cost more than plain input"), align: "right", cell: (r) => html`<${Tokens} value=${r.never_read_tokens} /> <span class="quiet">${format.money(r.never_read_usd)}</span>` },
  ];
  return html`
    <h3>${t("By profile and model")} <${SaveCsv} rows=${rows} name="prism-cache" /></h3>
    ${late ? html`<${TooLong} />` : html`<${Table} caption=${t("Cache by profile and model")} columns=${columns} rows=${rows.map((r, n) => ({ ...r, n }))} rowKey=${(r) => r.n} stack />`}`;
}

/** Says that figures are not there because they would have taken too long. */
export function TooLong() {
  return html`<p class="quiet">${t("This took too long for so many requests; a shorter time range has it.")}</p>`;
}

function Breaks({ rows, late }) {
  const words = { "profile switched": t("profile switched"), "cache expired": t("cache expired"), "prefix changed": t("prefix changed") };
  const columns = [
    { key: "cause", title: t("Cause"), cell: (r) => words[r.cause] ?? r.cause },
    { key: "n", title: t("Breaks"), align: "right", cell: (r) => format.count(Number(r.n)) },
    { key: "tokens", title: t("Tokens paid again"), align: "right", cell: (r) => html`<${Tokens} value=${r.tokens} />` },
    { key: "cost", title: t("Price of it"), align: "right", cell: (r) => html`<${Money} value=${r.cost_usd} />` },
  ];
  return html`
    <h3>${t("Breaks by cause")} <${SaveCsv} rows=${rows} name="prism-cache-breaks" /></h3>
    ${late ? html`<${TooLong} />` : rows.length === 0 ? html`<p class="quiet">${t("No cached prefix had to be paid for again.")}</p>` : html`<${Table} caption=${t("Breaks of the cache by cause")} columns=${columns} rows=${rows} rowKey=${(r) => r.cause} stack />`}`;
}
