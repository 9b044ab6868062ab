// The columns of the table of requests. The key of one that sorts is what the API calls that order.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t, tn } from "../../i18n.js";
import { Model, Money, Outcome, Prompt, Time, Tokens } from "../../kit/values.js";

/** The columns for an answer of the API; where all of it is of today the day is left out. */
export function columns(data) {
  const now = new Date();
  const today = (data?.rows ?? []).every((r) => format.sameDay(r.started_at, now));
  return [
    { key: "started_at", title: t("Time"), sort: true, class: "keep", cell: (r) => html`<${Time} at=${r.started_at} only=${today ? "time" : null} />` },
    { key: "profile", title: t("Profile"), sort: true, class: "profile", cell: (r) => html`<${Way} row=${r} />` },
    { key: "model", title: t("Model"), sort: true, class: "model", cell: (r) => html`<${Model} asked=${r.request_model} served=${r.response_model || r.upstream_model} />` },
    { key: "project", title: t("Project"), sort: true, cell: (r) => html`<span class="name" title=${r.git_branch}>${r.project ?? format.unknown}</span>` },
    { key: "prompt_tokens", title: t("In (cached)"), sort: true, align: "right", cell: (r) => html`<${Prompt} tokens=${r.prompt_tokens} cached=${r.cache_read_tokens} />` },
    { key: "output_tokens", title: t("Out"), sort: true, align: "right", cell: (r) => html`<${Tokens} value=${r.output_tokens} />` },
    { key: "ttft_ms", title: t("TTFT"), hint: t("time to the first token"), sort: true, align: "right", cell: (r) => format.duration(r.ttft_ms) },
    { key: "duration_ms", title: t("Total"), sort: true, align: "right", cell: (r) => format.duration(r.duration_ms) },
    { key: "cost_usd", title: t("Cost"), sort: true, align: "right", class: "keep", cell: (r) => html`<${Money} value=${r.cost_usd} unpriced=${r.unpriced} />` },
    { key: "http_status", title: t("Status"), sort: true, cell: (r) => html`<${Status} row=${r} />` },
    { key: "source", title: t("Source"), wide: true, cell: (r) => html`<span class="quiet name">${r.source}</span>` },
  ];
}

// The profiles in the order in which they were tried. The one whose answer the client got is that of the
// row; where all failed it need not be the last one.
function Way({ row: r }) {
  const way = r.tried?.length ? r.tried.filter((p, i, all) => p !== all[i - 1]) : [r.profile];
  const answered = way.includes(r.profile) ? way.lastIndexOf(r.profile) : way.length - 1;
  return html`<span class="way">${way.map((p, i) => html`${i > 0 && html`<span class="arrow" aria-hidden="true"> → </span><span class="hidden">${t("then")} </span>`}<span class=${`name ${i === answered ? "" : "quiet"}`}>${p ?? format.unknown}</span>`)}</span>`;
}

function Status({ row: r }) {
  const many = r.attempts > 1;
  return html`<span title=${r.error_message}><${Outcome} outcome=${r.outcome} status=${r.http_status} error=${r.error_type} />${many && html`<sup title=${tn(r.attempts, "%d attempts")}><span aria-hidden="true">${r.attempts}</span><span class="hidden">, ${tn(r.attempts, "%d attempts")}</span></sup>`}</span>`;
}
