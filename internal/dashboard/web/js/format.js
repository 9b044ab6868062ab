// How numbers, amounts and times are written. Amounts stay the decimal text that the ledger has:
// they are rounded by Intl, which takes such text exactly, and are never added up here.
import { signal } from "../vendor/preact.js";
import { lang, t } from "./i18n.js";

/** What stands for what is not known: never a 0. */
export const unknown = "–";

/** The time zone of the gateway's days, such as Europe/Berlin. */
export const zone = signal(Intl.DateTimeFormat().resolvedOptions().timeZone);

const cache = new Map();

// Intl objects are dear to make and cheap to use.
function intl(kind, options) {
  const key = `${lang.value} ${kind} ${JSON.stringify(options)}`;
  if (!cache.has(key)) cache.set(key, new Intl[kind](lang.value, options));
  return cache.get(key);
}

/** 18342 as 18,342. */
export function count(n) {
  return n === null || n === undefined ? unknown : intl("NumberFormat", {}).format(n);
}

/** 52140 tokens as 52.1k, 4200000 as 4.2M. */
export function tokens(n) {
  if (n === null || n === undefined) return unknown;
  const v = Number(n);
  const one = (x) => intl("NumberFormat", { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(x);
  if (v < 1000) return count(v);
  if (v < 999_950) return `${one(v / 1e3)}k`;
  if (v < 999_950_000) return `${one(v / 1e6)}M`;
  return `${one(v / 1e9)}G`;
}

/** An exact decimal in US dollars: four places below one dollar, two from there; null is unknown. */
export function money(d, places) {
  if (d === null || d === undefined || d === "") return unknown;
  const small = /^-?0?(\.|$)/.test(d);
  const digits = places ?? (small && !/^-?0?\.?0*$/.test(d) ? 4 : 2);
  return intl("NumberFormat", {
    style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfExpand",
  }).format(d);
}

/** A share of a whole, such as 94%. Sums first: both numbers are needed. */
export function percent(part, whole) {
  if (part === null || part === undefined || !Number(whole)) return unknown;
  return share(Number(part) / Number(whole));
}

/** 0.58 as 58%. */
export function share(x) {
  return x === null || x === undefined ? unknown : intl("NumberFormat", { style: "percent", maximumFractionDigits: 0 }).format(x);
}

/** Milliseconds as 90ms, 1.4s, 34s, 2m 5s, 3h 4m, 2d 3h. */
export function duration(ms) {
  if (ms === null || ms === undefined) return unknown;
  if (ms < 100) return `${Math.round(ms)}ms`;
  if (ms < 9_950) return `${intl("NumberFormat", { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(ms / 1000)}s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`;
}

/** How long before now something was. */
export function ago(at, now) {
  if (!at) return unknown;
  return t("%s ago", duration(Math.max(1000, Math.round((now - Date.parse(at)) / 1000) * 1000)));
}

function inZone(at, options) {
  return writer(options).format(new Date(at));
}

// Digits and places are those of the code: 2026-11-26 is so in every language.
function partsInZone(at, options) {
  return writer({ ...options, calendar: "gregory", numberingSystem: "latn" }).formatToParts(new Date(at));
}

function writer(options) {
  try {
    return intl("DateTimeFormat", { timeZone: zone.value, hourCycle: "h23", ...options });
  } catch {
    return intl("DateTimeFormat", { hourCycle: "h23", ...options }); // a zone that the browser does not know
  }
}

/** 14:31:07, in the zone of the gateway. */
export function time(at) {
  return at ? inZone(at, { hour: "2-digit", minute: "2-digit", second: "2-digit" }) : unknown;
}

/** 14:31, in the zone of the gateway. */
export function minute(at) {
  return at ? inZone(at, { hour: "2-digit", minute: "2-digit" }) : unknown;
}

/** The year of an instant in the zone of the gateway, as 2026. */
export function yearOf(at) {
  return partsInZone(at, { year: "numeric" }).find((p) => p.type === "year").value;
}

// The year is said where it is not this one.
function dated(at) {
  const day = { month: "short", day: "numeric" };
  return yearOf(at) === yearOf(Date.now()) ? day : { year: "numeric", ...day };
}

/** Nov 26, or Nov 26, 2024 if that is another year, in the zone of the gateway. */
export function day(at) {
  return at ? inZone(at, dated(at)) : unknown;
}

/** Nov 26, 14:31:07, with the year if that is another one, in the zone of the gateway. */
export function dateTime(at) {
  return at ? inZone(at, { ...dated(at), hour: "2-digit", minute: "2-digit", second: "2-digit" }) : unknown;
}

/** 2026-11-26 14:31:07.123456, in the zone of the gateway, with every digit that an RFC 3339 text has. */
export function instant(at) {
  if (!at) return unknown;
  const two = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const p = Object.fromEntries(partsInZone(at, { year: "numeric", ...two }).map(({ type, value }) => [type, value]));
  return `${p.year.padStart(4, "0")}-${p.month}-${p.day} ${p.hour}:${p.minute}:${p.second}${/\.\d+/.exec(at)?.[0] ?? ""}`;
}

/** Whether two instants are of one day in the zone of the gateway. */
export function sameDay(a, b) {
  const options = { year: "numeric", month: "numeric", day: "numeric" };
  return inZone(a, options) === inZone(b, options);
}

/** The instant in UTC, as for a title; with every digit that it has if it is exact. */
export function utc(at, { exact = false } = {}) {
  if (!at) return "";
  const fraction = exact ? (/\.\d+/.exec(at)?.[0] ?? "") : "";
  return `${new Date(at).toISOString().slice(0, -5).replace("T", " ")}${fraction} UTC`;
}
