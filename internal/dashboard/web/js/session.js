// Whether this browser may see anything.
import { signal } from "../vendor/preact.js";

/** "asked" until the first answer, then "in" or "out"; "starting" or "gone" while there was none yet. */
export const session = signal("asked");
