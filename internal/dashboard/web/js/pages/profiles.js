// Every profile and the file that they come from. Editing stays in the file.
import { html } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { Block, Empty } from "../kit/block.js";
import { useApi } from "../kit/useapi.js";
import { active, status } from "../store.js";
import { File } from "./profiles/file.js";
import { List } from "./profiles/list.js";
import { Snippet } from "./profiles/snippet.js";
import { Swaps } from "./profiles/swaps.js";

/** The page. */
export function Page() {
  // What the file says changes with the generation alone.
  const of = useApi("/api/profiles", { generation: status.value?.generation, active: active.value });
  const list = of.data?.profiles ?? [];
  return html`
    <div class="profiles">
      <${File} sealed=${of.data?.sealed} />
      <${Block} title=${t("Profiles")} of=${of} isEmpty=${list.length === 0} empty=${html`<${Empty} text=${t("There is no profile yet.")} command="prism profiles add" />`}>
        <${List} profiles=${list} />
      <//>
      <${Snippet} />
      <${Swaps} />
    </div>`;
}
