// Light, dark, or as the system is. The server writes the choice into the document, so that the
// first paint has it.
import { signal } from "../vendor/preact.js";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** The choice: "system", "light" or "dark". */
export const theme = signal(root.dataset.theme || "system");

/** What is shown: "light" or "dark". Charts are drawn again when it changes. */
export const shade = signal(shadeOf(theme.value));

dark.addEventListener("change", () => (shade.value = shadeOf(theme.value)));

function shadeOf(choice) {
  if (choice !== "system") return choice;
  return dark.matches ? "dark" : "light";
}

/** Makes a choice for this and the following visits. */
export function chooseTheme(choice) {
  document.cookie = `prism_theme=${choice}; Path=/; Max-Age=31536000; SameSite=Strict`;
  root.dataset.theme = choice;
  theme.value = choice;
  shade.value = shadeOf(choice);
}

/** Goes on to the next choice. */
export function nextTheme() {
  const all = ["system", "light", "dark"];
  chooseTheme(all[(all.indexOf(theme.value) + 1) % all.length]);
}
