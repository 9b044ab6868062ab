// One stream of news. It goes on after the last thing that was heard, is closed while nobody looks,
// and gives way to asking now and then where streams do not get through.
import { get, post } from "./api.js";
import { toastError } from "./kit/toast.js";
import { session } from "./session.js";
import { lastEvent, link, refresh, take } from "./store.js";

const kinds = ["exchange", "flights", "windows", "health", "status", "notices", "notice", "swap", "swaps", "skipped", "hello", "beat"];
const hiddenFor = 15_000; // milliseconds until a page that nobody sees stops listening
const pollEvery = 5_000;
const firstWord = 10_000; // until a stream that says nothing at all gives way to asking
const silence = 45_000; // the gateway says something every 15 s
const wait = [1_000, 2_000, 5_000, 10_000, 30_000];

let source = null;
let timer = 0; // until everything is asked for again; while the stream runs, until it was silent for too long
let failures = 0; // questions without an answer, one after the other
let cuts = 0; // streams that did not last
let round = 0; // who began to listen meanwhile makes an earlier beginning void

const listeners = new Set();

/** Calls run(kind, data) for every event; returns what ends that. */
export function onEvent(run) {
  listeners.add(run);
  return () => listeners.delete(run);
}

/** Begins to listen; everything is asked for first. */
export async function listen() {
  stop();
  const turn = round;
  try {
    await refresh();
  } catch (err) {
    if (turn === round) unanswered(err);
    return;
  }
  if (turn !== round) return;
  failures = 0;
  if (link.peek() === "away") link.value = "joining";
  // A browser has few connections to one host: a page that nobody sees must not keep one of them.
  if (!document.hidden) open();
}

/** Ends listening. */
export function stop() {
  round++;
  source?.close();
  source = null;
  clearTimeout(timer);
  clearTimeout(catching);
  catching = 0;
}

/** Ends this browser's session. */
export async function signOut() {
  stop();
  try {
    await post("/api/logout");
    session.value = "out";
  } catch (err) {
    toastError(err);
    listen();
  }
}

function open() {
  let opened = false;
  source = new EventSource(`/api/events?after=${encodeURIComponent(lastEvent)}`);
  // The gateway speaks at once; a proxy may keep back what it says, or a browser with too many connections ask late.
  expect(firstWord, "polling");
  source.addEventListener("open", () => void (opened = true));
  // The browser would try again by itself, but would not ask for what changed meanwhile.
  source.addEventListener("error", () => {
    stop();
    link.value = opened && cuts < 3 ? "joining" : "polling";
    timer = setTimeout(listen, opened ? wait[Math.min(cuts++, wait.length - 1)] : pollEvery);
  });
  source.addEventListener("bye", () => listen()); // too far behind, or signed out
  for (const kind of kinds) {
    source.addEventListener(kind, (e) => {
      const data = JSON.parse(e.data);
      link.value = "live";
      // A connection that a sleep or a tunnel has cut without a word stays open for the browser.
      expect(silence, "joining");
      if (kind === "hello" && restarted(data)) return void listen();
      if (kind === "skipped") catchUp();
      if (kind === "beat") cuts = 0;
      take(kind, data, e.lastEventId);
      for (const run of listeners) run(kind, data);
    });
  }
}

// If nothing is heard for so many milliseconds the link is what is given, and everything is begun anew.
function expect(ms, otherwise) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    link.value = otherwise;
    listen();
  }, ms);
}

let catching = 0;

// The stream leaves out what comes too fast; the list is asked for when there was time to breathe.
function catchUp() {
  catching ||= setTimeout(() => {
    catching = 0;
    refresh().catch(() => {}); // the stream tells when the gateway is gone
  }, pollEvery);
}

let startedAt = "";

// After a restart of the gateway everything that is shown is of another run.
function restarted(hello) {
  const other = startedAt !== "" && startedAt !== hello.started_at;
  startedAt = hello.started_at;
  return other;
}

// A gateway that is being started, or is gone for a moment, is asked again; only one that gives no
// answer at all is away.
function unanswered(err) {
  if (session.peek() === "out") return;
  if (session.peek() !== "in") session.value = err.status === 503 ? "starting" : "gone";
  const delay = wait[Math.min(failures, wait.length - 1)];
  failures++;
  if (err.status !== 0) link.value = "polling";
  else link.value = failures > 1 ? "away" : "joining";
  timer = setTimeout(listen, delay);
}

let sleep = 0;

function seenOrHidden() {
  clearTimeout(sleep);
  if (document.hidden) sleep = setTimeout(stop, hiddenFor);
  else if (session.peek() === "out") comeBack();
  else if (session.peek() !== "asked" && !source) listen();
}

// Somebody may have signed in by another tab.
async function comeBack() {
  try {
    const { signed_in } = await get("/api/session");
    if (signed_in && session.peek() === "out") await listen();
  } catch {
    // the next look asks again
  }
}

addEventListener("visibilitychange", seenOrHidden);
addEventListener("focus", () => void (session.peek() === "out" && comeBack()));
