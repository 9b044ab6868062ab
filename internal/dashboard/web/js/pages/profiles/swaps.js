// The last swaps: taken or refused, and who asked for them.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { said, t, tn } from "../../i18n.js";
import { Block } from "../../kit/block.js";
import { SaveCsv } from "../../kit/csv.js";
import { Table } from "../../kit/table.js";
import { Mark, Time } from "../../kit/values.js";
import { swaps } from "../../store.js";

/** The last ten. */
export function Swaps() {
  const columns = [
    { key: "at", title: t("Time"), cell: (s) => html`<${Time} at=${s.at} />` },
    { key: "what", title: t("What came of it"), cell: (s) => html`<${SwapText} swap=${s} />` },
    { key: "by", title: t("By"), cell: (s) => triggerText(s.trigger) },
    { key: "generation", title: t("Generation"), align: "right", cell: (s) => format.count(s.generation) },
    { key: "took", title: t("Took"), align: "right", cell: (s) => format.duration(s.duration_ms) },
  ];
  return html`
    <${Block} title=${t("The last swaps")} actions=${html`<${SaveCsv} rows=${swaps.value.map(fileRow)} name="prism-swaps" />`} isEmpty=${swaps.value.length === 0} empty=${html`<p class="quiet">${t("None since the start.")}</p>`}>
      <${Table} caption=${t("The last swaps")} columns=${columns} rows=${swaps.value} rowKey=${(s) => s.at} stack />
    <//>`;
}

function fileRow(s) {
  const list = (names) => (names ?? []).join(" ");
  return { at: s.at, ok: s.ok, trigger: s.trigger, generation: s.generation, previous: s.previous, active: s.active, added: list(s.added), removed: list(s.removed), changed: list(s.changed), problem: refusal(s), duration_ms: s.duration_ms };
}

/** What came of a swap, in a line. */
export function SwapText({ swap: s }) {
  if (!s.ok) return html`<${Mark} kind="bad">${t("refused")}<//> <span>${refusal(s)}</span>`;
  return html`<${Mark} kind="ok">${t("taken")}<//> <span>${changes(s).join(" · ")}</span>`;
}

function refusal(s) {
  const p = s.problems?.find((one) => one.severity === "error");
  return p ? t("line %s: %s", p.at?.line ? String(p.at.line) : format.unknown, said(p.message)) : "";
}

function changes(s) {
  const out = [];
  if (s.previous && s.previous !== s.active) out.push(t("active: %s → %s", s.previous, s.active));
  if (s.added?.length) out.push(t("added: %s", s.added.join(", ")));
  if (s.removed?.length) out.push(t("removed: %s", s.removed.join(", ")));
  if (s.changed?.length) out.push(t("changed: %s", s.changed.join(", ")));
  if (s.draining > 0) out.push(tn(s.draining, "%d requests finish on the routes before"));
  return out.length ? out : [t("%s is active", s.active)];
}

function triggerText(trigger) {
  const words = { start: t("start"), file: t("file saved"), sighup: t("signal"), reload: t("prism reload"), use: t("switch"), trust: t("prism trust") };
  return words[trigger] ?? trigger;
}
