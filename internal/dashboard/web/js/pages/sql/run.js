// Runs one query at a time.
import { useEffect, useRef, useState } from "../../../vendor/preact.js";
import { get } from "../../api.js";
import { said, t, tn } from "../../i18n.js";
import { announce } from "../../kit/announce.js";
import { passes, pauseAfter } from "../../kit/useapi.js";

const nothing = { busy: false, waiting: null, data: null, plan: null, error: null, question: null };

/** The parameters of the API for a query with the values of its parameters. */
export function askFor(q, values) {
  const out = new URLSearchParams({ q });
  for (const [name, value] of Object.entries(values)) out.set(`p.${name}`, value);
  return out;
}

/** Returns what the last query gave, and what runs, explains and stops one. */
export function useRun() {
  const [state, set] = useState(nothing);
  const stop = useRef(null);
  useEffect(() => () => stop.current?.abort(), []);
  const ask = async (path, question, take) => {
    stop.current?.abort();
    const own = new AbortController();
    stop.current = own;
    set((s) => ({ ...s, busy: true, waiting: null, error: null }));
    try {
      const answer = await patiently(() => get(path, question, { signal: own.signal }), own.signal, (waiting) => set({ ...nothing, busy: true, waiting, question }));
      if (own.signal.aborted) return;
      set({ ...nothing, question, ...take(answer) });
    } catch (error) {
      if (own.signal.aborted) return;
      set({ ...nothing, error, question });
      announce(said(error.message));
    }
  };
  const run = (q, values) =>
    ask("/api/sql.json", askFor(q, values), (data) => {
      announce(tn(data.count, "%d rows"));
      return { data };
    });
  const explain = (q, values) => ask("/api/sql/explain", askFor(q, values), (answer) => ({ plan: answer.plan }));
  const cancel = () => {
    stop.current?.abort();
    set((s) => ({ ...s, busy: false, waiting: null }));
    announce(t("stopped"));
  };
  return { ...state, run, explain, cancel };
}

// Asks until there is an answer, or a refusal that does not pass by itself; tell gets what it waits for.
async function patiently(ask, signal, tell) {
  for (let misses = 1; ; misses++) {
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted || !passes(error)) throw error;
      tell(error);
    }
    await new Promise((go) => setTimeout(go, pauseAfter(misses)));
    signal.throwIfAborted();
  }
}
