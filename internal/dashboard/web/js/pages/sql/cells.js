// Values of a result as the page shows them. They stay as exact as they came.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { lang } from "../../i18n.js";

const numbers = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL|DOUBLE|FLOAT|REAL|BIGNUM)/;

/** Whether a type of SQL is a number. */
export function isNumber(type) {
  return numbers.test(type) && !type.endsWith("]");
}

/** Whether a type of SQL is an instant. */
export function isInstant(type) {
  return type === "TIMESTAMP WITH TIME ZONE" || type === "TIMESTAMPTZ";
}

/**
 * A value of a column; NULL is said, so that it is not taken for a text without letters. Integers come
 * as numbers, or as text where a number of JSON would lose digits: both are shown as they are.
 */
export function Value({ value, type }) {
  if (value === null || value === undefined) return html`<span class="null">NULL</span>`;
  if (isInstant(type) && !Number.isNaN(Date.parse(value))) return html`<time datetime=${value} title=${format.utc(value, { exact: true })}>${format.instant(value)}</time>`;
  if (typeof value === "object") return html`<span class="name">${JSON.stringify(value)}</span>`;
  return html`<span class=${isNumber(type) ? "number" : "name"}>${String(value)}</span>`;
}

/** A number of a chart's scale or legend, with its thousands apart; Intl takes the text exactly. */
export function figure(value) {
  if (value === null || value === undefined) return format.unknown;
  return new Intl.NumberFormat(lang.value, { maximumFractionDigits: 10 }).format(value);
}
