// The language of the pages. The key of a text is the English text itself; other languages are
// looked up in the catalogue that the command line and the tray use too. Texts are formats with
// %s, %d and %[2]s and are never put together from pieces.
import { computed, signal } from "../vendor/preact.js";
import { change } from "./kit/params.js";
import { place } from "./router.js";
import { speaker } from "./said.js";

/** The languages that the pages can be had in: "en", "zh-CN"; the first one is that of the code. */
export const languages = (document.documentElement.dataset?.languages || "en").split(" ");

/** The language, one of {@link languages}. */
export const lang = signal(languages.includes(document.documentElement.lang) ? document.documentElement.lang : languages[0]);

/** What a language is called by those who speak it: "中文". */
export function languageName(tag) {
  return new Intl.DisplayNames(tag, { type: "language" }).of(base(tag));
}

// The catalogue of zh-CN is called zh.
function base(tag) {
  return tag.split("-")[0];
}

const catalogue = signal({});
const plurals = signal({});

/** Loads the texts of a language and makes it the one of the page. */
export async function loadLanguage(tag) {
  const [texts, forms] = await Promise.all([tag === languages[0] ? {} : file(base(tag)), file(base(languages[0]))]);
  catalogue.value = texts;
  plurals.value = forms;
  lang.value = tag;
  document.documentElement.lang = tag;
}

/** Changes the language for this and the following visits. */
export async function chooseLanguage(tag) {
  document.cookie = `prism_lang=${base(tag)}; Path=/; Max-Age=31536000; SameSite=Strict`;
  if (place.peek().params.has("lang")) change({ lang: null }); // it would win over the choice
  await loadLanguage(tag);
}

// A page without its catalogue is a page in English, not a broken one.
async function file(name) {
  try {
    const answer = await fetch(`/assets/lang/${name}.json`);
    return answer.ok ? await answer.json() : {};
  } catch {
    return {};
  }
}

/** Returns a text in the language of the page, with its verbs filled in. */
export function t(format, ...args) {
  return tx(format, ...args).join("");
}

/** Returns a text about a number of things, in the plural form that the number wants. */
export function tn(n, key, ...args) {
  return parts(formOf(n, key), [n, ...args]).join("");
}

/** Like {@link t}, for a template: the arguments may be elements, and the parts come as a list. */
export function tx(format, ...args) {
  const text = catalogue.value[format];
  return parts(typeof text === "string" ? text : text?.other ?? format, args);
}

const speak = computed(() => speaker(catalogue.value));

/** A sentence that the gateway made, in the language of the page. */
export function said(sentence) {
  return lang.value === languages[0] ? sentence : speak.value(sentence);
}

function formOf(n, key) {
  const own = lang.value === languages[0] ? undefined : catalogue.value[key];
  const forms = own ?? plurals.value[key] ?? key;
  if (typeof forms === "string") return forms;
  const tag = own ? lang.value : languages[0];
  return forms[new Intl.PluralRules(tag).select(Number(n))] ?? forms.other ?? key;
}

const verb = /%(?:\[(\d+)\])?([sdqv%])/g;

function parts(format, args) {
  if (args.length === 0) return [format];
  const out = [];
  let next = 0;
  let end = 0;
  for (const m of format.matchAll(verb)) {
    out.push(format.slice(end, m.index));
    end = m.index + m[0].length;
    if (m[2] === "%") {
      out.push("%");
      continue;
    }
    if (m[1]) next = Number(m[1]) - 1;
    out.push(shown(args[next++], m[2]));
  }
  out.push(format.slice(end));
  return out;
}

function shown(value, kind) {
  if (typeof value === "number") return new Intl.NumberFormat(lang.value).format(value);
  if (kind === "q") return `“${value}”`;
  return value ?? "–";
}
