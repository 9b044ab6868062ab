// Real tables: headings with scope, the order announced, rows by keyboard.
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { useKeys } from "../keys.js";
import { Select } from "./select.js";

/**
 * A table. columns is a list of {key, title, cell(row), align: "right", sort: true, hint, wide: true
 * (left out on small screens), rest: true (left out on the smallest), class: "act" (something to press: not printed)}. sort is a key, "-key" for the other way round, and onSort is called
 * with the next one. With onOpen rows open by click, Enter and a button in their first cell, which
 * openLabel(row) names, and j and k go through them; opens(row) tells which rows there is something to
 * open of, else all; selected is the key of the row that is open. foot is a row of the same shape;
 * stack makes each row a card on small screens, where the order is chosen from a list.
 */
export function Table(props) {
  const { columns, rows, rowKey, caption, foot, stack, rowClass, selected } = props;
  const body = useRef(null);
  const [at, move] = useRows(rows, rowKey, body, props);
  return html`
    <div class=${`tablebox ${stack ? "stack" : ""}`} role="group" aria-label=${caption} tabindex="0">
      ${stack && props.onSort && html`<${Order} columns=${columns} sort=${props.sort} onSort=${props.onSort} />`}
      <table>
        <caption class="hidden">${caption}</caption>
        <thead><tr>${columns.map((c) => html`<${Heading} key=${c.key} column=${c} sort=${props.sort} onSort=${props.onSort} />`)}</tr></thead>
        <tbody ref=${body}>
          ${rows.map((row) => {
            const key = rowKey(row);
            const onOpen = opening(row, props);
            const kind = [rowClass?.(row), onOpen && "opens", key === at && "at", key === selected && "selected"].filter(Boolean).join(" ");
            return html`<tr key=${key} class=${kind} onClick=${onOpen && ((e) => clicked(e, () => (move(key), onOpen(row))))}>${cells(columns, row, { onOpen, openLabel: props.openLabel })}</tr>`;
          })}
        </tbody>
        ${foot && html`<tfoot><tr>${cells(columns, foot, { head: t("total") })}</tr></tfoot>`}
      </table>
    </div>`;
}

function opening(row, { onOpen, opens }) {
  return onOpen && (opens?.(row) ?? true) ? onOpen : undefined;
}

// A card has no heading that could be pressed.
function Order({ columns, sort, onSort }) {
  const options = columns.filter((c) => c.sort).flatMap((c) => [
    { value: `-${c.key}`, label: t("%s, descending", c.title) },
    { value: c.key, label: t("%s, ascending", c.title) },
  ]);
  return html`<p class="order"><${Select} label=${t("Order by")} showLabel options=${options} value=${sort} onChange=${onSort} /></p>`;
}

function Heading({ column: c, sort = "", onSort }) {
  const on = sort.replace(/^-/, "") === c.key;
  const down = sort.startsWith("-");
  const direction = on ? (down ? "descending" : "ascending") : "none";
  const next = on && down ? c.key : `-${c.key}`;
  return html`
    <th scope="col" class=${cellClass(c)} aria-sort=${c.sort ? direction : null} title=${c.hint}>
      ${c.sort
        ? html`<button type="button" class="sort" onClick=${() => onSort(next)}>${c.title}<span aria-hidden="true">${on ? (down ? " ▾" : " ▴") : ""}</span></button>`
        : c.title}
    </th>`;
}

function cellClass(c) {
  return [c.align, c.wide && "wide", c.rest && "rest", c.class].filter(Boolean).join(" ");
}

function cells(columns, row, { onOpen, openLabel, head }) {
  return columns.map((c, i) => {
    let content = c.cell(row);
    if (i === 0 && onOpen) content = html`<button type="button" class="open" aria-label=${openLabel?.(row)} onClick=${() => onOpen(row)}>${content}</button>`;
    if (i === 0) return html`<th key=${c.key} scope="row" class=${cellClass(c)}>${head ?? content}</th>`;
    return html`<td key=${c.key} class=${cellClass(c)} data-title=${c.title}>${content}</td>`;
  });
}

// A click into a control of the row, or at the end of a selection, means something else.
function clicked(e, run) {
  if (e.target.closest("a, button, input, select, summary") || String(getSelection())) return;
  run();
}

function useRows(rows, rowKey, body, props) {
  const { onOpen, keyboard = true } = props;
  const [at, set] = useState(null);
  const step = (by) => {
    const list = rows.filter((r) => opening(r, props));
    if (!list.length) return false;
    const i = list.findIndex((r) => rowKey(r) === at);
    const next = Math.min(list.length - 1, Math.max(0, i < 0 ? 0 : i + by));
    set(rowKey(list[next]));
    return true;
  };
  useEffect(() => {
    if (at === null) return;
    const tr = body.current?.querySelector("tr.at");
    tr?.scrollIntoView({ block: "nearest" });
    tr?.querySelector(".open")?.focus({ preventScroll: true });
  }, [at]);
  const off = !onOpen || !keyboard;
  useKeys([
    { keys: "j", text: () => t("next row"), run: () => step(1), off },
    { keys: "k", text: () => t("row before"), run: () => step(-1), off },
  ]);
  return [at, set];
}
