// One stream of news. It goes on after the last thing that was heard, is closed while nobody looks,
// and gives way to asking now and then where streams do not get through.
import { post } from "./api.js";
import { toastError } from "./kit/toast.js";
import { session } from "./session.js";
import { lastEvent, link, refresh, take } from "./store.js";

const kinds = ["exchange", "flights", "windows", "health", "status", "notices", "notice", "swap", "skipped", "hello"];
const hiddenFor = 15_000; // milliseconds until a page that nobody sees stops listening
const pollEvery = 5_000;
const wait = [1_000, 2_000, 5_000, 10_000, 30_000];

let source = null;
let timer = 0;
let failures = 0;
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
  const turn = ++round;
  try {
    await refresh();
  } catch (err) {
    if (turn === round) failed(err);
    return;
  }
  if (turn === round) open();
}

/** Ends listening. */
export function stop() {
  round++;
  source?.close();
  source = null;
  clearTimeout(timer);
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
  source = new EventSource(`/api/events?after=${encodeURIComponent(lastEvent)}`);
  source.addEventListener("open", () => {
    failures = 0;
    link.value = "live";
  });
  source.addEventListener("error", () => {
    // The browser tries again by itself unless it was refused.
    if (source.readyState === EventSource.CLOSED) failed(null);
    else link.value = ++failures > 2 ? "away" : "joining";
  });
  source.addEventListener("bye", () => listen()); // too far behind, or signed out
  for (const kind of kinds) {
    source.addEventListener(kind, (e) => {
      const data = JSON.parse(e.data);
      link.value = "live";
      if (kind === "hello" && restarted(data)) return void listen();
      if (kind === "skipped") catchUp();
      take(kind, data, e.lastEventId);
      for (const run of listeners) run(kind, data);
    });
  }
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

// A gateway that answers, but gives no stream, is asked now and then.
function failed(err) {
  stop();
  if (session.peek() === "out") return;
  if (session.peek() === "asked") session.value = "gone";
  failures++;
  link.value = err?.status === 0 || failures > wait.length ? "away" : "polling";
  timer = setTimeout(listen, err ? wait[Math.min(failures, wait.length) - 1] : pollEvery);
}

let sleep = 0;

addEventListener("visibilitychange", () => {
  clearTimeout(sleep);
  if (document.hidden) sleep = setTimeout(stop, hiddenFor);
  else if (!source && session.peek() === "in") listen();
});
