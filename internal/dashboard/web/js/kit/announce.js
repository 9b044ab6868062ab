// What a screen reader is told. Streams of news are told now and then, not one by one.
import { html, signal } from "../../vendor/preact.js";

const said = signal("");
const gap = 10_000; // milliseconds between news

/** Says something at once: the answer to what somebody has just done. */
export function announce(text) {
  said.value = "";
  queueMicrotask(() => (said.value = text));
}

let waiting = null;
let last = 0;

/** Says news when there was none for a while; tell makes the text at that time, "" = nothing. */
export function announceSoon(tell) {
  if (waiting) return;
  waiting = setTimeout(() => {
    waiting = null;
    last = Date.now();
    const text = tell();
    if (text) announce(text);
  }, Math.max(1000, last + gap - Date.now()));
}

/** The place where it is said; it stands once in the document. */
export function Announcer() {
  return html`<div class="hidden" role="status" aria-live="polite">${said.value}</div>`;
}
