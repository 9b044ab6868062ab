// What the page of requests asks for. The address says it in the words of the API, so that a link is
// a question and a question is a link.
import { only } from "../../kit/params.js";

/** The filters that an address can have. */
export const filterNames = ["range", "from", "to", "q", "profile", "model", "outcome", "status", "project", "branch", "source", "operation", "session", "agent", "host", "provider", "tag", "unpriced"];

/** The range that is shown unless another one is asked for: it is read in no time, however old the ledger. */
export const standardRange = "24h";

/** The order that is shown unless another one is asked for. */
export const standardSort = "-started_at";

/** The filters of an address. */
export function filtersOf(params) {
  return only(params, filterNames);
}

/** The filters of an address but the time, as {name, value}. */
export function filtersIn(params) {
  return [...filtersOf(params)].filter(([name]) => !["range", "from", "to"].includes(name)).map(([name, value]) => ({ name, value }));
}

/** The whole question of an address: filters, order, and after which row. */
export function questionOf(params) {
  return only(params, [...filterNames, "sort", "after"]);
}

/** What a filter resets when it changes: a branch belongs to its project. */
const dependents = { project: ["branch"], profile: ["model"], outcome: ["status"] };

/** The changes to an address that set filters: dependent ones are reset, and the page is the first. */
export function settingFilters(changes) {
  const out = { after: null };
  for (const name of Object.keys(changes)) {
    for (const other of dependents[name] ?? []) out[other] = null;
  }
  return { ...out, ...changes };
}

/** Whether an outcome is a failure: a client that left is nobody's. The gateway counts in the same way. */
export const failed = (outcome) => outcome !== "ok" && outcome !== "client_abort";

/** Whether a request that has just finished is one of those that the filters let through. */
export function matches(params, x) {
  const among = (name, value) => {
    const wanted = params.getAll(name);
    return wanted.length === 0 || wanted.includes(value || "");
  };
  const outcomes = params.getAll("outcome");
  return (
    !params.has("to") && params.get("range") !== "yesterday" && (params.get("unpriced") === null || x.unpriced === true) && among("source", "proxy") &&
    among("profile", x.profile) && among("model", x.response_model || x.upstream_model || x.request_model) && among("project", x.project) &&
    among("branch", x.git_branch) && among("operation", x.operation) && among("session", x.session_id) && among("agent", x.agent_id) &&
    among("host", x.host_name) && among("provider", x.provider) &&
    (outcomes.length === 0 || outcomes.includes(x.outcome) || (outcomes.includes("failed") && failed(x.outcome))) &&
    statusMatches(params.getAll("status"), x.http_status) && tagsMatch(params.getAll("tag"), x.tags ?? {}) && textMatches(params.get("q"), x)
  );
}

function statusMatches(wanted, status) {
  return wanted.length === 0 || wanted.some((w) => w === String(status) || w === `${Math.floor(status / 100)}xx`);
}

function tagsMatch(wanted, tags) {
  return wanted.every((w) => {
    const [key, ...value] = w.split("=");
    return key in tags && (value.length === 0 || tags[key] === value.join("="));
  });
}

const searched = ["request_id", "session_id", "agent_id", "error_type", "error_message", "project", "git_branch", "profile", "request_model", "upstream_model", "response_model"];

function textMatches(text, x) {
  const wanted = (text ?? "").toLowerCase();
  return wanted === "" || searched.some((name) => (x[name] ?? "").toLowerCase().includes(wanted));
}
