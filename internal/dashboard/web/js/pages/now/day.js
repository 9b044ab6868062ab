// The last 24 hours, hour by hour, out of the ledger.
import { useMemo } from "../../../vendor/preact.js";
import { rowsOf } from "../../kit/rows.js";
import { useApi } from "../../kit/useapi.js";

const every = 60_000;
const hours = 24;
const hour = 3_600_000;

// One question for all of it: every sum is made where amounts are exact.
const question = `-- the last 24 hours by hour, in all and for each profile
select profile, date_trunc('hour', started_at) as hour, count(*) as requests,
  count(*) filter (outcome not in ('ok', 'client_abort')) as errors, sum(cost_usd) as cost_usd,
  sum(cost_usd) filter (started_at >= now() - interval 1 hour) as last_hour_usd
from requests where started_at >= now() - interval 24 hour
group by grouping sets ((), (hour), (profile, hour))`;

/**
 * The figures for the page: hours of all profiles, byProfile the same for each, and rate, what the
 * last hour cost (null where it is not known). of is what useApi returned.
 */
export function useDay() {
  const of = useApi("/api/sql.json", { q: question }, { every });
  const figures = useMemo(() => arrange(rowsOf(of.data), Math.floor(Date.now() / hour) * hour), [of.data]);
  return { of, ...figures };
}

/** Puts rows into a list of 24 hours that ends with the given one; hours without rows are there too. */
export function arrange(rows, last) {
  const byProfile = new Map();
  let all = [];
  let rate = null;
  const blank = () => Array.from({ length: hours }, (_, i) => ({ hour: new Date(last - (hours - 1 - i) * hour).toISOString(), requests: 0, errors: 0, cost_usd: null }));
  for (const r of rows) {
    if (r.hour === null) {
      rate = r.last_hour_usd;
      continue;
    }
    if (r.profile === null && all.length === 0) all = blank();
    if (r.profile !== null && !byProfile.has(r.profile)) byProfile.set(r.profile, blank());
    const at = hours - 1 - Math.round((last - Date.parse(r.hour)) / hour);
    const list = r.profile === null ? all : byProfile.get(r.profile);
    if (list[at]) list[at] = { hour: list[at].hour, requests: Number(r.requests), errors: Number(r.errors), cost_usd: r.cost_usd };
  }
  return { hours: all, byProfile, rate };
}
