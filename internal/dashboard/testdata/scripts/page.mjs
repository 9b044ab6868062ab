// What the scripts find in a browser, as far as they need it here.
const store = new Map();

/** Puts the globals of a page in place; the scripts are imported after that. */
export function page({ lang = "en", url = "http://127.0.0.1:3001/now" } = {}) {
  const at = new URL(url);
  const nothing = () => {};
  Object.assign(globalThis, {
    document: { documentElement: { lang, dataset: {} }, hidden: false, cookie: "", addEventListener: nothing, querySelector: () => null },
    localStorage: { getItem: (k) => store.get(k) ?? null, setItem: (k, v) => store.set(k, v) },
    location: at,
    history: { pushState: (_, __, to) => (at.href = new URL(to, at).href), replaceState: (_, __, to) => (at.href = new URL(to, at).href) },
    addEventListener: nothing,
    matchMedia: () => ({ matches: false, addEventListener: nothing }),
    setInterval: nothing,
  });
}

/** Answers requests for the catalogue with these texts. */
export function catalogue(files) {
  globalThis.fetch = async (path) => {
    const name = path.match(/lang\/(\w+)\.json/)[1];
    return { ok: name in files, json: async () => files[name] };
  };
}
