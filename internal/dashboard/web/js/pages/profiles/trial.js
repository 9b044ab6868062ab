// Trying a profile: one small question to its provider, step by step.
import { html, useState } from "../../../vendor/preact.js";
import { post } from "../../api.js";
import * as format from "../../format.js";
import { said, t } from "../../i18n.js";
import { announce } from "../../kit/announce.js";
import { Fix } from "../../kit/block.js";
import { toastError } from "../../kit/toast.js";
import { Mark } from "../../kit/values.js";

/** Returns whether a trial of the profile is under way, and what starts one. */
export function useTrial(profile, onResult) {
  const [busy, set] = useState(false);
  const run = async () => {
    set(true);
    try {
      const result = await post("/api/test", { profile });
      announce(result.ok ? t("%s answers", profile) : t("%s does not answer", profile));
      onResult({ ...result, profile });
    } catch (err) {
      toastError(err);
    } finally {
      set(false);
    }
  };
  return [busy, run];
}

/** What a trial found. */
export function Trial({ result: r, onClose }) {
  return html`
    <div class="trial">
      <p>
        <strong class="name">${r.profile}</strong> <${Mark} kind=${r.ok ? "ok" : "bad"}>${said(r.verdict ?? r.error?.message ?? "")}<//>
        <button type="button" class="plain" aria-label=${t("close")} onClick=${onClose}>✕</button>
      </p>
      <ol>${(r.steps ?? []).map((s, i) => html`<${Step} key=${i} step=${s} />`)}</ol>
      ${!r.ok && (r.fix || r.error?.fix) && html`<${Fix} text=${r.fix || r.error.fix} />`}
    </div>`;
}

function Step({ step: s }) {
  return html`<li>${s.key && html`<span class="name">${s.key}</span> `}<${Mark} kind=${s.ok ? "ok" : "bad"}>${stepText(s.name)}<//> <span class="quiet">${format.duration(s.ms)} ${said(s.detail)}</span></li>`;
}

function stepText(name) {
  const words = {
    pin: t("host of the key"),
    credential: t("credential"),
    dns: t("name of the host"),
    connect: t("connection"),
    tls: t("TLS"),
    auth: t("key"),
    model: t("model"),
    money: t("payment"),
    limit: t("limit"),
    request: t("request"),
    answer: t("answer"),
  };
  return words[name] ?? name;
}
