// The YAML of a new profile, checked as the gateway would, to paste or to add by a command.
import { html, useState } from "../../../vendor/preact.js";
import { post } from "../../api.js";
import { said, t } from "../../i18n.js";
import { Block, Failure } from "../../kit/block.js";
import { Copy, CopyLine } from "../../kit/copy.js";
import { Select } from "../../kit/select.js";
import { useApi } from "../../kit/useapi.js";
import { Mark } from "../../kit/values.js";

/** A form of four fields; the answer never holds a key. */
export function Snippet() {
  const of = useApi("/api/presets", null);
  const [draft, change] = useState({ preset: "", name: "", base_url: "", model: "" });
  const [answer, show] = useState({});
  const presets = of.data ?? [];
  const preset = presets.find((p) => p.name === draft.preset) ?? presets[0];
  const write = async (e) => {
    e.preventDefault();
    try {
      show({ ok: await post("/api/snippet", { ...draft, preset: preset.name }) });
    } catch (error) {
      show({ error });
    }
  };
  const field = (key) => ({ value: draft[key], onInput: (e) => change({ ...draft, [key]: e.currentTarget.value }) });
  return html`
    <${Block} title=${t("A new profile")} of=${of} class="snippet">
      <form onSubmit=${write}>
        <${Select} label=${t("Provider")} showLabel options=${presets.map((p) => ({ value: p.name, label: said(p.title) || p.name }))} value=${preset?.name} onChange=${(name) => (change({ ...draft, preset: name }), show({}))} />
        <label><span>${t("Name")}</span><input type="text" autocomplete="off" spellcheck="false" placeholder=${preset?.profile} ...${field("name")} /></label>
        <label><span>${t("Base URL")}</span><input type="url" autocomplete="off" required=${preset?.needs_url} placeholder=${preset?.base_url} ...${field("base_url")} /></label>
        <label><span>${t("Model")}</span><input type="text" autocomplete="off" spellcheck="false" required=${preset?.needs_model} placeholder=${preset?.main} ...${field("model")} /></label>
        <button type="submit">${t("Write the YAML")}</button>
      </form>
      ${answer.error && html`<${Failure} error=${answer.error} />`}
      ${answer.ok && html`<${Written} answer=${answer.ok} />`}
    <//>`;
}

function Written({ answer }) {
  return html`
    <div class="written">
      ${answer.problems.length === 0
        ? html`<p><${Mark} kind="ok">${t("The gateway would take it.")}<//></p>`
        : answer.problems.map((p, i) => html`<p key=${i}><${Mark} kind="bad"><code>${p.path}</code> ${said(p.message)}<//> ${p.fix && html`<span class="quiet">${t("fix: %s", said(p.fix))}</span>`}</p>`)}
      <p>${t("Paste this under profiles: in profiles.yaml, with the key in its place, and run prism seal:")}</p>
      <pre tabindex="0" aria-label=${t("The YAML of the profile")}>${answer.yaml}</pre>
      <${Copy} text=${answer.yaml} what=${t("the YAML")} />
      <p>${t("Or let prism add it; it asks for the key:")}</p>
      <${CopyLine} text=${answer.command} />
    </div>`;
}
