// What the page of spending asks for.
import { t } from "../../i18n.js";
import { only } from "../../kit/params.js";

/** The range that is shown unless another one is asked for. */
export const standardRange = "month";

const filters = ["profile", "model", "project", "branch", "source", "session", "operation", "host", "agent", "provider", "tag"];
const times = ["hour", "day", "week", "month"];

/** The part of the question that all blocks share: which requests. */
export function scopeOf(params) {
  const q = only(params, ["range", "from", "to", ...filters]);
  if (!q.has("range") && !q.has("from") && !q.has("to")) q.set("range", standardRange);
  return q;
}

/** What the groups of an address are made by. A tag without a name is none. */
export function byOf(params) {
  const by = params.get("by");
  return !by || by === "tag:" ? "day" : by;
}

/** The question of a block: the scope, the part of the answer, and what else that part depends on. */
export function questionOf(params, part, names = []) {
  const q = scopeOf(params);
  for (const [name, value] of only(params, names)) q.append(name, name === "by" ? byOf(params) : value);
  q.set("part", part);
  return q;
}

/** The filters that an address brought along, as {name, value}. */
export function filtersIn(params) {
  return filters.flatMap((name) => params.getAll(name).map((value) => ({ name, value })));
}

/** Whether groups by that are spans of time. */
export function isTime(by) {
  return times.includes(by);
}

/** What groups can be made by, in the words of the page. */
export function groupNames() {
  return {
    day: t("day"), week: t("week"), month: t("month"), model: t("model"), profile: t("profile"), provider: t("provider"), project: t("project"),
    branch: t("branch"), session: t("session"), host: t("machine"), source: t("source"),
  };
}

/** What bars can be split by, in the words of the page. */
export function splitNames() {
  return { none: t("nothing"), model: t("model"), profile: t("profile"), project: t("project"), source: t("source") };
}
