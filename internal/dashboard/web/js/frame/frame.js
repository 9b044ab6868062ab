// What stands around every page: where to go, who answers, how the news come, what is wrong.
import { html, useEffect, useErrorBoundary, useRef, useState } from "../../vendor/preact.js";
import { chooseLanguage, lang, languageName, languages, t } from "../i18n.js";
import { keyName, useKeys } from "../keys.js";
import { announce } from "../kit/announce.js";
import { Failure, Loading } from "../kit/block.js";
import { Menu } from "../kit/menu.js";
import { pages } from "../pages.js";
import { go, place } from "../router.js";
import { active, heardAt, link, paused, profiles, switching, use } from "../store.js";
import { nextTheme, theme } from "../theme.js";
import { clock } from "../clock.js";
import * as format from "../format.js";
import { Banner } from "./banner.js";
import { Help } from "./help.js";
import { Palette } from "./palette.js";

/** The frame with the page that the address names. */
export function Frame() {
  const [open, show] = useState(""); // "chip", "palette" or "help"
  const toggle = (what) => () => show(open === what ? "" : what);
  useLinkTold();
  useKeys([
    ...pages.map((p) => ({ keys: `g ${p.key}`, text: () => t("go to %s", p.title()), run: () => go(p.path) })),
    { keys: "mod+k", text: () => t("commands"), run: toggle("palette"), over: open === "palette" },
    { keys: "u", text: () => t("use a profile"), run: () => show("chip") },
    { keys: "t", text: () => t("light, dark or system"), run: nextTheme },
    { keys: "?", text: () => t("help"), run: toggle("help") },
  ]);
  return html`
    <a class="skip" href="#main" onClick=${toMain}>${t("To the page")}</a>
    <header class="top">
      <a class="brand" href="/now"><img src="/assets/icon.svg" alt="" width="20" height="20" />prism</a>
      <nav aria-label=${t("Pages")}>${pages.map((p) => html`<a key=${p.path} href=${p.path} aria-current=${p.path === place.value.path ? "page" : null}>${p.title()}</a>`)}</nav>
      <div class="tools">
        <${Chip} open=${open === "chip"} onOpen=${(on) => show(on ? "chip" : "")} />
        <${Link} />
        <button type="button" class="plain" onClick=${toggle("palette")}><kbd>${keyName("mod+k")}</kbd><span class="hidden"> ${t("commands")}</span></button>
        <${Theme} />
        <${Language} />
      </div>
    </header>
    <${Banner} />
    <${Page} key=${place.value.path} path=${place.value.path} />
    ${open === "palette" && html`<${Palette} onClose=${() => show("")} onHelp=${() => show("help")} />`}
    ${open === "help" && html`<${Help} onClose=${() => show("")} />`}`;
}

function toMain(e) {
  e.preventDefault();
  document.getElementById("main")?.focus();
}

function Chip({ open, onOpen }) {
  const items = profiles.value.map((p) => ({ key: p.name, label: p.name, checked: p.name === active.value, run: () => use(p.name) }));
  const label = html`<span class="name">${active.value || format.unknown}</span> <span aria-hidden="true">▾</span>`;
  return html`
    <span class="chip" aria-busy=${switching.value ? "true" : "false"}>
      <${Menu} open=${open} onOpen=${onOpen} items=${items} label=${label} name=${t("Active profile: %s", active.value || format.unknown)} />
    </span>`;
}

function Link() {
  const state = paused.value && link.value === "live" ? "paused" : link.value;
  const words = { live: t("live"), joining: t("connecting"), polling: t("polling"), away: t("away"), paused: t("paused") };
  const title = heardAt.value ? t("last heard %s ago", format.duration(Math.max(0, clock.value - heardAt.value))) : "";
  return html`<span class=${`link ${state}`} title=${title}><span class="dot" aria-hidden="true"></span>${words[state]}</span>`;
}

// For who does not see the mark: that what stands here is old, and that it is not any more.
function useLinkTold() {
  const away = useRef(false);
  const state = link.value;
  useEffect(() => {
    if (state === "joining" || (state === "away") === away.current) return;
    away.current = state === "away";
    announce(away.current ? t("the gateway does not answer; what you see is old") : t("the gateway answers again"));
  }, [state]);
}

function Theme() {
  const words = { system: t("as the system is"), light: t("light"), dark: t("dark") };
  const signs = { system: "◐", light: "☀", dark: "☾" };
  const name = t("Colours: %s", words[theme.value]);
  return html`<button type="button" class="plain" onClick=${nextTheme} aria-label=${name} title=${name}><span aria-hidden="true">${signs[theme.value]}</span></button>`;
}

// The name of each language stands in that language, whatever the page is in.
function Language() {
  const next = languages[(languages.indexOf(lang.value) + 1) % languages.length];
  return html`<button type="button" class="plain" lang=${next} onClick=${() => chooseLanguage(next)}>${languageName(next)}</button>`;
}

let arrived = false;

function Page({ path }) {
  const [view, set] = useState(null);
  const [broken, again] = useErrorBoundary((err) => console.error(err));
  const page = pages.find((p) => p.path === path);
  const main = useRef(null);
  useEffect(() => {
    let here = true;
    page?.load().then(
      (m) => here && set(() => m.Page),
      (err) => (console.error(err), here && set("failed")),
    );
    return () => (here = false);
  }, [path]);
  useEffect(() => void (document.title = page ? `${page.title()} – prism` : "prism"), [path, lang.value]);
  // Who came here by a link or a key starts to read here; a document that opens starts at its top.
  useEffect(() => {
    if (document.activeElement !== document.body || arrived) main.current.focus({ preventScroll: true });
    arrived = true;
    scrollTo(0, 0);
  }, [path]);
  return html`<main id="main" tabindex="-1" ref=${main} aria-label=${page?.title()}>${shown(page, view, broken, again)}</main>`;
}

function shown(page, view, broken, again) {
  if (!page) return html`<${Failure} error=${{ message: t("there is no such page") }} />`;
  if (broken) return html`<${Failure} error=${{ message: t("this page stopped working") }} again=${again} />`;
  if (view === "failed") return html`<${Failure} error=${{ message: t("this page could not be loaded") }} again=${() => location.reload()} />`;
  return view ? html`<h1 class="hidden">${page.title()}</h1><${view} />` : html`<${Loading} />`;
}
