// Spans of time as the gateway names them, 2026-11-03 or 2026-11-03T14:00: days of its own zone, which
// are not converted again.
import { yearOf } from "../../format.js";
import { lang } from "../../i18n.js";
import { isoHour } from "../../kit/range.js";

const most = 1000; // more bars than this are not told apart
const step = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000 };

/** The name of a span for people; the year is said where it is not this one. */
export function spanName(at, grain) {
  const day = { year: String(at).slice(0, 4) === yearOf(Date.now()) ? undefined : "numeric", month: "short", day: "numeric" };
  const options = {
    hour: { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
    month: { year: "numeric", month: "short" },
  }[grain] ?? day;
  const instant = instantOf(at);
  return Number.isNaN(instant) ? String(at) : new Intl.DateTimeFormat(lang.value, { timeZone: "UTC", ...options }).format(instant);
}

/** A short name of a span for an axis: within one day the hour is enough. */
export function shortName(all, grain) {
  const days = new Set(all.map((at) => String(at).slice(0, 10)));
  return (at) => (grain === "hour" && days.size === 1 ? String(at).slice(11, 16) : spanName(at, grain));
}

// Counted as if the zone of the gateway were UTC: only the order and the distance matter.
function instantOf(at) {
  const text = String(at);
  return Date.parse(text.length <= 7 ? `${text}-01T00:00Z` : text.length === 10 ? `${text}T00:00Z` : `${text.slice(0, 16)}Z`);
}

function nameOf(instant, like) {
  return new Date(instant).toISOString().slice(0, like.length > 16 ? 16 : like.length);
}

/**
 * All spans from the first to the last that has a row, and for hours and days those of the whole
 * range, so that a day without a request is a gap and not missing. range is that of the answer.
 */
export function spans(rows, grain, range) {
  const found = [...new Set(rows.map((r) => r.at))].toSorted();
  if (found.length === 0 || !step[grain]) return found;
  const like = found[0];
  let [first, last] = [instantOf(found[0]), instantOf(found.at(-1))];
  if (grain !== "week") {
    first = Math.min(first, bound(range?.from, grain, first));
    last = Math.max(last, bound(range?.until, grain, last));
  }
  if (!(last - first <= most * step[grain])) return found;
  const out = [];
  for (let at = first; at <= last; at += step[grain]) out.push(nameOf(at, like));
  return found.every((at) => out.includes(at)) ? out : found; // hours of a day with a change of clocks
}

// The span that an end of the range lies in, unless it is too far away to draw all between.
function bound(instant, grain, otherwise) {
  const hour = instant ? isoHour(Date.parse(instant)) : "";
  const at = instantOf(grain === "day" ? hour.slice(0, 10) : hour);
  return Number.isNaN(at) || Math.abs(at - otherwise) > most * step[grain] ? otherwise : at;
}
