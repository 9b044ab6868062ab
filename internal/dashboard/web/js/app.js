// The dashboard: signs in if the address brings a code, then shows the frame with one page in it.
import { html, render } from "../vendor/preact.js";
import { get, post } from "./api.js";
import { listen } from "./events.js";
import { Frame } from "./frame/frame.js";
import { lang, loadLanguage } from "./i18n.js";
import { Announcer } from "./kit/announce.js";
import { Toasts } from "./kit/toast.js";
import { pages } from "./pages.js";
import { Gone, SignIn, signInFailed } from "./pages/signin.js";
import { Starting } from "./pages/starting.js";
import "./print.js";
import { place, startRouter } from "./router.js";
import { session } from "./session.js";

// The code stands behind the #, which no browser sends anywhere; it is used once and forgotten.
async function signIn() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code) {
    history.replaceState(null, "", location.pathname + location.search);
    signInFailed.value = null;
    try {
      await post("/api/login", { code });
    } catch (err) {
      signInFailed.value = err;
    }
  }
  if (await signedOut()) {
    session.value = "out";
    return;
  }
  signInFailed.value = null; // this browser was in already: when it is out some day, that is not why
  await listen();
}

// The cookie is out of sight of scripts. Where the gateway does not answer, the stream finds out.
async function signedOut() {
  try {
    return !(await get("/api/session")).signed_in;
  } catch {
    return false;
  }
}

function App() {
  const view = { in: Frame, out: SignIn, gone: Gone, starting: Starting }[session.value];
  return html`${view && html`<${view} />`}<${Announcer} /><${Toasts} />`;
}

async function start() {
  startRouter(["/", ...pages.map((p) => p.path)]);
  pages.find((p) => p.path === place.value.path)?.load().catch(() => {}); // under way while the gateway is asked
  addEventListener("hashchange", () => location.hash.startsWith("#code=") && signIn());
  await Promise.all([loadLanguage(lang.value), signIn()]);
  const app = document.getElementById("app");
  app.replaceChildren(); // the document shows the name until there is more
  render(html`<${App} />`, app);
}

start();
