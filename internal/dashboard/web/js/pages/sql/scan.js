// Reads the text of a query as prism sql does: where strings and comments are, and which parameters
// stand between them.

const name = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const before = /[\p{L}\p{Nd}_:$'")\]}]/u; // what a colon belongs to: a slice, a cast, an alias

/** The names of the parameters :name and $name of a text, in order, each once. */
export function parameters(text) {
  const found = new Set();
  for (let i = 0; i < text.length; ) {
    const end = skipQuoted(text, i);
    if (end > i) {
      i = end;
      continue;
    }
    const marks = text[i] === "$" || (text[i] === ":" && (i === 0 || !before.test(text[i - 1])));
    const word = marks ? nameAt(text, i + 1) : "";
    if (word === "" || text[i + 1 + word.length] === "$") {
      i++;
      continue;
    }
    found.add(word);
    i += 1 + word.length;
  }
  return [...found];
}

/** The values that the head of a query gives its parameters: -- param: NAME = VALUE. */
export function defaults(text) {
  const out = {};
  for (const line of headOf(text)) {
    const m = /^param:\s*([^\s=]+)\s*=\s?(.*)$/.exec(line);
    if (m) out[m[1]] = m[2].trim();
  }
  return out;
}

/** The chart that the head of a query asks for, -- chart: line x=period y=cost_usd, or null. */
export function chartIn(text) {
  for (const line of headOf(text)) {
    if (line.startsWith("chart:")) return chartOf(line.slice(6));
  }
  return null;
}

/** Reads "line x=period y=cost_usd,list_usd"; null where that is no chart. */
export function chartOf(text) {
  const [kind, ...rest] = text.trim().split(/\s+/);
  if (kind !== "line" && kind !== "bar") return null;
  const chart = { kind, x: "", y: [] };
  for (const part of rest) {
    const [key, value = ""] = part.split("=");
    if (key === "x") chart.x = value;
    if (key === "y") chart.y = value.split(",").filter(Boolean);
  }
  return chart;
}

/** The title that the head of a query gives it, or "". */
export function titleIn(text) {
  const line = headOf(text).find((l) => l.startsWith("title:"));
  return line ? line.slice(6).trim() : "";
}

function headOf(text) {
  const out = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith("--")) break;
    out.push(line.slice(2).trim());
  }
  return out;
}

function nameAt(text, i) {
  name.lastIndex = i;
  return name.exec(text)?.[0] ?? "";
}

// The end of the string, quoted name or comment that begins at i, or i where none begins. What does
// not end goes on to the end of the text.
function skipQuoted(text, i) {
  const until = (from, end) => {
    const at = text.indexOf(end, from);
    return at < 0 ? text.length : at + end.length;
  };
  if (text.startsWith("--", i)) return until(i + 2, "\n");
  if (text.startsWith("/*", i)) return skipComment(text, i);
  if (text[i] === "'") return skipString(text, i);
  if (text[i] === '"') return until(i + 1, '"');
  if (text[i] !== "$") return i;
  const tag = `$${nameAt(text, i + 1)}$`;
  return text.startsWith(tag, i) ? until(i + tag.length, tag) : i;
}

// Strings with backslashes have an e before them: e'it\'s'.
function skipString(text, i) {
  const escaped = /(^|[^\p{L}\p{Nd}_])e$/iu.test(text.slice(Math.max(0, i - 2), i));
  for (let n = i + 1; n < text.length; n++) {
    if (escaped && text[n] === "\\") n++;
    else if (text[n] === "'") return n + 1;
  }
  return text.length;
}

// Comments nest.
function skipComment(text, i) {
  let depth = 0;
  for (let n = i; n < text.length - 1; n++) {
    const two = text.slice(n, n + 2);
    if (two !== "/*" && two !== "*/") continue;
    depth += two === "/*" ? 1 : -1;
    n++;
    if (depth === 0) return n + 1;
  }
  return text.length;
}
