// What can be pressed on this page, and what the marks mean.
import { html } from "../../vendor/preact.js";
import { zone } from "../format.js";
import { t } from "../i18n.js";
import { activeKeys, chooseLetters, keyName, letters } from "../keys.js";
import { Dialog } from "../kit/dialog.js";
import { version } from "../store.js";

/** The help of the page that it is opened on. */
export function Help({ onClose }) {
  const seen = new Set();
  const keys = activeKeys().filter((k) => !seen.has(k.keys) && seen.add(k.keys));
  return html`
    <${Dialog} title=${t("Help")} onClose=${onClose}>
      <table class="keys">
        <caption class="hidden">${t("Keys")}</caption>
        <tbody>
          ${keys.map((k) => html`<tr key=${k.keys}><th scope="row"><kbd>${keyName(k.keys)}</kbd></th><td>${k.text()}</td></tr>`)}
          <tr><th scope="row"><kbd>1</kbd>–<kbd>9</kbd></th><td>${t("choose in an open menu")}</td></tr>
        </tbody>
      </table>
      <label class="check"><input type="checkbox" checked=${letters.value} onChange=${(e) => chooseLetters(e.currentTarget.checked)} /> ${t("Single letters act as keys")}</label>
      <p>${t("Times are those of %s; UTC is shown when you point at one.", zone.value)}</p>
      <p>${t("– is not known, and unpriced is not $0.")}</p>
      <p class="quiet">prism ${version.value}</p>
    <//>`;
}
