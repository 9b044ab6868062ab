// The file of the profiles: where it is, whether it is the live one, and what is wrong with it.
import { html, useState } from "../../../vendor/preact.js";
import { post } from "../../api.js";
import { said, t } from "../../i18n.js";
import { Block } from "../../kit/block.js";
import { Copy, CopyLine } from "../../kit/copy.js";
import { toast, toastError } from "../../kit/toast.js";
import { Mark, Time } from "../../kit/values.js";
import { status } from "../../store.js";
import { Problem } from "./problem.js";

/** The state of profiles.yaml. */
export function File({ sealed }) {
  const file = status.value?.file;
  if (!file) return null;
  return html`
    <${Block} title=${t("profiles.yaml")} class="file" actions=${html`<${OpenButton} /><${Copy} text="prism check" label=${t("Copy %s", "prism check")} />`}>
      <p class="name">${file.path}${file.real_path && file.real_path !== file.path && html` <span aria-hidden="true">→</span> ${file.real_path}`} <${Copy} text=${file.path} what=${t("the path")} /></p>
      <p>
        ${file.ok ? html`<${Mark} kind="ok">${t("in force")}<//>` : html`<${Mark} kind="bad">${t("refused; generation %s goes on", String(status.value.generation))}<//>`}
        ${" "}<${Time} at=${file.loaded_at} /> <span class="quiet name" title=${file.hash}>sha ${(file.hash ?? "").slice(0, 4)}</span>
        ${" "}${sealed === undefined ? "" : sealed ? html`<${Mark} kind="ok">${t("sealed")}<//>` : html`<${Mark} kind="warn">${t("not sealed")}<//>`}
      </p>
      ${sealed === false && html`<${CopyLine} text="prism seal" />`}
      ${(file.problems ?? []).map((p, i) => html`<${Problem} key=${i} problem=${p} />`)}
    <//>`;
}

function OpenButton() {
  const [closed, show] = useState(null); // why it was not opened, and what opens it
  const open = async () => {
    try {
      const v = await post("/api/open");
      if (v.opened) toast(t("opened in the editor"));
      else show(v);
    } catch (err) {
      toastError(err);
    }
  };
  if (closed) return html`<span class="quiet">${t("Not opened: %s", said(closed.why))}</span><${CopyLine} text=${closed.command} />`;
  return html`<button type="button" onClick=${open}>${t("Open in the editor")}</button>`;
}
