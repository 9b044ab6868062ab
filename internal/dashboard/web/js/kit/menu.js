// A menu: arrows go through it, digits choose.
import { html, useEffect, useRef } from "../../vendor/preact.js";
import { Popover } from "./popover.js";

/**
 * A button with a list of choices {key, label, checked, run}. The first nine have the digits 1 to 9
 * while it is open. open and onOpen(bool) belong to the caller.
 */
export function Menu({ open, onOpen, label, name, items, class: css }) {
  return html`
    <${Popover} open=${open} onOpen=${onOpen} label=${label} name=${name} kind="menu" class=${css}>
      <${Items} items=${items} name=${name} done=${() => onOpen(false)} />
    <//>`;
}

function Items({ items, name, done }) {
  const list = useRef(null);
  const all = () => [...list.current.children];
  useEffect(() => (all().find((n) => n.getAttribute("aria-checked") === "true") ?? all()[0])?.focus(), []);
  const choose = (item) => {
    done();
    item.run();
  };
  const pressed = (e) => {
    const i = all().indexOf(document.activeElement);
    const to = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: items.length - 1 }[e.key];
    if (to !== undefined) all()[(to + items.length) % items.length]?.focus();
    else if (/^[1-9]$/.test(e.key) && !e.metaKey && !e.ctrlKey && items[e.key - 1]) choose(items[e.key - 1]);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return html`
    <div role="menu" aria-label=${name} ref=${list} onKeyDown=${pressed}>
      ${items.map(
        (item, i) => html`
          <button type="button" key=${item.key} role="menuitemradio" aria-checked=${item.checked ? "true" : "false"} tabindex="-1" onClick=${() => choose(item)}>
            <span class="tick" aria-hidden="true">${item.checked ? "✓" : ""}</span>
            <span class="label">${item.label}</span>
            ${i < 9 && html`<kbd aria-hidden="true">${i + 1}</kbd>`}
          </button>`,
      )}
    </div>`;
}
