import assert from "node:assert/strict";
import test from "node:test";
import { stage } from "./dom.mjs";
import { clock, fire, page } from "./page.mjs";

page({ url: "http://127.0.0.1:3001/requests" });
const pass = clock();
const { html, render } = await import("../../web/vendor/preact.js");
const { Filters } = await import("../../web/js/pages/requests/filters.js");

const busy = { status: 503, message: "the ledger is busy with other questions" };
let gateway; // (parameters of /api/facets) => what is answered
globalThis.fetch = async (url) => {
  const a = gateway(new URL(url, location).searchParams);
  return { ok: !a.status, status: a.status ?? 200, json: async () => (a.status ? { error: { code: "busy", message: a.message } } : a) };
};
const reply = (facets, more = {}, late = []) => ({ facets, more, late });
const models = (...names) => names.map((value, i) => ({ value, count: 70 + i }));

// Draws the filters of a page, and opens that of the models.
async function drawn() {
  const box = stage();
  const draw = async (text) => {
    render(html`<${Filters} params=${new URLSearchParams(text)} of=${{ data: { rows: [] }, error: null }} />`, box);
    await pass(500); // one effect after the other
  };
  const list = () => box.all((n) => n.getAttribute("class")?.includes("multi") && n.textContent.startsWith("model"))[0];
  const within = (name) => list().all((n) => n.localName === name);
  const narrow = async (text) => {
    within("input")[0].value = text;
    within("input")[0].tell("input");
    await pass(300);
  };
  await draw("");
  within("button")[0].tell("click");
  await pass(50);
  return { draw, list, within, narrow, end: () => render(null, box) };
}

test("a list that is open stays while it cannot be counted, without counts", async () => {
  gateway = () => reply({ model: models("opus", "kimi"), outcome: [{ value: "ok", count: 3 }], status: [] });
  const f = await drawn();
  assert.match(f.list().textContent, /opus70.*kimi71/);
  gateway = () => busy;
  await f.draw("profile=work");
  assert.match(f.list().textContent, /opuskimithe ledger is busy/);
  gateway = (asked) => (asked.get("only") ? busy : reply({}, {}, ["model"]));
  await pass(20_000);
  assert.match(f.list().textContent, /opuskimithe ledger is busy/);
  gateway = () => reply({ model: models("kimi") });
  await pass(20_000);
  assert.match(f.list().textContent, /kimi70$/);
  f.end();
});

test("what could not be looked for in time is not said to be nowhere", async () => {
  const many = models(...Array.from({ length: 200 }, (_, i) => `m${i}`));
  let found = () => reply({ model: models("rare") });
  gateway = (asked) => (asked.get("find") ? found() : reply({ model: many }, { model: true }));
  const f = await drawn();
  await f.narrow("rar");
  assert.match(f.list().textContent, /rare70/);
  await f.narrow("rarest");
  assert.match(f.list().textContent, /nothing of that name/);
  for (const [answer, note] of [[reply({}, {}, ["model"]), /took too long/], [busy, /the ledger is busy/]]) {
    found = () => answer;
    await f.narrow(`rar${answer.status ?? ""}`);
    assert.match(f.list().textContent, note);
    assert.doesNotMatch(f.list().textContent, /nothing of that name/);
  }
  f.end();
});

test("a list that was narrowed is whole again when it is opened again, however it was closed", async () => {
  gateway = () => reply({ model: models(..."abcdefghij") });
  for (const [type, event] of [["pointerdown", { composedPath: () => [] }], ["focusin", { composedPath: () => [], target: stage() }]]) {
    const f = await drawn();
    await f.narrow("c");
    assert.equal(f.within("label").length, 1);
    fire(type, event);
    await pass(50);
    assert.equal(f.within("label").length, 0);
    f.within("button")[0].tell("click");
    await pass(50);
    assert.equal(f.within("label").length, 10, type);
    f.end();
  }
});
