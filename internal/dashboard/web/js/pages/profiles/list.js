// Every profile as the file has it, and how it is.
import { html, useState } from "../../../vendor/preact.js";
import * as format from "../../format.js";
import { said, t, tn } from "../../i18n.js";
import { CopyLine } from "../../kit/copy.js";
import { word } from "../../kit/shell.js";
import { Mark } from "../../kit/values.js";
import { active, profiles as live, switching, use } from "../../store.js";
import { State, stateText } from "../now/health.js";
import { perText } from "../now/limits.js";
import { Trial, useTrial } from "./trial.js";

/** A card for each profile. */
export function List({ profiles }) {
  return html`<ul class="cards list">${profiles.map((p) => html`<${Profile} key=${p.name} profile=${p} />`)}</ul>`;
}

function Profile({ profile: p }) {
  const [tried, show] = useState(null);
  const [busy, run] = useTrial(p.name, show);
  const here = p.name === active.value;
  const now = live.value.find((one) => one.name === p.name);
  return html`
    <li class="card profile">
      <header>
        <h3 class="name">${p.name}</h3>${here && html` <b class="badge">${t("active")}</b>`}
        <div class="actions">
          ${!here && html`<button type="button" disabled=${switching.value !== ""} aria-label=${t("Use %s", p.name)} onClick=${() => use(p.name)}>${t("Use")}</button>`}
          <button type="button" disabled=${busy} aria-label=${t("Test %s", p.name)} onClick=${run}>${busy ? t("testing") : t("Test")}</button>
        </div>
      </header>
      <dl>
        <dt>${t("Provider")}</dt><dd class="name">${p.origin}</dd>
        ${now && html`<dt>${t("Health")}</dt><dd><${State} profile=${now} /></dd>`}
        <dt>${t("Key")}</dt><dd><${Keys} profile=${p} now=${now} /></dd>
        <dt>${t("Dialect")}</dt><dd><code>${p.dialect}</code> <span class="quiet">${t("auth %s", p.auth)}</span></dd>
        <dt>${t("Models")}</dt><dd><${Models} models=${p.models} /></dd>
        <dt>${t("Fallback")}</dt><dd class="name">${p.fallback.join(" → ") || format.unknown}</dd>
        <${Money} profile=${p} />
        ${p.line > 0 && html`<dt>${t("Line")}</dt><dd>${t("profiles.yaml:%s", String(p.line))}</dd>`}
      </dl>
      ${tried && html`<${Trial} result=${tried} onClose=${() => show(null)} />`}
    </li>`;
}

function Keys({ profile: p, now }) {
  const host = html`<${Host} profile=${now ?? p} />`;
  const asked = now?.waits || !(now ?? p).pinned;
  const many = p.keys.length > 1;
  if (!many && !p.key_masked) return html`<span class="quiet">${t("none of its own")}</span>${asked && html` ${host}`}`;
  const one = (k) => html`<code>${k.masked}</code> <span class="quiet">${k.name} ${t("fp %s", k.fingerprint)}</span>`;
  return html`
    ${many ? html`<ul class="bare">${p.keys.map((k) => html`<li key=${k.fingerprint}>${one(k)} ${k.state !== "ok" && html`<${Mark} kind="warn">${stateText(k.state)}<//>`}</li>`)}</ul>` : one({ masked: p.key_masked, name: "", fingerprint: p.key_fingerprint })}
    ${" "}${host}`;
}

// Whether the profile's host was confirmed, as it is now: the list above is of the last generation.
function Host({ profile: p }) {
  if (p.pinned && !p.waits) return html`<${Mark} kind="ok">${t("pinned")}<//>`;
  return html`<${Mark} kind="warn">${p.waits ? said(p.waits) : t("host not confirmed")}<//><${CopyLine} text=${`prism trust ${word(p.name)}`} />`;
}

function Models({ models }) {
  if (models.length === 0) return html`<span class="quiet">${t("as the client asks")}</span>`;
  return html`
    <details><summary>${tn(models.length, "%d rules")}</summary>
      <ul class="bare">${models.map((m, i) => html`<li key=${i} class="name">${m.match} <span aria-hidden="true">→</span> ${m.use}</li>`)}</ul>
    </details>`;
}

function Money({ profile: p }) {
  return html`
    ${p.budgets.map((b) => html`<dt key=${b.per}>${t("Budget")}</dt><dd>${t("%s of %s", format.money(b.spent_usd), format.money(b.limit_usd))} <span class="quiet">${perText(b.per)}</span></dd>`)}
    ${p.flat_fee && html`<dt>${t("Price")}</dt><dd>${t("a flat fee")}</dd>`}
    ${p.multiplier && p.multiplier !== "1" && html`<dt>${t("Price")}</dt><dd>${t("list price times %s", p.multiplier)}</dd>`}`;
}
