import assert from "node:assert/strict";
import test from "node:test";
import { page } from "./page.mjs";

page({ url: "http://127.0.0.1:3001/spend" });
const { sum } = await import("../../web/js/kit/exact.js");
const { csv } = await import("../../web/js/kit/csv.js");
const { spans } = await import("../../web/js/pages/spend/axis.js");
const { arrange } = await import("../../web/js/pages/spend/series.js");
const { changeOf } = await import("../../web/js/pages/spend/measure.js");
const { word } = await import("../../web/js/kit/shell.js");
const { zone } = await import("../../web/js/format.js");

test("amounts are added up exactly", () => {
  assert.equal(sum(["0.1", "0.2"]), "0.3");
  assert.equal(sum(["9007199254740993", "0.0000000001"]), "9007199254740993.0000000001");
  assert.equal(sum(["1", "-2.50"]), "-1.50");
  assert.equal(sum([null, "1.0", undefined]), "1.0");
  assert.equal(sum([null, undefined]), null);
});

test("a file for spreadsheets has no formulas, and numbers stay numbers", () => {
  assert.equal(csv([{ a: "=1+1", b: -2.5, c: "-0.5" }, { a: '@x,"y"', d: null }]), "a,b,c,d\r\n'=1+1,-2.5,-0.5,\r\n\"'@x,\"\"y\"\"\",,,\r\n");
  assert.equal(csv([{ a: "-rm" }, { a: "\t=1" }]), "a\r\n'-rm\r\n'\t=1\r\n");
});

test("a day without a request is a gap on the axis", () => {
  zone.value = "Asia/Tokyo"; // where the month begins nine hours before that of UTC
  const range = { from: "2026-10-31T15:00:00Z", until: "2026-11-03T02:00:00Z" };
  assert.deepEqual(spans([{ at: "2026-11-02" }], "day", range), ["2026-11-01", "2026-11-02", "2026-11-03"]);
  assert.deepEqual(spans([{ at: "2026-11-01T01:00" }], "hour", { from: "2026-10-31T15:30:00Z", until: "2026-10-31T17:00:00Z" }), ["2026-11-01T00:00", "2026-11-01T01:00", "2026-11-01T02:00"]);
  assert.deepEqual(spans([{ at: "2026-11-16" }, { at: "2026-11-02" }], "week"), ["2026-11-02", "2026-11-09", "2026-11-16"]);
  assert.deepEqual(spans([{ at: "2026-01-01" }, { at: "2026-03-01" }], "month"), ["2026-01-01", "2026-03-01"]);
  assert.deepEqual(spans([], "day", range), []);
  assert.deepEqual(spans([{ at: "2026-11-02" }], "day", { from: "1970-01-01T00:00:00Z", until: "2026-11-02T03:00:00Z" }), ["2026-11-02"]);
});

test("the largest series are drawn by themselves, and no amount is lost", () => {
  const rows = Array.from({ length: 12 }, (_, i) => ({ at: "2026-11-02", key: `m${i}`, cost_usd: i === 3 ? null : `${i}.01` }));
  const { series } = arrange(rows, "day", {}, "cost_usd");
  assert.equal(series.length, 8);
  assert.equal(series[0].key, "m11");
  assert.equal(typeof series[7].key, "symbol");
  assert.equal(sum(series.map((s) => s.values[0])), "63.11");
});

test("unpriced is not $0", () => {
  const { x, series } = arrange([{ at: "2026-11-01", key: null, cost_usd: null }, { at: "2026-11-03", key: null, cost_usd: "1" }], "day", {}, "cost_usd");
  assert.deepEqual([x.length, series[0].values], [3, [null, "0", "1"]]);
});

test("a change is told only where there was something before", () => {
  assert.deepEqual([changeOf("12", "10"), changeOf("5", "10"), changeOf("10", "10"), changeOf("1", "0"), changeOf(null, "1"), changeOf("1", null)], ["+20%", "−50%", "±0%", null, null, null]);
});

test("a name in a command is one word of it", () => {
  assert.equal(word("kimi-k3"), "kimi-k3");
  assert.equal(word("a'; rm -rf ~ #"), `'a'\\''; rm -rf ~ #'`);
});
