// Runs one query at a time.
import { useEffect, useRef, useState } from "../../../vendor/preact.js";
import { get } from "../../api.js";
import { t, tn } from "../../i18n.js";
import { announce } from "../../kit/announce.js";

const nothing = { busy: false, data: null, plan: null, error: null, question: null };

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
    set((s) => ({ ...s, busy: true, error: null }));
    try {
      const answer = await get(path, question, { signal: own.signal });
      if (own.signal.aborted) return;
      set({ ...nothing, question, ...take(answer) });
    } catch (error) {
      if (own.signal.aborted) return;
      set({ ...nothing, error, question });
      announce(error.message);
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
    set((s) => ({ ...s, busy: false }));
    announce(t("stopped"));
  };
  return { ...state, run, explain, cancel };
}
