import assert from "node:assert/strict";
import test from "node:test";
import { page } from "./page.mjs";

page({ url: "http://127.0.0.1:3001/requests" });
const { only, withParams } = await import("../../web/js/kit/params.js");
const q = await import("../../web/js/pages/requests/question.js");
const params = (text) => new URLSearchParams(text);

test("an empty value is a filter, and stays in the address", () => {
  assert.equal(String(withParams(params("project=a&range=7d"), { project: ["", "b"] })), "range=7d&project=&project=b");
  assert.equal(String(withParams(params("project=a&q=x"), { project: [], q: null })), "");
});

test("a question leaves out what is only shown", () => {
  assert.equal(String(q.questionOf(params("id=1&profile=work&after=c&sort=-cost_usd&evil=1"))), "profile=work&sort=-cost_usd&after=c");
  assert.equal(String(q.filtersOf(params("sort=x&after=c&q=a%25b"))), "q=a%25b");
  assert.equal(String(only(params("b=2&a=1"), ["a", "b"])), "a=1&b=2");
});

test("a filter resets what depends on it, and the page", () => {
  assert.deepEqual(q.settingFilters({ project: ["p"] }), { after: null, branch: null, project: ["p"] });
  assert.deepEqual(q.settingFilters({ outcome: "ok", status: "429" }), { after: null, status: "429", outcome: "ok" });
});

test("a new request counts as new only where the filters let it through", () => {
  const x = { profile: "work", request_model: "opus", upstream_model: "kimi", project: "", outcome: "client_abort", http_status: 429, session_id: "S-1", tags: { team: "a=b" } };
  const fits = (text) => q.matches(params(text), x);
  for (const yes of ["", "profile=work&profile=x", "model=kimi", "project=", "outcome=failed&outcome=client_abort", "status=4xx", "status=429", "q=s-1", "tag=team", "tag=team=a=b", "source=proxy"]) assert.ok(fits(yes), yes);
  for (const no of ["profile=x", "model=opus", "project=p", "outcome=ok", "outcome=failed", "status=5xx", "q=%25", "tag=team=b", "source=import:x", "to=2026-01-01", "range=yesterday"]) assert.ok(!fits(no), no);
  for (const outcome of ["error", "truncated", "crashed", "shutdown", "blocked"]) assert.ok(q.matches(params("outcome=failed"), { ...x, outcome }), outcome);
});

test("requests of another machine or provider are not new here", () => {
  const x = { host_name: "laptop", provider: "moonshot", unpriced: true, http_status: 200, outcome: "ok" };
  const fits = (text, more = {}) => q.matches(params(text), { ...x, ...more });
  assert.ok(fits("host=laptop&host=desk") && fits("provider=moonshot") && fits("unpriced=1"));
  assert.ok(!fits("host=desk") && !fits("provider=anthropic") && !fits("unpriced=1", { unpriced: false }));
});

test("the count of new requests says when there may be more than are remembered", async () => {
  const { stage } = await import("./dom.mjs");
  const { html, render } = await import("../../web/vendor/preact.js");
  const { Fresh } = await import("../../web/js/pages/requests/fresh.js");
  const { exchanges, kept } = await import("../../web/js/store.js");
  const box = stage();
  const request = (i) => ({ request_id: `r${i}`, profile: i % 2 ? "work" : "spare", started_at: "2026-11-26T10:00:00Z", outcome: "ok", http_status: 200 });
  const of = { data: { rows: [request(0)], at: "2026-11-26T09:00:00Z" } };
  const draw = (text) => (render(html`<${Fresh} of=${of} params=${params(text)} />`, box), box.textContent);
  exchanges.value = [request(1), request(0)];
  assert.equal(draw(""), "1 new ↑");
  assert.equal(draw("profile=spare"), "");
  exchanges.value = Array.from({ length: kept }, (_, i) => request(i + 1));
  assert.equal(draw(""), "200+ new ↑");
  assert.equal(draw("profile=work"), "100+ new ↑");
  render(null, box);
});
