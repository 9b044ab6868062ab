// What the pages know of the gateway, as it was told last.
import { batch, computed, signal } from "../vendor/preact.js";
import { get, post } from "./api.js";
import { zone } from "./format.js";
import { said, t } from "./i18n.js";
import { announce } from "./kit/announce.js";
import { toast, toastError } from "./kit/toast.js";
import { session } from "./session.js";

/** How many finished requests are remembered: as many as the gateway does. */
export const kept = 200;
const refreshFor = 20_000; // milliseconds; the answer is in the gateway's memory

/** The gateway's status; null before it is known. */
export const status = signal(null);
/** Requests under way, the oldest first. */
export const flights = signal([]);
/** Finished requests, the newest first. */
export const exchanges = signal([]);
/** How much of the plans' limits is used up. */
export const windows = signal([]);
/** The last swaps and refusals, the newest first. */
export const swaps = signal([]);
/** What a person should know right now, the gravest first. */
export const notices = signal([]);
/** How news come: "joining", "live", "polling" or "away". */
export const link = signal("joining");
/** When something was heard of the gateway, in milliseconds. */
export const heardAt = signal(0);
/** Whether the list of live requests stands still. */
export const paused = signal(false);
/** The version of the gateway. */
export const version = signal("");

/** The profiles of the live table. */
export const profiles = computed(() => status.value?.profiles ?? []);
/** The name of the active profile. */
export const active = computed(() => status.value?.active ?? "");

/** Where the stream of events goes on after the last answer. */
export let lastEvent = "";

/** Asks for everything anew. */
export async function refresh() {
  const s = await get("/api/state", null, { limit: refreshFor });
  batch(() => {
    status.value = s.status;
    flights.value = s.live.in_flight ?? [];
    exchanges.value = (s.live.recent ?? []).toReversed().slice(0, kept);
    windows.value = s.live.windows ?? [];
    swaps.value = s.swaps ?? [];
    notices.value = s.notices ?? [];
    version.value = s.version;
    if (s.zone) zone.value = s.zone;
    session.value = "in";
    heardAt.value = Date.now();
  });
  lastEvent = s.event ?? "";
}

/** Takes in what an event of the stream says. */
export function take(kind, data, id) {
  heardAt.value = Date.now();
  if (id) lastEvent = id;
  switch (kind) {
    case "exchange":
      return finished(data);
    case "flights":
      return void (flights.value = data ?? []);
    case "windows":
      return void (windows.value = data ?? []);
    case "status":
      return void (status.value = data);
    case "notices":
      return void (notices.value = data ?? []);
    case "notice":
      // What lasts stands in the banner; a key that goes to a new host does not.
      return data.kind === "host_new" ? toast(noticeText(data), { kind: "warn", fix: data.fix }) : announce(noticeText(data));
    case "swap":
      return swapped(data);
    case "swaps":
      return void (swaps.value = data ?? []);
  }
}

let fresh = []; // finished since the lists were last drawn, the newest first
const drawEvery = 200; // milliseconds: under load requests finish faster than anybody reads

function finished(x) {
  if (fresh.some((other) => other.request_id === x.request_id)) return;
  fresh.unshift(x);
  if (fresh.length === 1) setTimeout(takeFresh, drawEvery);
}

function takeFresh() {
  const ids = new Set(fresh.map((x) => x.request_id));
  const others = exchanges.peek().filter((x) => !ids.has(x.request_id));
  batch(() => {
    exchanges.value = [...fresh, ...others].slice(0, kept);
    flights.value = flights.peek().filter((f) => !ids.has(f.request_id));
  });
  fresh = [];
}

function swapped(s) {
  swaps.value = [s, ...swaps.peek().filter((other) => other.at !== s.at)].slice(0, 10);
  if (s.ok && status.peek()) status.value = { ...status.peek(), active: s.active, generation: s.generation };
  announce(s.ok ? t("%s is active", s.active) : t("profiles.yaml was refused"));
}

/** The sentence of a notice in the language of the page. What it holds may be a sentence too, or a name, which stays. */
export function noticeText(n) {
  return t(n.text, ...(n.args ?? []).map((a) => (a.includes(" ") ? said(a) : a)));
}

/** The profile that a switch is under way to, or "". */
export const switching = signal("");

/** Makes a profile active, as prism use does; "-" goes back. */
export async function use(name) {
  if (switching.peek()) return;
  switching.value = name;
  try {
    const v = await post("/api/use", { name });
    if (v.ok && status.peek()) status.value = { ...status.peek(), active: v.active, generation: v.generation };
    const notes = (v.notes ?? []).map(said);
    if (v.ok) toast(v.previous === v.active ? t("%s is active already", v.active) : t("%s is active", v.active), { notes });
    else {
      const why = v.problems?.find((p) => p.severity === "error");
      toast(why ? said(why.message) : t("profiles.yaml was refused"), { kind: "bad", fix: why?.fix });
    }
  } catch (err) {
    toastError(err);
  } finally {
    switching.value = "";
  }
}
