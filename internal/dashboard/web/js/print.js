// On paper nothing is folded away, and ink is dark. Charts draw themselves anew after this.
import { theme } from "./theme.js";

let opened = [];

addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const d of opened) d.open = true;
  document.documentElement.dataset.theme = "light";
});

addEventListener("afterprint", () => {
  for (const d of opened) d.open = false;
  opened = [];
  document.documentElement.dataset.theme = theme.peek();
});
