// Which days a page is about: a few names, or two dates.
import { html } from "../../vendor/preact.js";
import { unknown, zone } from "../format.js";
import { t } from "../i18n.js";
import { Select } from "./select.js";

const dayMS = 86_400_000;

/** The ranges that have a name, in the words of the page. */
export function rangeNames() {
  return {
    "1h": t("last hour"),
    "24h": t("last 24 hours"),
    today: t("today"),
    yesterday: t("yesterday"),
    "7d": t("last 7 days"),
    week: t("this week"),
    "30d": t("last 30 days"),
    month: t("this month"),
    "90d": t("last 90 days"),
    year: t("this year"),
    all: t("all"),
  };
}

/** The days that parameters name, in words. */
export function rangeText(params, standard) {
  const name = params.get("range") ?? standard;
  if (!params.has("from") && !params.has("to")) return rangeNames()[name] ?? name;
  return `${dayOf(params.get("from")) || unknown} – ${lastDay(params) || unknown}`;
}

/**
 * A choice of days. params are those of the page: range, or from and to; without any it is standard.
 * onChange gets the ones to replace.
 */
export function Range({ params, standard, onChange }) {
  const dates = params.has("from") || params.has("to");
  const name = params.get("range") ?? standard;
  const names = rangeNames();
  const options = Object.entries({ [name]: name, ...names, dates: t("dates …") }).map(([value, label]) => ({ value, label }));
  const choose = (value) => {
    if (value !== "dates") return onChange({ range: value === standard ? null : value, from: null, to: null });
    const today = isoDay(Date.now());
    onChange({ range: null, from: today, to: nextDay(today, 1) });
  };
  return html`
    <span class="range">
      <${Select} label=${t("Time range")} options=${options} value=${dates ? "dates" : name} onChange=${choose} />
      ${dates && html`<${Dates} params=${params} onChange=${onChange} />`}
    </span>`;
}

// The end of a range is not part of it; people mean the last day that is.
function lastDay(params) {
  return params.has("to") ? nextDay(dayOf(params.get("to")), -1) : "";
}

function Dates({ params, onChange }) {
  const from = dayOf(params.get("from"));
  const to = lastDay(params);
  const field = (label, value, set) => html`<label class="check"><span>${label}</span><input type="date" value=${value} onChange=${(e) => set(e.currentTarget.value)} /></label>`;
  return html`
    ${field(t("from"), from, (v) => onChange({ from: v || null }))}
    ${field(t("to"), to, (v) => onChange({ to: v ? nextDay(v, 1) : null }))}`;
}

function dayOf(value) {
  if (!value) return "";
  return /^\d{4}-\d\d-\d\d$/.test(value) ? value : isoDay(Date.parse(value));
}

/** The day of an instant in the zone of the gateway, as 2026-11-26; "" if it is none. */
export function isoDay(instant) {
  return isoHour(instant).slice(0, 10);
}

/** The hour of an instant in the zone of the gateway, as 2026-11-26T14:00; "" if it is none. */
export function isoHour(instant) {
  if (Number.isNaN(instant)) return "";
  try {
    const options = { timeZone: zone.peek(), year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", hourCycle: "h23" };
    const p = Object.fromEntries(new Intl.DateTimeFormat("en", options).formatToParts(instant).map(({ type, value }) => [type, value]));
    return `${p.year}-${p.month}-${p.day}T${p.hour}:00`;
  } catch {
    return `${new Date(instant).toISOString().slice(0, 13)}:00`; // a zone that the browser does not know
  }
}

function nextDay(day, by) {
  const at = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(at) ? "" : new Date(at + by * dayMS).toISOString().slice(0, 10);
}
