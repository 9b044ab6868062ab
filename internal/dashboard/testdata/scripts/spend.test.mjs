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

test("what the gateway has put together is one with what the page puts together", () => {
  const rows = Array.from({ length: 9 }, (_, i) => ({ at: "2026-11-02", key: i === 0 ? null : `m${i}`, cost_usd: `${i}.01` }));
  rows.push({ at: "2026-11-02", key: null, other: true, cost_usd: "100" });
  const { series } = arrange(rows, "day", {}, "cost_usd");
  assert.equal(series.length, 8);
  assert.deepEqual([series[0].key, typeof series[7].key, sum(series.map((s) => s.values[0]))], ["m8", "symbol", "136.09"]);
  assert.deepEqual(arrange(rows.slice(7), "day", {}, "cost_usd").series.map((s) => [typeof s.key, s.values[0]]), [["string", "8.01"], ["string", "7.01"], ["symbol", "100"]]);
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

test("groups by a tag wait for its name", async () => {
  const { byOf, questionOf } = await import("../../web/js/pages/spend/question.js");
  const params = (text) => new URLSearchParams(text);
  assert.deepEqual(["", "by=model", "by=tag:", "by=tag:team"].map((text) => byOf(params(text))), ["day", "model", "day", "tag:team"]);
  assert.equal(questionOf(params("by=tag:&range=7d"), "sums", ["by"]).get("by"), "day");
});

test("spans of another year say which", async () => {
  const { spanName } = await import("../../web/js/pages/spend/axis.js");
  const year = new Date().getUTCFullYear();
  zone.value = "UTC";
  assert.deepEqual([spanName(`${year}-06-02`, "day"), spanName(`${year - 1}-06-02`, "day")], ["Jun 2", `Jun 2, ${year - 1}`]);
  assert.equal(spanName(`${year - 1}-06-02T14:00`, "hour"), `Jun 2, ${year - 1}, 14:00`);
});

test("a part that took too long is named, and the parts that came stand", async () => {
  const { stage } = await import("./dom.mjs");
  const { html, render } = await import("../../web/vendor/preact.js");
  const { Cache } = await import("../../web/js/pages/spend/cache.js");
  const { Windows } = await import("../../web/js/pages/spend/windows.js");
  const box = stage();
  const row = { profile: "work", model: "opus", requests: 3, saved_usd: "1" };
  render(html`<${Cache} cache=${{ days: [], by: [row], breaks: [], late: ["days"], partial: false }} range=${{}} grain="day" />`, box);
  assert.match(box.textContent, /took too long/);
  assert.match(box.textContent, /opus/);
  render(html`<${Windows} windows=${[]} late=${true} partial=${true} />`, box);
  assert.match(box.textContent, /only the profile counts here.*took too long/);
});
