import assert from "node:assert/strict";
import test from "node:test";
import { stage } from "./dom.mjs";
import { clock, page } from "./page.mjs";

page({ url: "http://127.0.0.1:3001/requests" });
const pass = clock();
const { html, render } = await import("../../web/vendor/preact.js");
const { get } = await import("../../web/js/api.js");
const { useApi } = await import("../../web/js/kit/useapi.js");
const { Search } = await import("../../web/js/kit/search.js");
const { Table } = await import("../../web/js/kit/table.js");
const { Popover } = await import("../../web/js/kit/popover.js");
const { Money, outcomeName } = await import("../../web/js/kit/values.js");
const { Waiting } = await import("../../web/js/kit/block.js");
const { Banner } = await import("../../web/js/frame/banner.js");
const { link } = await import("../../web/js/store.js");

// The gateway: answers by address, which a test changes; an answer with a status refuses.
let answers = {};
globalThis.fetch = async (url) => {
  const a = answers[url];
  if (a === undefined) throw new TypeError("nobody is there");
  return { ok: !a.status, status: a.status ?? 200, json: async () => (a.status ? { error: { code: "x", message: a.message } } : a) };
};

// Draws a component that asks, and returns what it got last, and a way to ask something else.
async function asking(path, params) {
  const box = stage();
  let got;
  const View = (props) => ((got = useApi(props.path, props.params)), null);
  const ask = async (p, q) => {
    render(html`<${View} path=${p} params=${q} />`, box);
    await pass(50);
    return got;
  };
  await ask(path, params);
  return { ask, now: () => got, end: () => render(null, box) };
}

test("the figures of one question never stand under another that failed", async () => {
  answers = { "/api/whatif?model=a": { of: "a" }, "/api/whatif?model=b": { status: 500, message: "no" } };
  const v = await asking("/api/whatif", { model: "a" });
  assert.deepEqual(v.now().data, { of: "a" });
  const got = await v.ask("/api/whatif", { model: "b" });
  assert.deepEqual([got.data, got.error.message, got.stale], [null, "no", false]);
  v.end();
});

test("old figures of the same question stay, and are called old", async () => {
  answers = { "/api/spend": { of: "a" } };
  const v = await asking("/api/spend", null);
  answers = { "/api/spend": { status: 500, message: "no" } };
  v.now().reload();
  await pass(50);
  assert.deepEqual([v.now().data, v.now().error.message, v.now().stale], [{ of: "a" }, "no", true]);
  v.end();
});

test("a gateway that cannot answer yet is asked again by itself, which is no error", async () => {
  answers = { "/api/spend": { status: 503, message: "the ledger is being brought up to date" } };
  const v = await asking("/api/spend", null);
  assert.deepEqual([v.now().data, v.now().error, v.now().waiting.message], [null, null, "the ledger is being brought up to date"]);
  await pass(20_000);
  assert.equal(v.now().error, null);
  answers = { "/api/spend": { of: "a" } };
  await pass(10_000);
  assert.deepEqual([v.now().data, v.now().waiting], [{ of: "a" }, null]);
  v.end();
});

test("a gateway that was away answers without anybody pressing a button", async () => {
  answers = {};
  const v = await asking("/api/spend", null);
  assert.equal(v.now().error.status, 0);
  answers = { "/api/spend": { of: "a" } };
  await pass(2_000);
  assert.deepEqual([v.now().data, v.now().error], [{ of: "a" }, null]);
  v.end();
});

test("a question that gets no answer at all ends", { timeout: 10_000 }, async (t) => {
  const before = globalThis.fetch;
  globalThis.fetch = (_, { signal }) => new Promise((_, no) => signal?.addEventListener("abort", () => no(signal.reason)));
  t.after(keepAlive());
  await assert.rejects(get("/api/state", null, { limit: 10 }), (err) => err.status === 0 && err.code === "not_running");
  const stop = new AbortController();
  const asked = get("/api/state", null, { signal: stop.signal });
  stop.abort();
  await assert.rejects(asked, { name: "AbortError" });
  globalThis.fetch = before;
});

