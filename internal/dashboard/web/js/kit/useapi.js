// Data of a block: asked for, kept while newer is on its way, and called old when none comes.
import { useEffect, useState } from "../../vendor/preact.js";
import { address, get } from "../api.js";

const empty = { data: null, url: null, path: null, error: null, waiting: null, loading: true, at: null };
const pauses = [1_000, 2_000, 5_000, 10_000]; // milliseconds until a gateway that cannot answer yet is asked again

/** Whether an error passes by itself: the gateway starts, or the ledger has other work. */
export function passes(error) {
  return error.status === 503;
}

/** How long to wait before asking again what could not be answered so many times, in milliseconds. */
export function pauseAfter(misses) {
  return pauses[Math.min(misses, pauses.length) - 1];
}

/**
 * Asks GET path with params, and again when they change, every so many milliseconds (every), or on
 * reload(). What was there stays until the new answer comes; if none comes, what belongs to another
 * question goes. Returns {data, error, waiting, loading, at, stale, reload}: waiting is an error that
 * passes by itself, at is when data came; stale says that asking again failed, or that the gateway
 * itself answered with older figures. A path of null asks nothing.
 */
export function useApi(path, params, { every = 0 } = {}) {
  const url = path === null ? null : address(path, params);
  const [state, set] = useState(empty);
  const [turn, again] = useState(0);
  useEffect(() => {
    if (url === null) {
      set({ ...empty, loading: false });
      return undefined;
    }
    const stop = new AbortController();
    let timer = 0;
    let misses = 0;
    const ask = async () => {
      set((s) => ({ ...(s.path === path ? s : { ...empty, path }), loading: true }));
      let pause = every;
      try {
        const data = await get(url, null, { signal: stop.signal });
        misses = 0;
        set({ data, url, path, error: null, waiting: null, loading: false, at: Date.now() });
      } catch (error) {
        if (stop.signal.aborted) return;
        const mine = (s) => (s.url === url ? s : { ...empty, path }); // figures of another question must not stand under this one
        set((s) => ({ ...mine(s), ...(passes(error) ? { error: null, waiting: error } : { error, waiting: null }), loading: false }));
        if (passes(error) || error.status === 0) pause = pauseAfter(++misses);
      }
      if (pause && !stop.signal.aborted) timer = setTimeout(tick, pause);
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
  const { data, error, waiting, loading, at } = state;
  const stale = data !== null && (error !== null || waiting !== null || data.stale === true);
  return { data, error, waiting, loading, at, stale, reload: () => again((n) => n + 1) };
}
