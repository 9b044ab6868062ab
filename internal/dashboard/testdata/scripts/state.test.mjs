import assert from "node:assert/strict";
import test from "node:test";
import { page } from "./page.mjs";

page({ url: "http://127.0.0.1:3001/requests?profile=a&profile=b&q=x" });
const router = await import("../../web/js/router.js");
const api = await import("../../web/js/api.js");
const { arrange } = await import("../../web/js/pages/now/day.js");
const { stack } = await import("../../web/js/kit/plot.js");
const store = await import("../../web/js/store.js");

test("the address holds the state", () => {
  assert.deepEqual(router.place.value.params.getAll("profile"), ["a", "b"]);
  router.setParams({ profile: ["c&d"], q: "", sort: "-cost" });
  assert.equal(location.search, "?profile=c%26d&sort=-cost");
  router.go("/spend", { by: "model" });
  assert.equal(router.place.value.path, "/spend");
  assert.equal(router.href("/sql", { q: "select 1 -- ü", none: null }), "/sql?q=select+1+--+%C3%BC");
});

test("parameters of a question are encoded, lists by repeating them", () => {
  assert.equal(api.address("/api/requests", { profile: ["a b", "c"], q: "", page: 0, off: null }), "/api/requests?profile=a+b&profile=c&page=0");
});

test("hours without requests are there too, and sums stay text", () => {
  const last = Date.parse("2026-11-26T14:00:00Z");
  const at = (h) => new Date(last - h * 3_600_000).toISOString();
  const { hours, byProfile, rate } = arrange(
    [
      { profile: null, hour: null, requests: "3", errors: "0", cost_usd: "0.3", last_hour_usd: "0.1000000001" },
      { profile: null, hour: at(2), requests: "3", errors: "1", cost_usd: "0.2999999999" },
      { profile: "work", hour: at(2), requests: "3", errors: "1", cost_usd: "0.2999999999" },
      { profile: "work", hour: at(40), requests: "9", errors: "0", cost_usd: "1" },
    ],
    last,
  );
  assert.equal(hours.length, 24);
  assert.deepEqual([hours[21].requests, hours[21].cost_usd, hours[20].requests], [3, "0.2999999999", 0]);
  assert.equal(byProfile.get("work").reduce((n, h) => n + h.requests, 0), 3);
  assert.equal(rate, "0.1000000001");
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
