// Every question to the gateway goes through here.
import { t } from "./i18n.js";
import { session } from "./session.js";

/** ApiError is a refusal: the code, what is wrong, and how to mend it. */
export class ApiError extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status; // 0 = the gateway did not answer
    this.code = error.code;
    this.fix = error.fix ?? "";
    this.at = error.at ?? null;
  }
}

/** Writes parameters as a query; a list gives its name once for each element, "" and null none. */
export function query(params) {
  if (params instanceof URLSearchParams) return params.toString();
  const out = new URLSearchParams();
  for (const [name, value] of Object.entries(params ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "" && one !== false) out.append(name, one);
    }
  }
  return out.toString();
}

/** The address of a question, for links that download. */
export function address(path, params) {
  const q = query(params);
  return q ? `${path}?${q}` : path;
}

/** Asks with GET; rejects with an {@link ApiError}, or with the AbortError of its signal. */
export function get(path, params, { signal } = {}) {
  return ask(address(path, params), { signal });
}

/** Asks with POST; the body is sent as JSON. */
export function post(path, body = {}, { signal } = {}) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
}

async function ask(url, options) {
  let answer;
  try {
    answer = await fetch(url, { ...options, credentials: "same-origin", redirect: "error" });
  } catch (err) {
    if (err.name === "AbortError") throw err;
    throw new ApiError(0, { code: "not_running", message: t("the gateway does not answer"), fix: "prism serve" });
  }
  if (answer.status === 204) return null;
  let body = null;
  try {
    body = await answer.json();
  } catch (err) {
    if (err.name === "AbortError") throw err;
  }
  if (answer.ok && body !== null) return body;
  const error = body?.error ?? { code: "internal", message: t("the answer could not be read") };
  if (answer.status === 401 && error.code === "signed_out") session.value = "out";
  throw new ApiError(answer.status, error);
}
