// The last 24 hours, hour by hour, out of the ledger.
import { useMemo } from "../../../vendor/preact.js";
import { useApi } from "../../kit/useapi.js";

const every = 60_000;

/**
 * The figures for the page: hours of all profiles (none if nothing was asked in them), byProfile the
 * same for each, and rate, what the last hour cost (null where it is not known). of is what useApi
 * returned.
 */
export function useDay() {
  const of = useApi("/api/hours", null, { every });
  const figures = useMemo(() => arrange(of.data), [of.data]);
  return { of, ...figures };
}

/** Puts an answer of /api/hours, or none, into the figures for the page. */
export function arrange(data) {
  const list = (hours) => hours.map((h) => ({ hour: h.at, requests: h.requests, errors: h.failed, unpriced: h.unpriced, cost_usd: h.cost_usd }));
  const all = data?.all ?? [];
  return {
    hours: all.some((h) => h.requests > 0) ? list(all) : [],
    byProfile: new Map((data?.profiles ?? []).map((p) => [p.profile, list(p.hours)])),
    rate: data?.last_hour_usd ?? null,
  };
}