test("an answer that is cut off is told by what ended it, whatever the engine calls it", { timeout: 10_000 }, async () => {
  const before = globalThis.fetch;
  const own = { name: "AbortError" };
  let reading = () => {};
  globalThis.fetch = async (_, { signal }) => ({ ok: true, status: 200, json: () => new Promise((_, no) => (signal.addEventListener("abort", () => no(own)), reading())) });
  const done = keepAlive();
  await assert.rejects(get("/api/state", null, { limit: 10 }), (err) => err.status === 0 && err.code === "not_running");
  own.name = "TypeError";
  const stop = new AbortController();
  reading = () => stop.abort();
  await assert.rejects(get("/api/state", null, { signal: stop.signal }), { name: "AbortError" });
  done();
  globalThis.fetch = before;
});

// The limit of a question alone does not keep node from ending.
function keepAlive() {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {};
  return () => channel.port1.close();
}

test("what is typed while the search is asked is not lost", async () => {
  const box = stage();
  const searched = [];
  const draw = (value) => render(html`<${Search} value=${value} label="Search" onSearch=${(text) => searched.push(text)} />`, box);
  const type = async (text) => {
    field().value = text;
    field().tell("input");
    await pass(0);
  };
  const field = () => box.all((n) => n.localName === "input")[0];
  draw("");
  await pass(50);
  await type("rate ");
  await pass(400);
  assert.deepEqual(searched, ["rate"]);
  await type("rate l"); // before the page has the answer
  draw("rate");
  await pass(50);
  assert.equal(field().value, "rate l");
  await pass(400);
  assert.deepEqual(searched, ["rate", "rate l"]);
  draw("rate l");
  await pass(50);
  draw(""); // somebody cleared the filters, or went back
  await pass(50);
  assert.equal(field().value, "");
  render(null, box);
});

test("what has no price by its nature is not called unpriced", async () => {
  const box = stage();
  const text = (props) => (render(html`<${Money} ...${props} />`, box), box.textContent);
  assert.equal(text({ value: null }), "–");
  assert.equal(text({ value: null, unpriced: false }), "–");
  assert.equal(text({ value: null, unpriced: true }), "unpriced");
  assert.equal(text({ value: "0", unpriced: true }), "$0.00");
});

test("who waits is told what would help, but not to try again, which the page does", () => {
  const box = stage();
  const text = (fix) => (render(html`<${Waiting} error=${{ message: "the ledger is held", fix }} />`, box), box.textContent);
  assert.match(text("close the program that holds it, and try again"), /^the ledger is held It is asked again\.\s*fix: close the program/);
  for (const fix of ["", "try again", "try again in a few seconds"]) assert.doesNotMatch(text(fix), /fix|try again/);
});

test("no two outcomes are called the same", () => {
  const all = ["ok", "error", "truncated", "client_abort", "crashed", "shutdown", "blocked"].map(outcomeName);
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(all.slice(0, 2), ["ok", "error"]);
});

test("a row with nothing to open has no button for it", async () => {
  const box = stage();
  const opened = [];
  const rows = [{ id: "flight" }, { id: "done" }];
  const columns = [{ key: "id", title: "Id", sort: true, cell: (r) => r.id }];
  render(html`<${Table} caption="Rows" columns=${columns} rows=${rows} rowKey=${(r) => r.id} onOpen=${(r) => opened.push(r.id)} opens=${(r) => r.id !== "flight"} stack sort="-id" onSort=${() => {}} />`, box);
  const buttons = box.all((n) => n.localName === "button" && /\bopen\b/.test(n.class ?? n.getAttribute("class") ?? ""));
  assert.deepEqual(buttons.map((b) => b.textContent), ["done"]);
  buttons[0].tell("click");
  assert.deepEqual(opened, ["done"]);
  assert.deepEqual(box.all((n) => n.localName === "option").map((o) => o.textContent), ["Id, descending", "Id, ascending"]);
});

test("what closes with the focus in it gives the focus back", async () => {
  const box = stage();
  const draw = async (open) => {
    render(html`<${Popover} open=${open} onOpen=${() => {}} label="Menu"><button id="inside">One</button><//>`, box);
    await pass(50);
  };
  await draw(true);
  box.all((n) => n.localName === "button")[1].focus();
  await draw(false);
  assert.equal(document.activeElement, box.all((n) => n.localName === "button")[0]);
  const elsewhere = stage();
  elsewhere.focus();
  await draw(true);
  await draw(false);
  assert.equal(document.activeElement, elsewhere);
});

test("a gateway that is away is not called a refused file", async () => {
  const box = stage();
  link.value = "away";
  render(html`<${Banner} />`, box);
  assert.match(box.textContent, /the gateway does not answer/);
  assert.equal(box.all((n) => n.localName === "a").length, 0);
  link.value = "live";
});
