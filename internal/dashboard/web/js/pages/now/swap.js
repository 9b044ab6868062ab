// The last swap, or why it was refused.
import { html } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { t } from "../../i18n.js";
import { Block } from "../../kit/block.js";
import { Mark, Time } from "../../kit/values.js";
import { status, swaps } from "../../store.js";
import { Problem } from "../profiles/problem.js";
import { SwapText } from "../profiles/swaps.js";

/** What the file became, or what is wrong with it. */
export function LastSwap() {
  const file = status.value.file;
  const last = swaps.value[0];
  const problems = file.ok ? [] : file.problems;
  return html`
    <${Block} title=${t("Last swap")} class="swap" actions=${html`<a href="/profiles">${t("Profiles and file")}</a>`}>
      ${last ? html`<p><${Time} at=${last.at} /> <${SwapText} swap=${last} /></p>` : html`<p class="quiet">${t("None since the start.")}</p>`}
      ${problems.map((p, i) => html`<${Problem} key=${i} problem=${p} />`)}
      ${file.ok && last && !last.ok && html`<p><${Mark} kind="ok">${t("The file is the live one again.")}<//></p>`}
      ${!file.ok && html`<p>${t("Generation %s goes on.", String(status.value.generation))}</p>`}
      <p class="quiet name" title=${file.real_path}>${file.path} · ${(file.hash ?? "").slice(0, 4)} · ${format.dateTime(file.loaded_at)}</p>
    <//>`;
}
