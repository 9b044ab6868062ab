// What is shown to who is not signed in.
import { html, signal } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { CopyLine } from "../kit/copy.js";
import { Failure } from "../kit/block.js";

/** Why the code of the address was not taken; null if it was, or there was none. */
export const signInFailed = signal(null);

/** Says how to get in: by a code that only the gateway's user can make. */
export function SignIn() {
  document.title = t("Sign in – prism");
  return html`
    <main class="signin">
      <h1>prism</h1>
      ${signInFailed.value && html`<${Failure} error=${{ message: signInFailed.value.message }} />`}
      <p>${t("This dashboard opens with a one-time code. Run this on the machine where prism runs:")}</p>
      <${CopyLine} text="prism ui" />
      <p class="quiet">${t("A session lasts twelve hours.")}</p>
    </main>`;
}

/** Says that the gateway does not answer. */
export function Gone() {
  document.title = "prism";
  return html`
    <main class="signin">
      <h1>prism</h1>
      <p role="alert">${t("The gateway does not answer.")}</p>
      <${CopyLine} text="prism start" />
      <button type="button" onClick=${() => location.reload()}>${t("Try again")}</button>
    </main>`;
}
