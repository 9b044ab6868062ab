// What is counted: money, tokens or requests.
import * as format from "../../format.js";
import { t } from "../../i18n.js";

/** The measure with a name: its column in the answer, its title, and how a value is written. */
export function measureOf(name) {
  switch (name) {
    case "tokens":
      return { name, column: "prompt_tokens", title: t("Prompt tokens"), write: (v) => format.tokens(v) };
    case "output":
      return { name, column: "output_tokens", title: t("Output tokens"), write: (v) => format.tokens(v) };
    case "requests":
      return { name, column: "requests", title: t("Requests"), write: (v) => format.count(v === null || v === undefined ? null : Number(v)) };
  }
  return { name: "cost", column: "cost_usd", title: t("Cost"), write: (v) => format.money(v) };
}

/** The measures that can be chosen, as {value, label}. */
export function measures() {
  return [
    { value: "cost", label: t("cost") },
    { value: "tokens", label: t("prompt") },
    { value: "output", label: t("output") },
    { value: "requests", label: t("requests") },
  ];
}

/** How much more or less a value is than before, such as +12%; null where that says nothing. */
export function changeOf(now, before) {
  if (now === null || now === undefined || before === null || before === undefined || !Number(before)) return null;
  const ratio = Number(now) / Number(before) - 1;
  const sign = ratio > 0.005 ? "+" : ratio < -0.005 ? "−" : "±";
  return `${sign}${format.share(Math.abs(ratio))}`;
}
