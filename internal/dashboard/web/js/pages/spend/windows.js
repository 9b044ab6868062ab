// The five-hour windows of plans.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { Meter } from "../../kit/meter.js";
import { Table } from "../../kit/table.js";
import { Mark, Money, Time, Tokens } from "../../kit/values.js";
import { TooLong } from "./cache.js";

/** A row for each window, the newest first. partial says that filters were left out of account. */
export function Windows({ windows, partial, late }) {
  const columns = [
    { key: "start", title: t("Window"), class: "keep", cell: (w) => html`<${Time} at=${w.block_start} />–<time datetime=${w.block_end} title=${format.utc(w.block_end)}>${format.minute(w.block_end)}</time>${w.is_active && html` <${Mark} kind="ok">${t("now")}<//>`}` },
    { key: "profile", title: t("Profile"), cell: (w) => html`<span class="name">${w.profile ?? format.unknown}</span>` },
    { key: "used", title: t("Used"), cell: (w) => html`<${Meter} label=${t("window of %s", w.profile ?? format.unknown)} value=${w.used} />` },
    { key: "cost", title: t("Cost"), align: "right", cell: (w) => html`<${Money} value=${w.cost_usd} unpriced=${w.unpriced > 0} />` },
    { key: "rate", title: t("An hour"), align: "right", cell: (w) => format.money(w.usd_per_hour === null ? null : String(w.usd_per_hour)) },
    { key: "requests", title: t("Requests"), align: "right", cell: (w) => format.count(w.requests) },
    { key: "prompt", title: t("Prompt"), align: "right", cell: (w) => html`<${Tokens} value=${w.prompt_tokens} />` },
    { key: "output", title: t("Output"), align: "right", wide: true, cell: (w) => html`<${Tokens} value=${w.output_tokens} />` },
    { key: "source", title: t("Known from"), wide: true, cell: (w) => html`<span class="quiet">${w.source === "header" ? t("the provider's headers") : t("the times of requests")}</span>` },
  ];
  return html`
    ${partial && html`<p class="quiet">${t("Of the filters only the profile counts here.")}</p>`}
    ${late ? html`<${TooLong} />` : html`<${Table} caption=${t("Five-hour windows")} columns=${columns} rows=${windows} rowKey=${(w) => `${w.block_start} ${w.profile} ${w.source}`} stack />`}`;
}
