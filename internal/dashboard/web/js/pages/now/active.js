// The active profile, and the way to another one.
import { html } from "../../../vendor/preact.js";
import { said, t, tn, tx } from "../../i18n.js";
import { Block } from "../../kit/block.js";
import { Mark } from "../../kit/values.js";
import { active, profiles, status, switching, use } from "../../store.js";

/** Who answers, and a button for everybody else who could. */
export function Active() {
  const p = profiles.value.find((one) => one.name === active.value);
  const others = profiles.value.filter((one) => one.name !== active.value);
  return html`
    <${Block} title=${t("Active")} class="active">
      <p class="big name">${active.value || t("no profile")}</p>
      ${p && html`<p class="name">${hostOf(p.origin)}</p><${Key} profile=${p} />`}
      <p class="quiet">${t("from %s, generation %s", shortPath(status.value.active_from), String(status.value.generation))}</p>
      ${others.length > 0 &&
      html`<div class="switch" role="group" aria-label=${t("Use another profile")}>
        ${others.map((o) => html`<button type="button" key=${o.name} disabled=${switching.value !== ""} aria-label=${t("Use %s", o.name)} onClick=${() => use(o.name)}>${o.name}</button>`)}
        <button type="button" class="plain" disabled=${switching.value !== ""} onClick=${() => use("-")} title=${t("Back to the profile before")}>${t("back")}</button>
      </div>`}
    <//>`;
}

function Key({ profile: p }) {
  const many = (p.keys ?? []).length > 1;
  if (!p.key_masked && !many) return html`<p class="quiet">${t("no key of its own")}</p>`;
  return html`
    <p>
      ${many ? tn(p.keys.length, "%d keys") : tx("key %s", html`<code title=${p.key_fingerprint}>${p.key_masked}</code>`)}
      ${" "}
      ${p.pinned && !p.waits ? html`<${Mark} kind="ok">${t("pinned")}<//>` : html`<span title=${p.waits && said(p.waits)}><${Mark} kind="warn">${t("host not confirmed")}<//></span>`}
    </p>`;
}

/** The host of an origin, with a port that is not the usual one. */
export function hostOf(origin) {
  return (origin ?? "").replace(/^https?:\/\//, "").replace(/:443$/, "");
}

/** A path without the directories before the last one. */
export function shortPath(path) {
  return (path ?? "").split("/").slice(-1)[0];
}
