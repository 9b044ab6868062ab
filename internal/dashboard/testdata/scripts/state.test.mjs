import assert from "node:assert/strict";
import test from "node:test";
import { catalogue, page } from "./page.mjs";

page({ url: "http://127.0.0.1:3001/requests?profile=a&profile=b&q=x" });
const router = await import("../../web/js/router.js");
const { change } = await import("../../web/js/kit/params.js");
const api = await import("../../web/js/api.js");
const { arrange } = await import("../../web/js/pages/now/day.js");
const { stack } = await import("../../web/js/kit/plot.js");
const store = await import("../../web/js/store.js");

test("the address holds the state", () => {
  assert.deepEqual(router.place.value.params.getAll("profile"), ["a", "b"]);
  change({ profile: ["c&d"], q: null, sort: "-cost" });
  assert.equal(location.search, "?profile=c%26d&sort=-cost");
  router.go("/spend", { by: "model" });
  assert.equal(router.place.value.path, "/spend");
  assert.equal(router.href("/sql", { q: "select 1 -- ü", none: null }), "/sql?q=select+1+--+%C3%BC");
});

test("parameters of a question are encoded, lists by repeating them", () => {
  assert.equal(api.address("/api/requests", { profile: ["a b", "c"], q: "", page: 0, off: null }), "/api/requests?profile=a+b&profile=c&page=0");
});

test("the hours of the day keep their own beginnings and exact sums, and nothing is drawn of a day without a request", () => {
  const day = (...found) => Array.from({ length: 24 }, (_, i) => ({ at: new Date(Date.parse("2026-11-25T15:30:00Z") + i * 3_600_000).toISOString(), requests: 0, failed: 0, unpriced: 0, cost_usd: null, ...found[i] }));
  const busy = day({ requests: 3, failed: 1, cost_usd: "0.2999999999" });
  const { hours, byProfile, rate } = arrange({ all: busy, profiles: [{ profile: "work", hours: busy }, { profile: null, hours: day() }], last_hour_usd: "0.1000000001" });
  assert.deepEqual([hours.length, hours[0], hours[23].hour], [24, { hour: "2026-11-25T15:30:00.000Z", requests: 3, errors: 1, unpriced: 0, cost_usd: "0.2999999999" }, "2026-11-26T14:30:00.000Z"]);
  assert.equal(byProfile.get("work")[0].errors, 1);
  assert.equal(byProfile.get(null)[0].requests, 0);
  assert.equal(rate, "0.1000000001");
  assert.deepEqual(arrange({ all: day(), profiles: [], last_hour_usd: null }), { hours: [], byProfile: new Map(), rate: null });
  assert.deepEqual(arrange(null), { hours: [], byProfile: new Map(), rate: null });
});

test("series that stand on one another end at their sum", () => {
  assert.deepEqual(stack([[1, 2], [10, null], [100, 200]]), [[111, 202], [110, 200], [100, 200]]);
});

test("a request that finished is not under way any more, and is listed once", async () => {
  store.take("flights", [{ request_id: "a", stage: "streaming" }, { request_id: "b", stage: "waiting" }]);
  for (const id of ["x", "a", "a"]) store.take("exchange", { request_id: id, outcome: "ok" }, `1-${id}`);
  while (store.flights.value.length > 1) await new Promise((done) => setTimeout(done, 20));
  assert.deepEqual(store.exchanges.value.map((x) => x.request_id), ["a", "x"]);
  assert.equal(store.lastEvent, "1-a");
});

test("what a notice holds is said in the language of the page, and names stay", async () => {
  const { loadLanguage } = await import("../../web/js/i18n.js");
  catalogue({ en: {}, zh: { "%s answers: %s": "%s 应答：%s", "no key opens it": "没有密钥能打开它", work: "工作" } });
  await loadLanguage("zh-CN");
  assert.equal(store.noticeText({ text: "%s answers: %s", args: ["work", "no key opens it"] }), "work 应答：没有密钥能打开它");
  await loadLanguage("en");
});
