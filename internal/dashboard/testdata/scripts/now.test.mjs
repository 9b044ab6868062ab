import assert from "node:assert/strict";
import test from "node:test";
import { stage } from "./dom.mjs";
import { page } from "./page.mjs";

page();
const { html, render } = await import("../../web/vendor/preact.js");
const { arrange } = await import("../../web/js/pages/now/day.js");
const { Health } = await import("../../web/js/pages/now/health.js");
const { Today } = await import("../../web/js/pages/now/today.js");
const { status } = await import("../../web/js/store.js");

const totals = (requests, cost_usd, unpriced = 0) => ({ requests, cost_usd, unpriced, prompt_tokens: 0, cache_read_tokens: 0, output_tokens: 0, saved_usd: null });
const cells = (box) => box.all((n) => n.localName === "tr").slice(1).map((tr) => tr.all((n) => n.localName === "td" || n.localName === "th").map((n) => n.textContent));

test("a profile that was not asked today cost nothing that is known", () => {
  const box = stage();
  const profile = (name, today) => ({ name, origin: "https://api.example.com", state: "ok", requests_1h: 0, errors_1h: 0, today });
  status.value = { active: "work", today: totals(0, null), profiles: [profile("work", totals(2, "1.5")), profile("spare", totals(0, "0.0000000000")), profile("own", totals(1, null, 1)), profile("free", totals(1, "0.0000000000"))] };
  render(html`<${Health} day=${arrange(null)} />`, box);
  assert.deepEqual(cells(box).map((row) => row.at(-2)), ["$1.50", "–", "unpriced", "$0.00"]);
  render(null, box);
});

test("an hour in which nothing had a price is unpriced", () => {
  const box = stage();
  status.value = { active: "work", today: totals(1, null, 1), profiles: [] };
  const hours = [{ requests: 1, unpriced: 1 }, { requests: 1, unpriced: 0 }].map((h, i) => ({ at: `2026-11-26T0${i}:00:00Z`, failed: 0, cost_usd: null, ...h }));
  render(html`<${Today} day=${{ of: { stale: false }, ...arrange({ all: hours, profiles: [] }) }} />`, box);
  assert.deepEqual(cells(box).map((row) => row.at(-1)), ["unpriced", "–"]);
  assert.deepEqual(box.all((n) => n.localName === "title").map((n) => n.textContent.split(", ").at(-1)), ["unpriced", "–"]);
  render(null, box);
});
