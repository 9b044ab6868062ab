// Every command of the dashboard under one key: type a part of its name.
import { html, useId, useRef, useState } from "../../vendor/preact.js";
import { signOut } from "../events.js";
import { chooseLanguage, lang, languageName, languages, t } from "../i18n.js";
import { copy } from "../kit/copy.js";
import { Dialog } from "../kit/dialog.js";
import { toast } from "../kit/toast.js";
import { pages } from "../pages.js";
import { go, href, place } from "../router.js";
import { active, paused, profiles, use } from "../store.js";
import { chooseTheme } from "../theme.js";

/** The list of commands; onHelp shows the help. */
export function Palette({ onClose, onHelp }) {
  const [text, write] = useState("");
  const [at, move] = useState(0);
  const id = useId();
  const list = useRef(null);
  const shown = matching(commands(onHelp), text);
  const choose = (c) => {
    onClose();
    c?.run();
  };
  const step = (to) => {
    const next = (to + shown.length) % Math.max(shown.length, 1);
    move(next);
    list.current.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const pressed = (e) => {
    if (e.isComposing) return;
    const run = { ArrowDown: () => step(at + 1), ArrowUp: () => step(at - 1), Enter: () => choose(shown[at]) }[e.key];
    if (!run) return;
    e.preventDefault();
    run();
  };
  return html`
    <${Dialog} title=${t("commands")} onClose=${onClose} bare class="palette">
      <input type="text" role="combobox" aria-expanded="true" aria-controls=${id} aria-activedescendant=${shown[at] ? `${id}-${at}` : null} aria-label=${t("commands")}
        placeholder=${t("type a command")} autofocus value=${text} onInput=${(e) => (write(e.currentTarget.value), move(0))} onKeyDown=${pressed} />
      <ul role="listbox" id=${id} aria-label=${t("commands")} ref=${list}>
        ${shown.map((c, i) => html`<li key=${c.name} role="option" id=${`${id}-${i}`} aria-selected=${i === at ? "true" : "false"} onClick=${() => choose(c)}>${c.name}</li>`)}
      </ul>
      ${shown.length === 0 && html`<p class="quiet">${t("nothing of that name")}</p>`}
    <//>`;
}

function matching(all, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter((c) => words.every((w) => c.name.toLowerCase().includes(w)));
}

function commands(onHelp) {
  const take = (line) => ({ name: t("Copy %s", line), run: async () => (await copy(line)) && toast(t("copied")) });
  return [
    ...pages.map((p) => ({ name: t("Go to %s", p.title()), run: () => go(p.path) })),
    ...profiles.value.filter((p) => p.name !== active.value).map((p) => ({ name: t("Use %s", p.name), run: () => use(p.name) })),
    { name: t("Back to the profile before"), run: () => use("-") },
    ...profiles.value.map((p) => ({ name: t("Requests of %s", p.name), run: () => go("/requests", { profile: p.name }) })),
    { name: t("Requests with errors"), run: () => go("/requests", { outcome: "failed" }) },
    ...(place.value.path === "/now" ? [{ name: paused.value ? t("Go on with the live list") : t("Pause the live list"), run: () => (paused.value = !paused.value) }] : []),
    { name: t("Colours: %s", t("light")), run: () => chooseTheme("light") },
    { name: t("Colours: %s", t("dark")), run: () => chooseTheme("dark") },
    { name: t("Colours: %s", t("as the system is")), run: () => chooseTheme("system") },
    ...languages.filter((tag) => tag !== lang.value).map((tag) => ({ name: languageName(tag), run: () => chooseLanguage(tag) })),
    { name: t("Help"), run: onHelp },
    take('eval "$(prism env)"'),
    take("prism run -- claude"),
    take("prism status"),
    take(new URL(href(location.pathname + location.search), location.origin).href),
    { name: t("Sign out"), run: signOut },
  ];
}
