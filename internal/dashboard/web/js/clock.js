// One clock for all that says how long ago something was.
import { signal } from "../vendor/preact.js";

/** The time in milliseconds, a second exact. It stands still while nobody looks. */
export const clock = signal(Date.now());

setInterval(() => {
  if (!document.hidden) clock.value = Date.now();
}, 1000);
addEventListener("visibilitychange", () => (clock.value = Date.now()));
