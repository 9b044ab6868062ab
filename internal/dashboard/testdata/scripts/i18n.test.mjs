import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { catalogue, page } from "./page.mjs";

page();
const read = async (name) => JSON.parse(await readFile(new URL(`../../../lang/${name}.json`, import.meta.url)));
const i18n = await import("../../web/js/i18n.js");

test("verbs are filled in, in the order that the language wants", async () => {
  catalogue({ en: {}, zh: { "%d of %s": "%[2]s 中的 %[1]d", whole: "整句" } });
  await i18n.loadLanguage("en");
  assert.equal(i18n.t("%d of %s", 1234, "work"), "1,234 of work");
  assert.equal(i18n.t("100%"), "100%");
  await i18n.loadLanguage("zh-CN");
  assert.equal(i18n.t("%d of %s", 3, "work"), "work 中的 3");
  assert.equal(i18n.t("unheard of"), "unheard of");
  assert.equal(document.documentElement.lang, "zh-CN");
});

test("the languages are those that the document names, each called as its speakers call it", () => {
  assert.deepEqual(i18n.languages.map((tag) => [tag, i18n.languageName(tag)]), [["en", "English"], ["zh-CN", "中文"]]);
});

test("a language that is chosen is not undone by the address", async () => {
  const { go, place } = await import("../../web/js/router.js");
  catalogue({ en: {}, zh: {} });
  go("/requests", { lang: "zh", profile: "work" });
  await i18n.chooseLanguage("en");
  assert.equal(String(place.value.params), "profile=work");
  assert.match(document.cookie, /prism_lang=en/);
});

test("a verb in what is filled in stays as it is", async () => {
  await i18n.loadLanguage("en");
  assert.equal(i18n.t("model %s", "%s%d%[9]s<b>"), "model %s%d%[9]s<b>");
});

test("elements may stand in the place of a verb", async () => {
  await i18n.loadLanguage("en");
  const element = { type: "code" };
  assert.deepEqual(i18n.tx("key %s is pinned", element), ["key ", element, " is pinned"]);
});

test("a number chooses its form", async () => {
  catalogue({ en: { "%d requests": { one: "%d request" } }, zh: { "%d requests": "%d 个请求" } });
  await i18n.loadLanguage("en");
  assert.deepEqual([i18n.tn(0, "%d requests"), i18n.tn(1, "%d requests"), i18n.tn(2, "%d requests")], ["0 requests", "1 request", "2 requests"]);
  await i18n.loadLanguage("zh-CN");
  assert.equal(i18n.tn(1, "%d requests"), "1 个请求");
});

test("without its catalogue the page is in English, and works", async () => {
  globalThis.fetch = async () => {
    throw new TypeError("no network");
  };
  await i18n.loadLanguage("zh-CN");
  assert.equal(i18n.tn(2, "%d requests"), "2 requests");
});

test("sentences of the gateway are recognised as on the command line", async () => {
  const { speaker } = await import("../../web/js/said.js");
  const say = speaker({ "no profile is named %q": "没有名为 %q 的配置", "open the file: %w": "打开文件：%w", "no key opens it": "没有密钥能打开它", "%s of %s": "太短" });
  assert.equal(say("no key opens it"), "没有密钥能打开它");
  assert.equal(say('no profile is named "<b>"'), '没有名为 "<b>" 的配置');
  assert.equal(say("open the file: no key opens it"), "打开文件：没有密钥能打开它");
  assert.equal(say("reload: no key opens it"), "reload: 没有密钥能打开它");
  const colon = speaker({ "%s: %s": "%s：%s", "no key opens it": "没有密钥能打开它" });
  assert.equal(colon("no key opens it: EOF"), "没有密钥能打开它：EOF");
  assert.equal(colon("reload: no key opens it"), "reload: 没有密钥能打开它");
  assert.equal(say("3 of 4"), "3 of 4");
});

test("the catalogue that is shipped can be read by the pages", async () => {
  catalogue({ en: await read("en"), zh: await read("zh") });
  await i18n.loadLanguage("zh-CN");
  assert.match(i18n.tn(3, "%d requests"), /3/);
});
