// The address is the state: which page, its filters, what is open. Back works.
import { signal } from "../vendor/preact.js";

/** Where the page stands: its path and the parameters of the query. */
export const place = signal(read());

function read() {
  const path = location.pathname === "/" ? "/now" : location.pathname;
  return { path, params: new URLSearchParams(location.search) };
}

/** The address of a page with parameters, as for an href; "" and null leave a parameter out. */
export function href(path, params = {}) {
  const q = params instanceof URLSearchParams ? params : changed(new URLSearchParams(), params);
  return q.size ? `${path}?${q}` : path;
}

/** Goes to a page. With replace the way there is not a step that Back undoes. */
export function go(path, params = {}, { replace = false } = {}) {
  move(href(path, params), replace);
}

function changed(q, changes) {
  for (const [name, value] of Object.entries(changes)) {
    q.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") q.append(name, one);
    }
  }
  return q;
}

function move(url, replace) {
  if (url !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"](null, "", url);
  place.value = read();
}

/** Follows Back, Forward and links of our own pages without loading the document anew. */
export function startRouter(pages) {
  addEventListener("popstate", () => (place.value = read()));
  addEventListener("click", (e) => {
    const a = e.composedPath().find((n) => n instanceof HTMLAnchorElement);
    if (!a || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    if (a.origin !== location.origin || a.target || a.hasAttribute("download") || !pages.includes(a.pathname)) return;
    if (a.hash && a.pathname === location.pathname && a.search === location.search) return; // a jump within the page
    e.preventDefault();
    move(a.pathname + a.search, false);
  });
}
