// Filters that were given a name. They stay in this browser.
import { html, useState } from "../../../vendor/preact.js";
import { t } from "../../i18n.js";
import { withParams } from "../../kit/params.js";
import { Popover } from "../../kit/popover.js";
import { href } from "../../router.js";

const store = "prism.views";

/** Reads the saved views: a list of {name, query}. What is not one is left out. */
export function savedViews() {
  try {
    const list = JSON.parse(localStorage.getItem(store) ?? "[]");
    return Array.isArray(list) ? list.filter((v) => typeof v?.name === "string" && typeof v?.query === "string") : [];
  } catch {
    return []; // another program wrote there
  }
}

function keep(views) {
  try {
    localStorage.setItem(store, JSON.stringify(views));
  } catch {
    // A full or closed store keeps nothing; the page goes on.
  }
}

/** A button with the saved views, and a field to save what is shown now. */
export function Views({ params }) {
  const [open, show] = useState(false);
  const [views, set] = useState(savedViews);
  const [name, write] = useState("");
  const query = String(withParams(params, { id: null, after: null }));
  const change = (list) => {
    keep(list);
    set(list);
  };
  const save = (e) => {
    e.preventDefault();
    if (!name.trim()) return;
    change([...views.filter((v) => v.name !== name.trim()), { name: name.trim(), query }].toSorted((a, b) => a.name.localeCompare(b.name)));
    write("");
  };
  const remove = (e, view) => {
    e.currentTarget.closest(".pop").querySelector("input").focus(); // the button goes
    change(views.filter((o) => o !== view));
  };
  const toggle = (on) => {
    if (on) set(savedViews());
    show(on);
  };
  return html`
    <${Popover} open=${open} onOpen=${toggle} class="views" label=${html`${t("Views")} <span aria-hidden="true">▾</span>`}>
      <ul class="bare">
        ${views.map(
          (v) => html`
            <li key=${v.name}>
              <a href=${href("/requests", new URLSearchParams(v.query))} aria-current=${v.query === query ? "true" : null} onClick=${() => show(false)}><span class="name">${v.name}</span></a>
              <button type="button" class="plain" aria-label=${t("Remove the view %s", v.name)} onClick=${(e) => remove(e, v)}>✕</button>
            </li>`,
        )}
        ${views.length === 0 && html`<li class="quiet">${t("No view was saved yet.")}</li>`}
      </ul>
      <form onSubmit=${save}>
        <input type="text" aria-label=${t("Name of the view")} placeholder=${t("Name of the view")} maxlength="80" value=${name} onInput=${(e) => write(e.currentTarget.value)} />
        <button type="submit" disabled=${!name.trim()}>${t("Save view")}</button>
      </form>
    <//>`;
}
