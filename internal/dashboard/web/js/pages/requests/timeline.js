// The attempts of a request on one axis of time: who was asked when, who let it wait, who answered.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { joined } from "../../kit/joined.js";
import { Mark, Model, Money, outcomeKind, outcomeText } from "../../kit/values.js";

/** A line for each attempt: its words, and a bar from when it began to when it ended. */
export function Attempts({ request: r, attempts }) {
  if (!attempts?.length) return html`<section><h3>${t("Attempts")}</h3><p class="quiet">${r.source === "proxy" ? t("No upstream was asked.") : t("Imported: how it was answered is not known.")}</p></section>`;
  const began = Date.parse(r.started_at);
  const spans = attempts.map((a) => spanOf(a, began));
  const whole = Math.max(r.duration_ms ?? 0, ...spans.map((s) => s.end), 1);
  return html`
    <section class="attempts">
      <h3>${t("Attempts")}</h3>
      <ol>
        ${attempts.map((a, i) => html`<${Attempt} key=${a.n} attempt=${a} span=${spans[i]} whole=${whole} ttft=${i === attempts.length - 1 ? r.ttft_ms : null} />`)}
      </ol>
      <div class="axis" aria-hidden="true"><span>0</span><span>${format.duration(whole / 2)}</span><span>${format.duration(whole)}</span></div>
    </section>`;
}

// Milliseconds since the request began; the clock of an attempt may be a hair behind.
function spanOf(a, began) {
  const start = Math.max(0, Date.parse(a.started_at) - began) || 0;
  return { start, first: start + (a.ttfb_ms ?? a.duration_ms ?? 0), end: start + (a.duration_ms ?? 0) };
}

function Attempt({ attempt: a, span, whole, ttft }) {
  const kind = outcomeKind(a.outcome);
  return html`
    <li>
      <div class="words">
        <strong class="name">${a.profile}</strong> <span class="quiet name">${a.server_address}</span> ${a.model && html`<${Model} asked=${a.model} />`}${" "}
        <${Mark} kind=${kind}>${outcomeText(a.outcome, a.http_status, a.error_type)}<//> <span class="number">${format.duration(a.duration_ms)}</span>
        ${a.why && html` <span class="quiet">${a.why}</span>`}
        ${a.maybe_billed && html` <span class="badge">${t("may be billed")}</span>`}
        ${a.cost_list_usd !== null && a.cost_list_usd !== undefined && a.outcome !== "ok" && html` <${Money} value=${a.cost_list_usd} />`}
      </div>
      <${Bar} kind=${kind} span=${span} whole=${whole} ttft=${ttft} />
    </li>`;
}

// Light until the first byte of the answer, then solid; a tick where the first token came.
function Bar({ kind, span, whole, ttft }) {
  const at = (ms) => `${Math.min(100, (100 * ms) / whole)}%`;
  const told = [t("began after %s", format.duration(span.start)), t("first byte after %s", format.duration(span.first)), t("ended after %s", format.duration(span.end))];
  if (ttft) told.push(t("first token after %s", format.duration(ttft)));
  return html`
    <div class="lane" role="img" aria-label=${joined(told)} title=${joined(told)}>
      <span class=${`wait ${kind}`} style=${{ left: at(span.start), width: at(span.first - span.start) }}></span>
      <span class=${`stream ${kind}`} style=${{ left: at(span.first), width: at(Math.max(0, span.end - span.first)) }}></span>
      ${ttft > 0 && html`<span class="tick" style=${{ left: at(ttft) }}></span>`}
    </div>`;
}
