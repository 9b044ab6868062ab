// What the scripts find in a browser, as far as they need it here.
const store = new Map();
const heard = new Map(); // who listens to which event of the window

/** Puts the globals of a page in place; the scripts are imported after that. */
export function page({ lang = "en", url = "http://127.0.0.1:3001/now" } = {}) {
  const at = new URL(url);
  const nothing = () => {};
  Object.assign(globalThis, {
    document: { documentElement: { lang, dataset: { languages: "en zh-CN" } }, hidden: false, cookie: "", addEventListener: nothing, querySelector: () => null },
    localStorage: { getItem: (k) => store.get(k) ?? null, setItem: (k, v) => store.set(k, v) },
    location: at,
    history: { pushState: (_, __, to) => (at.href = new URL(to, at).href), replaceState: (_, __, to) => (at.href = new URL(to, at).href) },
    addEventListener: (type, run) => heard.set(type, [...(heard.get(type) ?? []), run]),
    removeEventListener: (type, run) => heard.set(type, (heard.get(type) ?? []).filter((r) => r !== run)),
    matchMedia: () => ({ matches: false, addEventListener: nothing }),
    setInterval: nothing,
  });
}

/** Tells an event to who listens to the window. */
export function fire(type, event = {}) {
  for (const run of heard.get(type) ?? []) run(event);
}

/**
 * Replaces setTimeout and Date.now by time that goes by when the test says so: returns pass(ms). What
 * is due runs at its instant, and what it starts runs before the next.
 */
export function clock() {
  let now = Date.now();
  let last = 0;
  const waiting = new Map();
  globalThis.setTimeout = (run, ms = 0) => (waiting.set(++last, { at: now + ms, run }), last);
  globalThis.clearTimeout = (id) => waiting.delete(id);
  Date.now = () => now;
  return async (ms) => {
    const end = now + ms;
    for (;;) {
      await settle();
      const [id, due] = [...waiting].filter(([, w]) => w.at <= end).toSorted(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!due) break;
      now = Math.max(now, due.at);
      waiting.delete(id);
      due.run();
    }
    now = end;
  };
}

/** Lets promises run that wait for nothing but each other. */
export async function settle() {
  for (let i = 0; i < 50; i++) await null;
}

/** Answers requests for the catalogue with these texts. */
export function catalogue(files) {
  globalThis.fetch = async (path) => {
    const name = path.match(/lang\/(\w+)\.json/)[1];
    return { ok: name in files, json: async () => files[name] };
  };
}
