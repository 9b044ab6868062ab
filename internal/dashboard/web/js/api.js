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

// How long an answer may take, in milliseconds: longer than the gateway itself lets it. A connection
// that a tunnel or a sleep has cut is told by nothing else.
const patience = { get: 60_000, post: 90_000 };

/** Asks with GET; rejects with an {@link ApiError}, or with the AbortError of its signal. limit is in milliseconds. */
export function get(path, params, { signal, limit = patience.get } = {}) {
  return ask(address(path, params), { signal }, limit);
}

/** Asks with POST; the body is sent as JSON. */
export function post(path, body = {}, { signal, limit = patience.post } = {}) {
  return ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal }, limit);
}

async function ask(url, options, limit) {
  const late = AbortSignal.timeout(limit);
  const signal = options.signal ? AbortSignal.any([options.signal, late]) : late;
  let answer;
  let body = null;
  try {
    answer = await fetch(url, { ...options, signal, credentials: "same-origin", redirect: "error" });
    if (answer.status === 204) return null;
    body = await answer.json();
  } catch (err) {
    // Told by the signals: an engine may have an error of its own for a body that is cut off.
    if (options.signal?.aborted) throw options.signal.reason;
    if (!answer || late.aborted) throw new ApiError(0, { code: "not_running", message: t("the gateway does not answer"), fix: "prism start" });
  }
  if (answer.ok && body !== null) return body;
  const error = body?.error ?? { code: "internal", message: t("the answer could not be read") };
  if (answer.status === 401 && error.code === "signed_out") session.value = "out";
  throw new ApiError(answer.status, error);
}
