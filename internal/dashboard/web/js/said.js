// Sentences that the gateway made, in the language of the page. It sends English; the keys of the
// catalogue recognise it, as they do for the command line (internal/lang, Printer.Translate).

const verb = /%(\[\d+\])?[-+#0]*(\d+|\*)?(\.\d+)?[a-zA-Z%]/g;
const leastLetters = 6; // what a key must have to recognise a sentence by
const leastOfError = 3; // the same for one that holds an error (%w, %v)
const leastRun = 3; // and how many of them in a row

/** Returns a function that says sentences by the texts of a catalogue. */
export function speaker(texts) {
  let patterns = null;
  const known = new Map();
  const say = (text) => {
    const whole = plain(texts[text]);
    if (whole) return whole;
    patterns ??= patternsOf(texts);
    for (const p of patterns) {
      const values = match(p, text);
      if (values) return fill(p, values, say);
    }
    const colon = text.indexOf(": ");
    if (colon < 0) return text;
    const [head, tail] = [text.slice(0, colon), text.slice(colon + 2)];
    // A single word is no sentence: it may be the name of a field, to be written as it is.
    const part = (s) => (s.includes(" ") ? say(s) : s);
    const ours = part(head);
    if (ours === head) return `${head}: ${part(tail)}`; // what stays as it is keeps its mark
    return fill({ text: plain(texts["%s: %s"]) ?? "%s: %s", nested: [] }, [ours, part(tail)], say);
  };
  return (text) => {
    if (!text) return text;
    if (known.size > 500) known.clear();
    if (!known.has(text)) known.set(text, say(text));
    return known.get(text);
  };
}

function plain(value) {
  return typeof value === "string" ? value : value?.other;
}

function patternsOf(texts) {
  const out = [];
  for (const [key, value] of Object.entries(texts)) {
    const p = patternOf(key, plain(value));
    if (p) out.push(p);
  }
  return out.sort((a, b) => b.weight - a.weight || a.nested.length - b.nested.length);
}

function patternOf(key, text) {
  const p = { text, literals: [""], nested: [], weight: 0 };
  const extend = (s) => (p.literals[p.literals.length - 1] += s);
  let at = 0;
  for (const m of key.matchAll(verb)) {
    extend(key.slice(at, m.index));
    at = m.index + m[0].length;
    if (m[0] === "%%") {
      extend("%");
      continue;
    }
    p.nested.push(/[vw]$/.test(m[0]));
    p.literals.push("");
  }
  extend(key.slice(at));
  if (text === key && !p.nested.includes(true)) return null; // it would keep others from saying what is in it
  const runs = p.literals.flatMap((s) => s.match(/\p{L}+/gu) ?? []);
  p.weight = runs.join("").length;
  const least = p.nested.includes(true) ? leastOfError : leastLetters;
  const enough = p.weight >= least && runs.some((r) => r.length >= leastRun);
  // What goes around a whole sentence is found before the sentence, which would swallow it.
  if (p.nested[0] && p.literals[0] === "" && p.weight > leastLetters) p.weight += 1000;
  return text && p.nested.length && enough ? p : null;
}

// As little as possible for each verb but the last.
function match(p, text) {
  const first = p.literals[0];
  const last = p.literals.at(-1);
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return null;
  let rest = text.slice(first.length, text.length - last.length);
  const values = [];
  for (const literal of p.literals.slice(1, -1)) {
    const at = rest.indexOf(literal);
    if (at < 0) return null;
    values.push(rest.slice(0, at));
    rest = rest.slice(at + literal.length);
  }
  return [...values, rest];
}

function fill(p, values, say) {
  let next = 0;
  return p.text.replace(verb, (v, position) => {
    if (v === "%%") return "%";
    if (position) next = Number(position.slice(1, -1)) - 1;
    const i = next++;
    const value = values[i] ?? "";
    return p.nested[i] ? say(value) : value;
  });
}
