// Lists in a sentence.
import { t } from "../i18n.js";

/** Parts that are there, with the comma of the language between them; "" where there are none. */
export function joined(parts) {
  return parts.filter(Boolean).reduce((a, b) => (a === "" ? b : t("%s, %s", a, b)), "");
}
