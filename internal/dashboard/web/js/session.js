// Whether this browser may see anything.
import { signal } from "../vendor/preact.js";

/** "asked" until the first answer, then "in", "out", or "gone" while there was no answer yet. */
export const session = signal("asked");
