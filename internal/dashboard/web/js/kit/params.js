// Parameters of an address in which an empty value means something: project= is what has no project.
import { go, place } from "../router.js";

/** A copy of parameters with some of them replaced; null, false and [] leave one out, "" stays. */
export function withParams(params, changes) {
  const q = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    q.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== false) q.append(name, one);
    }
  }
  return q;
}

/** Only the named parameters, in the order of the names, so that equal questions have equal addresses. */
export function only(params, names) {
  const q = new URLSearchParams();
  for (const name of names) {
    for (const value of params.getAll(name)) q.append(name, value);
  }
  return q;
}

/** Replaces parameters of this page. With step the way back leads to what was before. */
export function change(changes, { step = false } = {}) {
  const { path, params } = place.peek();
  go(path, withParams(params, changes), { replace: !step });
}
