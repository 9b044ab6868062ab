import assert from "node:assert/strict";
import test from "node:test";
import { clock, fire, page, settle } from "./page.mjs";

page();
const pass = clock();
const { listen, stop } = await import("../../web/js/events.js");
const { exchanges, heardAt, link, swaps } = await import("../../web/js/store.js");
const { session } = await import("../../web/js/session.js");

// Stream is one that the gateway gives; the test says what comes over it.
class Stream {
  static all = [];
  static CLOSED = 2;
  readyState = 0;
  runs = new Map();
  constructor(url) {
    this.url = url;
    Stream.all.push(this);
  }
  addEventListener(type, run) {
    this.runs.set(type, run);
  }
  close() {
    this.readyState = Stream.CLOSED;
  }
  say(type, data, id = "") {
    if (this.readyState !== Stream.CLOSED) this.runs.get(type)?.({ data: JSON.stringify(data ?? {}), lastEventId: id });
  }
  // As the gateway begins one.
  begin() {
    this.say("open");
    this.say("beat");
  }
  static get last() {
    return Stream.all.at(-1);
  }
  static get open() {
    return Stream.all.filter((s) => s.readyState !== Stream.CLOSED).length;
  }
}
globalThis.EventSource = Stream;

const state = { status: { profiles: [], active: "work" }, live: { recent: [] }, swaps: [], notices: [], version: "1", zone: "UTC", event: "1-0" };
const starting = { status: 503, error: { code: "starting", message: "the gateway is starting" } };
let asked = [];
let answers = {}; // by path: what is answered, {status, error}, or null for a gateway that is not there

// The gateway of a test.
async function begin({ streams = true } = {}) {
  stop();
  asked = [];
  Stream.all = [];
  answers = { "/api/state": state };
  session.value = "in";
  link.value = "joining";
  document.hidden = false;
  globalThis.fetch = async (url) => {
    asked.push(url);
    const body = answers[url];
    if (body === null || body === undefined) throw new TypeError("nobody is there");
    return { ok: !body.error, status: body.status && body.error ? body.status : 200, json: async () => body };
  };
  await listen();
  if (streams) Stream.last.begin();
}

test("a stream begins where the answer before it ended, and its events are taken in", async () => {
  await begin();
  assert.equal(Stream.last.url, "/api/events?after=1-0");
  assert.equal(link.value, "live");
  Stream.last.say("swaps", [{ at: "2026-11-26T10:00:00Z", ok: true }]);
  assert.equal(swaps.value.length, 1);
  Stream.last.say("exchange", { request_id: "a" }, "1-1");
  await pass(300);
  assert.deepEqual(exchanges.value.map((x) => x.request_id), ["a"]);
});

test("a gateway that answers and gives no stream is asked now and then, and is not away", async () => {
  await begin({ streams: false });
  for (let i = 0; i < 9; i++) {
    Stream.last.say("error");
    await pass(10_000);
    assert.equal(link.value, "polling", `round ${i}`);
  }
  assert.ok(asked.filter((u) => u === "/api/state").length >= 9);
});

test("a gateway that is gone is away, and back as soon as it answers", async () => {
  await begin();
  answers["/api/state"] = null;
  Stream.last.say("error");
  assert.equal(link.value, "joining");
  await pass(1_000);
  assert.equal(link.value, "joining"); // once may be a restart
  await pass(1_000);
  assert.equal(link.value, "away");
  answers["/api/state"] = state;
  await pass(2_000);
  assert.equal(link.value, "joining"); // what stands there is new
  Stream.last.begin();
  assert.equal(link.value, "live");
});

test("a stream that says nothing is opened anew, and one that beats is left alone", async () => {
  await begin();
  const first = Stream.last;
  for (let i = 0; i < 8; i++) {
    await pass(15_000);
    first.say("beat");
  }
  assert.equal(Stream.last, first);
  assert.equal(Date.now() - heardAt.value, 0);
  await pass(46_000);
  assert.notEqual(Stream.last, first);
  assert.equal(Stream.open, 1);
});

test("where nothing of a stream gets through, or its beginning only, everything is asked for now and then", async () => {
  await begin({ streams: false });
  for (const headers of [false, false, true, true]) {
    const before = asked.length;
    if (headers) Stream.last.say("open");
    await pass(10_000);
    assert.deepEqual([link.value, asked.length, Stream.open], ["polling", before + 1, 1]);
  }
  const last = Stream.last;
  last.begin();
  await pass(20_000);
  assert.deepEqual([link.value, Stream.last === last], ["live", true]);
});

test("a stream that is cut again and again is waited for ever longer, and one that lasts sets that back", async () => {
  await begin();
  const cut = async (ms, state) => {
    const last = Stream.last;
    last.say("open");
    last.say("error");
    assert.equal(link.value, state);
    await pass(ms - 1);
    assert.equal(Stream.last, last, `opened before ${ms} ms`);
    await pass(1);
    assert.notEqual(Stream.last, last, `not opened after ${ms} ms`);
  };
  for (const ms of [1_000, 2_000, 5_000]) await cut(ms, "joining");
  for (const ms of [10_000, 30_000, 30_000]) await cut(ms, "polling");
  Stream.last.begin();
  await cut(1_000, "joining");
});

test("after a restart of the gateway everything is asked for again", async () => {
  await begin();
  Stream.last.say("hello", { started_at: "one" });
  const before = asked.length;
  Stream.last.say("hello", { started_at: "two" });
  await settle();
  assert.equal(asked.length, before + 1);
  assert.equal(Stream.open, 1);
});

test("bye is answered by asking anew: who was signed out is told so", async () => {
  await begin();
  answers["/api/state"] = { status: 401, error: { code: "signed_out", message: "you are not signed in" } };
  Stream.last.say("bye");
  await settle();
  assert.equal(session.value, "out");
  assert.equal(Stream.open, 0);
  await pass(60_000);
  assert.equal(asked.length, 2); // and nobody asks on
});

test("a page that nobody sees stops listening, and one that opens hidden does not begin", async () => {
  await begin();
  document.hidden = true;
  fire("visibilitychange");
  await pass(14_000);
  assert.equal(Stream.open, 1);
  await pass(2_000);
  assert.equal(Stream.open, 0);
  await listen();
  assert.equal(Stream.open, 0);
  document.hidden = false;
  fire("visibilitychange");
  await settle();
  assert.equal(Stream.open, 1);
});

test("a page that found no gateway finds it when it is looked at again", async () => {
  await begin();
  session.value = "asked";
  answers["/api/state"] = null;
  await listen();
  assert.equal(session.value, "gone");
  document.hidden = true;
  fire("visibilitychange");
  await pass(100_000);
  answers["/api/state"] = state;
  const before = asked.length;
  await pass(100_000);
  assert.equal(asked.length, before); // nobody looks
  document.hidden = false;
  fire("visibilitychange");
  await settle();
  assert.equal(session.value, "in");
});

test("a gateway that is starting is waited for", async () => {
  await begin();
  session.value = "asked";
  answers["/api/state"] = starting;
  await listen();
  assert.equal(session.value, "starting");
  assert.notEqual(link.value, "away");
  answers["/api/state"] = state;
  await pass(1_000);
  assert.equal(session.value, "in");
});

test("who signs in by another tab is in here too, when this one is looked at", async () => {
  await begin();
  stop();
  session.value = "out";
  answers["/api/session"] = { signed_in: false };
  fire("focus");
  await settle();
  assert.equal(session.value, "out");
  answers["/api/session"] = { signed_in: true };
  fire("visibilitychange");
  await settle();
  assert.equal(session.value, "in");
  assert.equal(Stream.open, 1);
});
