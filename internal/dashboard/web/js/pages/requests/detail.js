// One request, whole: what was asked, what was tried, what it cost and why.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t, tn, tx } from "../../i18n.js";
import { Pending } from "../../kit/block.js";
import { Copy } from "../../kit/copy.js";
import { Drawer } from "../../kit/drawer.js";
import { joined } from "../../kit/joined.js";
import { Meter } from "../../kit/meter.js";
import { useApi } from "../../kit/useapi.js";
import { Ago, Model, Money, Outcome, Time, Until } from "../../kit/values.js";
import { href } from "../../router.js";
import { Cost } from "./cost.js";
import { Everything } from "./everything.js";
import { Attempts } from "./timeline.js";

/** The drawer for the request with an id. */
export function Detail({ id, onClose }) {
  const of = useRequest(id);
  const actions = html`<${Copy} text=${id} what=${t("the id")} />${of.data?.sql && html`<a class="button" href=${href("/sql", { q: of.data.sql })}>${t("View as SQL")}</a>`}`;
  return html`
    <${Drawer} title=${html`<span class="hidden">${t("Request")} </span><code class="name">${id}</code>`} actions=${actions} onClose=${onClose}>
      ${of.data ? html`<${Content} data=${of.data} />` : html`<${Pending} of=${of} />`}
    <//>`;
}

// Ids of imports may hold what a path cannot.
function useRequest(id) {
  const plain = /^[\w-]+$/.test(id);
  return useApi(plain ? `/api/requests/${id}` : "/api/request", plain ? null : { id });
}

function Content({ data }) {
  const r = data.request;
  return html`
    <p class="big"><${Outcome} outcome=${r.outcome} status=${r.http_status} error=${r.error_type} /></p>
    ${r.error_message && html`<pre class="name wrap" tabindex="0" aria-label=${t("The error")}>${r.error_message}</pre>`}
    <${Facts} request=${r} session=${data.session} retries=${data.retries} />
    <${Attempts} request=${r} attempts=${data.attempts} />
    <${Cost} request=${r} cost=${data.cost} iterations=${r.iterations} />
    <${Limits} request=${r} />
    <${Everything} request=${r} />
    <p class="quiet">${t("Headers and bodies are not kept.")}</p>`;
}

function Facts({ request: r, session, retries }) {
  const fact = (label, value) => value && html`<dt>${label}</dt><dd>${value}</dd>`;
  const name = (text) => text && html`<span class="name">${text}</span>`;
  return html`
    <dl class="facts">
      ${fact(t("Time"), html`<${Time} at=${r.started_at} /> <span class="quiet">(<${Ago} at=${r.started_at} />)</span>`)}
      ${fact(t("Profile"), html`<span class="name">${r.profile ?? format.unknown}</span> <span class="quiet">${routeText(r)}</span>`)}
      ${fact(t("Model"), html`<${Model} asked=${r.request_model} served=${r.response_model || r.upstream_model} />`)}
      ${fact(t("Session"), r.session_id && html`<${Session} id=${r.session_id} session=${session} agent=${r.agent_id} />`)}
      ${fact(t("Project"), name([r.project, r.git_branch].filter(Boolean).join(" / ")))}
      ${fact(t("Directory"), name(r.cwd))}
      ${fact(t("Client"), name([r.client_name, r.client_version].filter(Boolean).join(" ")))}
      ${fact(t("Machine"), name(r.host_name))}
      ${fact(t("Source"), name(r.source))}
      ${fact(t("Tags"), tagsText(r.tags))}
      ${fact(t("Time in all"), html`${format.duration(r.duration_ms)} <span class="quiet">${timing(r)}</span>`)}
      ${fact(t("Repeats"), r.retry_of && html`<a class="name" href=${href("/requests", { id: r.retry_of, range: "all" })}>${r.retry_of}</a>`)}
      ${fact(t("Repeated by"), retries?.length > 0 && html`<${Retries} retries=${retries} />`)}
    </dl>`;
}

function routeText(r) {
  const parts = [];
  if (r.generation !== null && r.generation !== undefined) parts.push(t("generation %s", String(r.generation)));
  if (r.route_reason) parts.push(t("route: %s", r.route_reason));
  return joined(parts);
}

function timing(r) {
  const parts = [];
  if (r.ttft_ms !== null && r.ttft_ms !== undefined) parts.push(t("first token after %s", format.duration(r.ttft_ms)));
  if (r.longest_gap_ms !== null && r.longest_gap_ms !== undefined) parts.push(t("longest silence %s", format.duration(r.longest_gap_ms)));
  if (r.overhead_us !== null && r.overhead_us !== undefined) parts.push(t("%s µs in prism", format.count(r.overhead_us)));
  return joined(parts);
}

function tagsText(tags) {
  const all = Object.entries(tags ?? {});
  return all.length > 0 && html`<span>${all.map(([k, v], i) => html`${i > 0 && ", "}<a class="name" href=${href("/requests", { tag: `${k}=${v}` })}>${k}=${v}</a>`)}</span>`;
}

function Session({ id, session, agent }) {
  return html`
    <a class="name" href=${href("/requests", { session: id, range: "all" })}>${id}</a>${" "}
    ${session && html`<span class="quiet">${tx("%s, %s", tn(session.requests, "%d requests"), html`<${Money} value=${session.cost_usd} unpriced=${session.unpriced > 0} />`)}</span>`}
    ${agent && html`<div>${t("agent")} <a class="name" href=${href("/requests", { agent, range: "all" })}>${agent}</a></div>`}`;
}

function Retries({ retries }) {
  return html`<ul class="bare">${retries.map((o) => html`<li key=${o.request_id}><a class="name" href=${href("/requests", { id: o.request_id, range: "all" })}>${o.request_id}</a> <span class="quiet"><${Time} at=${o.started_at} /></span> <${Outcome} outcome=${o.outcome} status=${o.http_status} /></li>`)}</ul>`;
}

function Limits({ request: r }) {
  const windows = [
    { name: t("5 hours"), used: r.rl_5h_used, until: r.rl_5h_reset_at },
    { name: t("7 days"), used: r.rl_7d_used, until: r.rl_7d_reset_at },
  ].filter((w) => w.used !== null && w.used !== undefined);
  if (windows.length === 0) return null;
  return html`
    <section>
      <h3>${t("Limits at that time")}</h3>
      ${windows.map((w) => html`<p key=${w.name} class="limit"><span>${w.name}</span><${Meter} label=${t("%s window", w.name)} value=${w.used} /><span class="quiet">${w.until && html`${t("resets")} <${Time} at=${w.until} />${Date.parse(w.until) > Date.now() && html` (<${Until} at=${w.until} />)`}`}</span></p>`)}
    </section>`;
}
