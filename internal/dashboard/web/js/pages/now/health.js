// How each upstream is.
import { html, useState } from "../../../vendor/preact.js";
import { clock } from "../../clock.js";
import * as format from "../../format.js";
import { said, t, tn, tx } from "../../i18n.js";
import { Block } from "../../kit/block.js";
import { SaveCsv } from "../../kit/csv.js";
import { Spark } from "../../kit/spark.js";
import { Table } from "../../kit/table.js";
import { Ago, Mark, Money, Until } from "../../kit/values.js";
import { active, profiles } from "../../store.js";
import { Trial, useTrial } from "../profiles/trial.js";
import { hostOf } from "./active.js";
import { RequestsByHour } from "./hours.js";

/** A row for each profile, with the last 24 hours. */
export function Health({ day }) {
  const [tried, show] = useState(null);
  const columns = [
    { key: "profile", title: t("Profile"), cell: (p) => html`<span class="name">${p.name}</span>${p.name === active.value && html` <b class="badge">${t("active")}</b>`}` },
    { key: "host", title: t("Host"), wide: true, cell: (p) => html`<span class="name">${hostOf(p.origin)}</span>` },
    { key: "state", title: t("Health"), cell: (p) => html`<${State} profile=${p} />` },
    { key: "p95", title: t("TTFT p95"), hint: t("time to the first token: 95 of 100 answers were faster"), align: "right", cell: (p) => format.duration(p.ttft_p95_ms) },
    { key: "errors", title: t("Errors, 1 h"), align: "right", cell: (p) => html`<span title=${p.last_error}>${t("%s of %s", format.count(p.errors_1h), format.count(p.requests_1h))}</span>` },
    { key: "lastok", title: t("Last OK"), cell: (p) => html`<${Ago} at=${p.last_ok} />` },
    { key: "day", title: t("24 hours"), cell: (p) => html`<${Strip} profile=${p.name} day=${day} />` },
    { key: "today", title: t("Today"), align: "right", cell: (p) => (p.today.requests > 0 ? html`<${Money} value=${p.today.cost_usd} unpriced=${p.today.unpriced > 0} />` : format.unknown) },
    { key: "test", class: "act", title: t("Test"), cell: (p) => html`<${TestButton} profile=${p.name} onResult=${show} />` },
  ];
  return html`
    <${Block} title=${t("Health")} class="health" actions=${html`<${SaveCsv} rows=${profiles.value.map(fileRow)} name="prism-health" />`}>
      <${Table} caption=${t("Health of each profile")} columns=${columns} rows=${profiles.value} rowKey=${(p) => p.name} stack />
      ${tried && html`<${Trial} result=${tried} onClose=${() => show(null)} />`}
      <${RequestsByHour} byProfile=${day.byProfile} />
    <//>`;
}

function fileRow(p) {
  return {
    profile: p.name, active: p.name === active.value, host: hostOf(p.origin), state: p.state, why: p.why, until: p.until, ttft_p95_ms: p.ttft_p95_ms, errors_1h: p.errors_1h,
    requests_1h: p.requests_1h, last_ok: p.last_ok, requests_today: p.today.requests, cost_today_usd: p.today.cost_usd, unpriced_today: p.today.unpriced,
  };
}

function TestButton({ profile, onResult }) {
  const [busy, run] = useTrial(profile, onResult);
  return html`<button type="button" disabled=${busy} aria-label=${t("Test %s", profile)} onClick=${run}>${busy ? t("testing") : t("Test")}</button>`;
}

/** The state of a profile in words: what it is, why, and when it is asked again. */
export function State({ profile: p }) {
  const text = stateText(p.state);
  const why = p.why ? html` <span class="quiet">${said(p.why)}</span>` : "";
  const due = p.until && Date.parse(p.until) <= clock.value; // the state itself changes only with a request
  const again = due ? t("%s, the next request may try again", text) : text;
  switch (p.state) {
    case "cooling":
      return html`<${Mark} kind="warn">${p.until && !due ? tx("cooling, next try in %s", html`<${Until} at=${p.until} />`) : again}<//>${why}`;
    case "open":
      return html`<${Mark} kind="bad">${p.until && !due ? tx("does not answer, next try in %s", html`<${Until} at=${p.until} />`) : again}<//>${why}`;
    case "probing":
      return html`<${Mark} kind="busy">${text}<//>${why}`;
    case "denied":
      return html`<${Mark} kind="bad">${text}<//>${why}`;
    case "ok":
      return p.last_ok || p.requests_1h > 0 ? html`<${Mark} kind="ok">${text}<//>` : html`<${Mark} kind="off">${t("not asked yet")}<//>`;
  }
  return html`<${Mark} kind="off">${text}<//>`;
}

/** The word for a state of a profile or of a key. */
export function stateText(state) {
  const words = { ok: t("ok"), cooling: t("cooling"), open: t("does not answer"), probing: t("being asked again"), denied: t("refuses the key") };
  return words[state] ?? state;
}

function Strip({ profile, day }) {
  const hours = day.byProfile.get(profile);
  if (!hours) return format.unknown;
  const sum = hours.reduce((n, h) => n + h.requests, 0);
  const bad = hours.reduce((n, h) => n + h.errors, 0);
  const label = t("%s, %s in 24 hours", tn(sum, "%d requests"), tn(bad, "%d errors"));
  const told = (i) => t("%s: %s, %s", format.minute(hours[i].hour), tn(hours[i].requests, "%d requests"), tn(hours[i].errors, "%d errors"));
  return html`<${Spark} values=${hours.map((h) => h.requests)} label=${label} title=${told} bad=${(i) => hours[i].errors} />`;
}
