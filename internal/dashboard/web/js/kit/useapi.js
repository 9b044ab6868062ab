// Data of a block: asked for, kept while newer is on its way, and called old when none comes.
import { useEffect, useRef, useState } from "../../vendor/preact.js";
import { address, get } from "../api.js";

const empty = { data: null, error: null, loading: true, at: null };

/**
 * Asks GET path with params, and again when they change, every so many milliseconds (every), or on
 * reload(). What was there stays until the new answer comes. Returns {data, error, loading, at,
 * stale, reload}: at is when data came; stale says that asking again failed, or that the gateway
 * itself answered with older figures. A path of null asks nothing.
 */
export function useApi(path, params, { every = 0 } = {}) {
  const url = path === null ? null : address(path, params);
  const [state, set] = useState(empty);
  const [turn, again] = useState(0);
  const shown = useRef(null); // the path that data belongs to
  useEffect(() => {
    if (url === null) {
      set({ ...empty, loading: false });
      return undefined;
    }
    const stop = new AbortController();
    let timer = 0;
    const ask = async () => {
      set((s) => ({ ...(shown.current === path ? s : empty), loading: true }));
      try {
        const data = await get(url, null, { signal: stop.signal });
        shown.current = path;
        set({ data, error: null, loading: false, at: Date.now() });
      } catch (error) {
        if (stop.signal.aborted) return;
        set((s) => ({ ...s, error, loading: false }));
      }
      if (every && !stop.signal.aborted) timer = setTimeout(tick, every);
    };
    const tick = () => {
      if (!document.hidden) return void ask();
      document.addEventListener("visibilitychange", tick, { once: true, signal: stop.signal });
    };
    ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [url, every, turn]);
  const stale = state.data !== null && (state.error !== null || state.data?.stale === true);
  return { ...state, stale, reload: () => again((n) => n + 1) };
}
