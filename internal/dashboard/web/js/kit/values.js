// Single values as the pages show them.
import { html } from "../../vendor/preact.js";
import { clock } from "../clock.js";
import * as format from "../format.js";
import { t } from "../i18n.js";

/** An instant in the gateway's zone, with UTC as its title. With only="time" the day is left out. */
export function Time({ at, only }) {
  if (!at) return format.unknown;
  return html`<time datetime=${at} title=${format.utc(at)}>${only === "time" ? format.time(at) : format.dateTime(at)}</time>`;
}

/** How long ago an instant was; it keeps itself up to date. */
export function Ago({ at }) {
  if (!at) return format.unknown;
  return html`<time datetime=${at} title=${format.utc(at)}>${format.ago(at, clock.value)}</time>`;
}

/** How long it is until an instant; it keeps itself up to date. */
export function Until({ at }) {
  if (!at) return format.unknown;
  return html`<time datetime=${at} title=${format.utc(at)}>${format.duration(Math.max(0, Math.round((Date.parse(at) - clock.value) / 1000) * 1000))}</time>`;
}

/**
 * An amount; the title has every digit. What ought to have a price and has none is unpriced, and said
 * to be so: never $0, and not what has no price by its nature.
 */
export function Money({ value, places, unpriced = false }) {
  if (value === null || value === undefined || value === "") return unpriced ? html`<span class="quiet" title=${t("no price is known")}>${t("unpriced")}</span>` : format.unknown;
  return html`<span class="number" title=${`$${value}`}>${format.money(value, places)}</span>`;
}

/** A number of tokens, in thousands; the title has every digit. */
export function Tokens({ value }) {
  if (value === null || value === undefined) return format.unknown;
  return html`<span class="number" title=${format.count(value)}>${format.tokens(value)}</span>`;
}

/** Prompt tokens and how much of them came from the cache: 52.1k (98%). */
export function Prompt({ tokens, cached }) {
  if (tokens === null || tokens === undefined) return format.unknown;
  return html`<span class="number" title=${format.count(tokens)}>${format.tokens(tokens)}<span class="quiet"> (${format.percent(cached, tokens)})</span></span>`;
}

/** The model that was asked for, and the one that answered if it is another. */
export function Model({ asked, served }) {
  if (!served || served === asked) return html`<span class="name">${asked || format.unknown}</span>`;
  // Each name by itself: one that is written from right to left must not turn the other around.
  return html`<span title=${t("%s was asked for, %s answered", asked || format.unknown, served)}><bdi class="name">${asked || format.unknown}</bdi> → <bdi class="name">${served}</bdi></span>`;
}

/** A state as a mark and a word: nothing is said by colour alone. */
export function Mark({ kind, children }) {
  const shapes = { ok: "●", warn: "◐", bad: "✕", off: "○", busy: "◌" };
  return html`<span class=${`mark ${kind}`}><span aria-hidden="true" class="shape">${shapes[kind] ?? "○"}</span> ${children}</span>`;
}

/** What became of a request, as it was: not 200 where the answer was cut off. */
export function Outcome({ outcome, status, error }) {
  return html`<${Mark} kind=${outcomeKind(outcome)}>${outcomeText(outcome, status, error)}<//>`;
}

/** "ok", "warn" or "bad" for an outcome of the ledger. */
export function outcomeKind(outcome) {
  if (outcome === "ok") return "ok";
  return outcome === "client_abort" || outcome === "shutdown" ? "warn" : "bad";
}

/** The word for an outcome of the ledger by itself, as in a list of them. */
export function outcomeName(outcome) {
  return outcome === "ok" ? t("ok") : outcomeText(outcome);
}

/** The words for an outcome of the ledger; error is the type of the error, if there was one. */
export function outcomeText(outcome, status, error) {
  switch (outcome) {
    case "ok":
      return String(status || 200);
    case "client_abort":
      return t("client left");
    case "truncated":
      return t("truncated");
    case "crashed":
      return t("crashed");
    case "shutdown":
      return t("stopped");
    case "blocked":
      return t("blocked");
  }
  return [status || "", error].filter(Boolean).join(" ") || t("error");
}
