// Results as files.
import { html, useState } from "../../vendor/preact.js";
import { address, ApiError } from "../api.js";
import { t } from "../i18n.js";
import { session } from "../session.js";
import { announce } from "./announce.js";
import { toastError } from "./toast.js";

/**
 * A link to a file that the gateway makes. It is fetched here, because a browser that saves by itself
 * has no way to tell why there is no file.
 */
export function Download({ path, params, label, name }) {
  const [busy, set] = useState(false);
  const url = address(path, params);
  const run = async (e) => {
    if (e.metaKey || e.ctrlKey || e.shiftKey) return;
    e.preventDefault();
    if (busy) return;
    set(true);
    try {
      await fetchFile(url, name);
      announce(t("saved"));
    } catch (err) {
      toastError(err);
    } finally {
      set(false);
    }
  };
  return html`<a class="button" href=${url} download=${name} aria-busy=${busy ? "true" : "false"} aria-label=${t("Download as %s", label)} onClick=${run}>${label}${busy && html`<span class="spin" aria-hidden="true"></span>`}</a>`;
}

async function fetchFile(url, name) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", redirect: "error" });
  } catch {
    throw new ApiError(0, { code: "not_running", message: t("the gateway does not answer"), fix: "prism start" });
  }
  if (!answer.ok) throw await refusal(answer);
  saveAs(await answer.blob(), name);
}

async function refusal(answer) {
  const error = (await answer.json().catch(() => null))?.error ?? { code: "internal", message: t("the answer could not be read") };
  if (answer.status === 401 && error.code === "signed_out") session.value = "out";
  return new ApiError(answer.status, error);
}

/** Gives a file to the browser to save. */
export function saveAs(blob, name) {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}
