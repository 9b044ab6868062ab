// What the sums are about: which days, by what, in which measure.
import { html, useEffect, useRef, useState } from "../../../vendor/preact.js";
import { t } from "../../i18n.js";
import { change } from "../../kit/params.js";
import { Range } from "../../kit/range.js";
import { Choice, Select } from "../../kit/select.js";
import { measures } from "./measure.js";
import { byOf, filtersIn, groupNames, splitNames, standardRange } from "./question.js";

/** The row of choices above the sums. */
export function Controls({ params }) {
  const by = byOf(params);
  const [naming, name] = useState(false); // the groups stay those of before until the tag has a name
  const split = params.get("split") ?? "none";
  const list = (names) => Object.entries(names).map(([value, label]) => ({ value, label }));
  const tag = naming || by.startsWith("tag:");
  const group = (value) => {
    name(value === "tag");
    if (value !== "tag") change({ by: value === "day" ? null : value });
  };
  return html`
    <div class="filters" role="group" aria-label=${t("What to show")} tabindex="-1">
      <${Range} params=${params} standard=${standardRange} onChange=${change} />
      <${Select} label=${t("Group by")} showLabel options=${[...list(groupNames()), { value: "tag", label: t("tag …") }]} value=${tag ? "tag" : by}
        onChange=${group} />
      ${tag && html`<${TagKey} by=${by} naming=${naming} onDone=${() => name(false)} />`}
      <${Select} label=${t("Split by")} showLabel options=${list(splitNames())} value=${split} onChange=${(v) => change({ split: v === "none" ? null : v })} />
      <${Choice} label=${t("Measure")} options=${measures()} value=${params.get("show") ?? "cost"} onChange=${(v) => change({ show: v === "cost" ? null : v })} />
      <label class="check"><input type="checkbox" checked=${params.get("compare") === "1"} onChange=${(e) => change({ compare: e.currentTarget.checked ? "1" : null })} /> ${t("Compare with before")}</label>
      ${filtersIn(params).map((f) => html`<${Chip} key=${`${f.name} ${f.value}`} filter=${f} params=${params} />`)}
    </div>`;
}

function TagKey({ by, naming, onDone }) {
  const [key, write] = useState("");
  const box = useRef(null);
  useEffect(() => write(by.startsWith("tag:") ? by.slice(4) : ""), [by]);
  useEffect(() => void (naming && box.current.focus()), [naming]);
  const choose = (e) => {
    e.preventDefault();
    if (key.trim()) change({ by: `tag:${key.trim()}` });
    onDone();
  };
  return html`<form class="tagkey" onSubmit=${choose}><input type="text" ref=${box} maxlength="100" aria-label=${t("Name of the tag")} placeholder=${t("Name of the tag")} value=${key} onInput=${(e) => write(e.currentTarget.value)} onBlur=${choose} /></form>`;
}

function Chip({ filter: f, params }) {
  const without = (e) => {
    e.currentTarget.closest(".filters").focus({ preventScroll: true }); // the button goes
    change({ [f.name]: params.getAll(f.name).filter((v) => v !== f.value) });
  };
  return html`<button type="button" class="chiplet" aria-label=${t("Without the filter %s %s", f.name, f.value)} onClick=${without}>${f.name} <b class="name">${f.value || t("(none)")}</b> <span aria-hidden="true">✕</span></button>`;
}
