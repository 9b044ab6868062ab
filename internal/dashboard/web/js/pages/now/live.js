// What is under way, and what has just finished.
import { html, useEffect, useRef } from "../../../vendor/preact.js";
import { clock } from "../../clock.js";
import { onEvent } from "../../events.js";
import * as format from "../../format.js";
import { t, tn } from "../../i18n.js";
import { useKeys } from "../../keys.js";
import { announce, announceSoon } from "../../kit/announce.js";
import { Block, Empty } from "../../kit/block.js";
import { Copy } from "../../kit/copy.js";
import { SaveCsv } from "../../kit/csv.js";
import { Table } from "../../kit/table.js";
import { Mark, Model, Money, Outcome, Prompt, Time, Tokens } from "../../kit/values.js";
import { go } from "../../router.js";
import { exchanges, flights, paused, status } from "../../store.js";

const rows = 25; // the page of requests has all

/** The list of requests, the newest first; those under way stand above. */
export function Live() {
  useNews();
  const list = useStill(() => [...flights.value.toReversed(), ...exchanges.value.slice(0, rows)]);
  const toggle = () => {
    paused.value = !paused.value;
    announce(paused.value ? t("paused") : t("live"));
  };
  useKeys([{ keys: ".", text: () => t("pause or go on"), run: toggle }]);
  const pause = html`<button type="button" aria-pressed=${paused.value ? "true" : "false"} onClick=${toggle}>${paused.value ? t("Go on") : t("Pause")}</button>`;
  return html`
    <${Block} title=${t("Live")} class="live" actions=${html`${pause}<${SaveCsv} rows=${list.map(fileRow)} name="prism-live" /><a href="/requests">${t("All requests")}</a>`} isEmpty=${list.length === 0} empty=${html`<${NoTraffic} />`}>
      <${Table} caption=${t("Requests under way and just finished")} columns=${columns()} rows=${list} rowKey=${(r) => r.request_id} stack
        onOpen=${(r) => go("/requests", { id: r.request_id })} opens=${(r) => !isFlight(r)} openLabel=${(r) => t("request of %s", format.time(r.started_at))} rowClass=${(r) => (isFlight(r) ? "flying" : "")} />
    <//>`;
}

function fileRow(r) {
  return {
    request_id: r.request_id, started_at: r.started_at, profile: r.profile, attempts: r.attempts, request_model: r.request_model, upstream_model: r.upstream_model, project: r.project,
    git_branch: r.git_branch, outcome: r.outcome ?? r.stage, http_status: r.http_status, error_type: r.error_type, prompt_tokens: r.prompt_tokens, cache_read_tokens: r.cache_read_tokens,
    output_tokens: r.output_tokens, ttft_ms: r.ttft_ms, duration_ms: r.duration_ms, cost_usd: r.cost_usd,
  };
}

// While paused the rows stand still, so that they can be read and clicked.
function useStill(read) {
  const shown = useRef([]);
  const now = read();
  if (!paused.value) shown.current = now;
  useEffect(() => () => (paused.value = false), []);
  return shown.current;
}

// For who listens instead of looking: how many, now and then.
function useNews() {
  useEffect(() => {
    let unsaid = 0;
    const say = () => {
      const n = unsaid;
      unsaid = 0;
      return paused.peek() ? "" : tn(n, "%d requests finished");
    };
    return onEvent((kind) => {
      if (kind === "exchange" && ++unsaid) announceSoon(say);
    });
  }, []);
}

function isFlight(r) {
  return r.stage !== undefined;
}

function columns() {
  return [
    { key: "time", title: t("Time"), cell: (r) => html`<${Time} at=${r.started_at} only="time" />` },
    { key: "status", title: t("Status"), cell: (r) => html`<${Stage} row=${r} />` },
    { key: "profile", class: "full", title: t("Profile"), cell: (r) => html`<span class="name">${r.profile}</span>${r.attempts > 1 && html` <span class="quiet" title=${t("attempts")}>×${r.attempts}</span>`}` },
    { key: "model", class: "full", title: t("Model"), cell: (r) => html`<${Model} asked=${r.request_model} served=${r.upstream_model} />` },
    { key: "project", rest: true, title: t("Project"), wide: true, cell: (r) => html`<span class="name">${[r.project, r.git_branch].filter(Boolean).join("/") || format.unknown}</span>` },
    { key: "in", rest: true, title: t("In (cached)"), align: "right", cell: (r) => html`<${Prompt} tokens=${r.prompt_tokens} cached=${r.cache_read_tokens} />` },
    { key: "out", title: t("Out"), align: "right", cell: (r) => (isFlight(r) ? html`<${Sofar} flight=${r} />` : html`<${Tokens} value=${r.output_tokens} />`) },
    { key: "ttft", rest: true, title: t("TTFT"), hint: t("time to the first token"), align: "right", cell: (r) => format.duration(r.ttft_ms) },
    { key: "total", title: t("Total"), align: "right", cell: (r) => (isFlight(r) ? html`<${Running} since=${r.started_at} />` : format.duration(r.duration_ms)) },
    { key: "cost", title: t("Cost"), align: "right", cell: (r) => html`<${Money} value=${r.cost_usd} unpriced=${r.unpriced} />` },
  ];
}

function Sofar({ flight }) {
  if (!flight.output_tokens) return format.unknown;
  return html`<span class="number" title=${t("so far, estimated from what was delivered")}>${format.tokens(flight.output_tokens)} …</span>`;
}

function Stage({ row }) {
  if (!isFlight(row)) return html`<${Outcome} outcome=${row.outcome} status=${row.http_status} error=${row.error_type} />`;
  return html`<${Mark} kind="busy">${row.stage === "streaming" ? t("streaming") : t("waiting")}<//>`;
}

function Running({ since }) {
  return format.duration(Math.max(0, Math.round((clock.value - Date.parse(since)) / 1000) * 1000));
}

function NoTraffic() {
  const before = status.value.today.requests > 0;
  return html`
    <${Empty} text=${before ? t("No traffic since the gateway started. Start the client through prism, or point the shell at it:") : t("No traffic yet. Start the client through prism, or point the shell at it:")} command="prism run -- claude" />
    <div class="copyline"><code tabindex="0">eval "$(prism env)"</code><${Copy} text='eval "$(prism env)"' what='eval "$(prism env)"' /></div>`;
}
