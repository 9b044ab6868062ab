import assert from "node:assert/strict";
import test from "node:test";
import { page } from "./page.mjs";

page();
const f = await import("../../web/js/format.js");

test("amounts are rounded as decimal text, not as floats", () => {
  assert.equal(f.money("0.0042"), "$0.0042");
  assert.equal(f.money("0.00005"), "$0.0001");
  assert.equal(f.money("7"), "$7.00");
  assert.equal(f.money("1.005"), "$1.01"); // a float is 1.00499…
  assert.equal(f.money("131.2000000000"), "$131.20");
  assert.equal(f.money("90071992547409.93"), "$90,071,992,547,409.93"); // past what a float holds
  assert.equal(f.money("-0.5"), "-$0.5000");
  assert.equal(f.money("12.3456", 4), "$12.3456");
});

test("what is not known is never 0", () => {
  assert.deepEqual([f.money(null), f.money(""), f.count(null), f.tokens(undefined), f.duration(null), f.percent(null, 3), f.percent(1, 0), f.time(null)], Array(8).fill("–"));
  assert.equal(f.money("0"), "$0.00");
  assert.equal(f.count(0), "0");
  assert.equal(f.duration(0), "0ms");
});

test("tokens are short, and the unit follows the rounding", () => {
  assert.deepEqual([999, 1000, 52140, 999_949, 999_950, 4_200_000, 999_950_000].map((n) => f.tokens(n)), ["999", "1.0k", "52.1k", "999.9k", "1.0M", "4.2M", "1.0G"]);
});

test("durations read like those of the command line", () => {
  assert.deepEqual([90, 100, 1400, 9949, 9950, 59_499, 59_500, 125_000, 7_440_000, 266_400_000].map(f.duration), ["90ms", "0.1s", "1.4s", "9.9s", "10s", "59s", "1m 0s", "2m 5s", "2h 4m", "3d 2h"]);
});

test("the year is said where it is not this one", () => {
  f.zone.value = "UTC";
  const year = new Date().getUTCFullYear();
  assert.equal(f.dateTime(`${year}-03-05T10:00:00Z`), "Mar 5, 10:00:00");
  assert.equal(f.dateTime(`${year - 1}-03-05T10:00:00Z`), `Mar 5, ${year - 1}, 10:00:00`);
  assert.deepEqual([f.day(`${year}-03-05T10:00:00Z`), f.day(`${year - 2}-03-05T10:00:00Z`)], ["Mar 5", `Mar 5, ${year - 2}`]);
});

test("an instant has every digit that came", () => {
  f.zone.value = "Asia/Kolkata";
  assert.equal(f.instant("2024-12-31T23:00:05.123456Z"), "2025-01-01 04:30:05.123456");
  assert.equal(f.instant("2024-12-31T23:00:05Z"), "2025-01-01 04:30:05");
  assert.equal(f.utc("2024-12-31T23:00:05.123456Z", { exact: true }), "2024-12-31 23:00:05.123456 UTC");
  assert.equal(f.instant(null), "–");
});

test("times are those of the gateway, and UTC is at hand", () => {
  f.zone.value = "Asia/Shanghai";
  assert.equal(f.time("2026-11-26T23:00:05Z"), "07:00:05");
  assert.equal(f.sameDay("2026-11-26T15:59:59Z", "2026-11-26T16:00:00Z"), false);
  assert.equal(f.utc("2026-11-26T23:00:05.9Z"), "2026-11-26 23:00:05 UTC");
  f.zone.value = "Nowhere/AtAll";
  assert.match(f.time("2026-11-26T23:00:05Z"), /^\d\d:\d\d:05$/);
});
