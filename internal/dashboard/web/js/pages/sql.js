// Questions to the ledger in SQL.
import { html, useRef, useState } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { keyName, useKeys } from "../keys.js";
import { Block, Failure } from "../kit/block.js";
import { CopyLine } from "../kit/copy.js";
import { useApi } from "../kit/useapi.js";
import { place } from "../router.js";
import { Editor } from "./sql/editor.js";
import { choiceOf } from "./sql/drawn.js";
import { Params } from "./sql/params.js";
import { Result } from "./sql/result.js";
import { Save } from "./sql/save.js";
import { chartIn } from "./sql/scan.js";
import { Panel } from "./sql/schema.js";
import { useQuery } from "./sql/state.js";

/** The page. */
export function Page() {
  const schema = useApi("/api/sql/schema", null);
  const queries = useApi("/api/queries", null);
  const grip = useRef(null);
  const query = useQuery(queries.data, schema.data);
  const insert = (word) => grip.current?.insert(word);
  const open = (q) => {
    query.open(q);
    grip.current?.focus();
  };
  useKeys([
    { keys: "mod+enter", text: () => t("run the query"), run: query.start },
    { keys: "/", text: () => t("to the editor"), run: () => grip.current?.focus() },
  ]);
  return html`
    <div class="sql">
      <${Side}><${Panel} schema=${schema} queries=${queries} onInsert=${insert} onOpen=${open} /><//>
      <div class="work">
        <${Block} title=${t("Query")}>
          ${query.unknown && html`<${Failure} error=${{ message: t("no query, table or view is called %s", query.unknown), fix: "prism queries list" }} />`}
          <${Editor} text=${query.text} turn=${query.turn} schema=${schema.data} onChange=${query.write} onRun=${query.start} grip=${grip} />
          <${Params} names=${query.names} values=${query.values} onChange=${query.fill} onRun=${query.start} />
          <${Buttons} query=${query} />
          ${query.waiting && html`<p class="waiting" role="status">${query.foreign ? t("This query came by a link on another site. Read it before you run it.") : t("The query of the address was not run yet.")}</p>`}
        <//>
        <${Block} title=${t("Result")} of=${query.run.busy ? { loading: true, data: {} } : null}><${Result} run=${query.run} text=${query.text} /><//>
        <${Elsewhere} schema=${schema.data} />
      </div>
    </div>`;
}

// On a wide screen the panel is always there; on a small one it would push the editor away.
function Side({ children }) {
  const [wide] = useState(() => matchMedia("(min-width: 60rem)").matches);
  return html`<aside class="side" aria-label=${t("What can be asked")}><details open=${wide}><summary>${t("Tables and queries")}</summary>${children}</details></aside>`;
}

function Buttons({ query }) {
  const [saving, save] = useState(false);
  const busy = query.run.busy;
  return html`
    <div class="bar">
      ${busy ? html`<button type="button" class="primary" onClick=${query.run.cancel}>${t("Stop")}</button>` : html`<button type="button" class="primary" onClick=${query.start}>${t("Run")} <kbd aria-hidden="true">${keyName("mod+enter")}</kbd></button>`}
      <button type="button" disabled=${busy} onClick=${query.explain}>${t("Explain")}</button>
      <button type="button" onClick=${() => save(true)}>${t("Save")}</button>
      ${saving && html`<${Save} text=${query.text} chart=${chartLine(query)} onClose=${() => save(false)} />`}
    </div>`;
}

// The chart that is on the page, as the head of a file has it; "" while there is none.
function chartLine({ run, text }) {
  const view = place.value.params.get("view") ?? (chartIn(text) ? "chart" : "table");
  if (!run.data || view !== "chart") return "";
  const { kind, x, y } = choiceOf(run.data, text, place.value.params);
  const plain = [x, ...y].every((name) => /^[^\s,=]+$/.test(name));
  return y.length && plain ? `${kind} x=${x} y=${y.join(",")}` : "";
}

function Elsewhere({ schema }) {
  return html`
    <p class="quiet">${t("At most 2,000 rows are shown and a query may take 10 seconds; the files have up to 100,000 rows. Only one statement that reads is run, in a process that can reach nothing but the ledger.")}</p>
    ${schema?.open && html`<p class="quiet">${t("The same without limits, while the gateway may wait:")} <${CopyLine} text=${schema.open} /></p>`}`;
}
