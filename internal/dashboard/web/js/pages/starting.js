// What is shown while the gateway reads its files for the first time.
import { html } from "../../vendor/preact.js";
import { t } from "../i18n.js";

/** Says that the gateway is there and will answer; it is asked again meanwhile. */
export function Starting() {
  document.title = "prism";
  return html`
    <main class="signin">
      <h1>prism</h1>
      <p class="loading" role="status"><span class="spin" aria-hidden="true"></span>${t("The gateway is starting.")}</p>
    </main>`;
}
