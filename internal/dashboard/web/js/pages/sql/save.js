// Keeping a query. Queries are files of the user, so the page writes the command, or the file to put there.
import { html, useState } from "../../../vendor/preact.js";
import { t } from "../../i18n.js";
import { Copy } from "../../kit/copy.js";
import { Dialog } from "../../kit/dialog.js";
import { saveAs } from "../../kit/download.js";
import { titleIn } from "./scan.js";

const naming = /^[\p{L}\d][\p{L}\d._-]{0,63}$/u; // as prism queries save wants it

/** A dialog that makes a file of the query, with its title and its chart. */
export function Save({ text, chart, onClose }) {
  const [name, setName] = useState("");
  const [title, setTitle] = useState(titleIn(text));
  const ok = naming.test(name);
  const file = withHead(text, title.trim(), chart);
  const command = saving(name, file);
  return html`
    <${Dialog} title=${t("Save the query")} onClose=${onClose} class="save">
      <label><span>${t("Name")}</span><input type="text" autofocus autocomplete="off" spellcheck="false" maxlength="64" value=${name} onInput=${(e) => setName(e.currentTarget.value.trim())} /></label>
      <label><span>${t("Title")}</span><input type="text" maxlength="120" value=${title} onInput=${(e) => setTitle(e.currentTarget.value.replaceAll(/[\r\n]/g, " "))} /></label>
      ${name !== "" && !ok && html`<p class="quiet">${t("A name has letters, digits, dots, hyphens and underscores, and begins with a letter or a digit.")}</p>`}
      <p>${t("Queries are files of yours. This command writes the file:")}</p>
      <pre tabindex="0" aria-label=${t("The command")}>${command}</pre>
      <p class="actions">
        <${Copy} text=${command} label=${t("Copy the command")} />
        <button type="button" disabled=${!ok} onClick=${() => saveAs(new Blob([`${file}\n`], { type: "application/sql" }), `${name}.sql`)}>${t("Save %s", `${name || "…"}.sql`)}</button>
      </p>
    <//>`;
}

/** The text of a query under a head with its title and its chart; what its own head says of them goes. */
export function withHead(text, title, chart) {
  const lines = plain(text).trim().split("\n").filter((line) => !/^--\s*(title|chart):/.test(line));
  const head = [title && `-- title: ${title}`, chart && `-- chart: ${chart}`].filter(Boolean);
  return [...head, ...lines].join("\n");
}

// A terminal obeys control characters and takes a carriage return for Enter: a query that came by a
// link must not be able to end the command that it is pasted in.
function plain(text) {
  return text.replaceAll(/\r\n?/g, "\n").replaceAll(/[\0-\x08\v\f\x0e-\x1f\x7f-\x9f\u2028\u2029]/g, " ");
}

/**
 * The command that saves a file as a query. A here-document takes the text as it stands, as long as no
 * line of it is the word that ends it.
 */
export function saving(name, file) {
  let end = "SQL";
  while (file.split("\n").includes(end)) end += "_";
  return `prism queries save ${naming.test(name) ? name : "NAME"} - <<'${end}'\n${file}\n${end}`;
}
