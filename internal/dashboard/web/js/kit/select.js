// Choices: one of a few, one of many, several with their counts.
import { html, useId, useRef, useState } from "../../vendor/preact.js";
import { count } from "../format.js";
import { t } from "../i18n.js";
import { Popover } from "./popover.js";

/** One of a few, all of them seen. options is a list of {value, label}. */
export function Choice({ label, options, value, onChange }) {
  const name = useId();
  return html`
    <fieldset class="choice">
      <legend class="hidden">${label}</legend>
      ${options.map(
        (o) => html`
          <label key=${o.value}>
            <input type="radio" name=${name} value=${o.value} checked=${o.value === value} onChange=${() => onChange(o.value)} />
            <span>${o.label}</span>
          </label>`,
      )}
    </fieldset>`;
}

/** One of many. options is a list of {value, label}. */
export function Select({ label, options, value, onChange, showLabel = false }) {
  return html`
    <label class="select">
      <span class=${showLabel ? "" : "hidden"}>${label}</span>
      <select value=${value} onChange=${(e) => onChange(e.currentTarget.value)}>
        ${options.map((o) => html`<option key=${o.value} value=${o.value} selected=${o.value === value}>${o.label}</option>`)}
      </select>
    </label>`;
}

const many = 8; // more options than this can be searched

/**
 * Several of many. options is a list of {value, label, count}: those that occur; what is chosen and
 * does not occur any more stays in the list, so that it can be taken back. onChange gets the new list;
 * note stands below it. partial says that there may be more than options; onFind gets what the list is
 * narrowed by, where others can be had. An option without a count shows none.
 */
export function MultiSelect({ label, options, value, onChange, note, partial = false, onFind }) {
  const [open, set] = useState(false);
  const [filter, setFilter] = useState("");
  const group = useRef(null);
  const narrow = (text) => {
    setFilter(text);
    onFind?.(text.trim());
  };
  const clear = () => {
    group.current.querySelector("input")?.focus(); // the button goes, and would take the focus along
    onChange([]);
  };
  const show = (on) => {
    set(on);
    if (!on && filter !== "") narrow("");
  };
  const gone = value.filter((v) => !options.some((o) => o.value === v)).map((v) => ({ value: v, count: partial ? undefined : 0 }));
  const order = useRef([]);
  if (!open) order.current = [];
  const all = inOrder(order.current, [...options, ...gone]);
  const wanted = filter.toLowerCase();
  const shown = all.filter((o) => String(o.label ?? o.value).toLowerCase().includes(wanted));
  const toggle = (v) => onChange(value.includes(v) ? value.filter((x) => x !== v) : [...value, v]);
  return html`
    <${Popover} open=${open} onOpen=${show} class="multi"
      label=${html`${label}${value.length > 0 && html` <b class="badge">${value.length}</b><span class="hidden"> ${t("chosen")}</span>`} <span aria-hidden="true">▾</span>`}>
      ${(all.length > many || filter !== "") && html`<input type="search" aria-label=${t("filter the list")} placeholder=${t("filter the list")} maxlength="100" value=${filter} onInput=${(e) => narrow(e.currentTarget.value)} />`}
      <div class="options" role="group" aria-label=${label} ref=${group} onKeyDown=${stepOptions}>
        ${shown.map(
          (o) => html`
            <label key=${o.value}>
              <input type="checkbox" checked=${value.includes(o.value)} onChange=${() => toggle(o.value)} />
              <span class="name">${o.label ?? (o.value || t("(none)"))}</span>
              <span class="number quiet">${o.count === undefined ? "" : count(o.count)}</span>
            </label>`,
        )}
        ${shown.length === 0 && !partial && html`<p class="quiet">${t("nothing of that name")}</p>`}
      </div>
      ${note && html`<p class="quiet">${note}</p>`}
      ${value.length > 0 && html`<button type="button" class="plain" onClick=${clear}>${t("Clear")}</button>`}
    <//>`;
}

// While the list is open nothing moves under the hand: what is counted anew keeps its place.
function inOrder(order, options) {
  for (const o of options) if (!order.includes(o.value)) order.push(o.value);
  return options.toSorted((a, b) => order.indexOf(a.value) - order.indexOf(b.value));
}

function stepOptions(e) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (!by) return;
  const boxes = [...e.currentTarget.querySelectorAll("input")];
  boxes[boxes.indexOf(document.activeElement) + by]?.focus();
  e.preventDefault();
}
