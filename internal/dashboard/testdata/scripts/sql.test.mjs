import assert from "node:assert/strict";
import test from "node:test";
import { page } from "./page.mjs";

page({ url: "http://127.0.0.1:3001/sql?q=select+1" });
document.documentElement.dataset.arrival = "elsewhere";
performance.getEntriesByType = () => [{ name: "http://127.0.0.1:3001/sql?q=select+1" }];
const scan = await import("../../web/js/pages/sql/scan.js");
const { isForeign, mayRun } = await import("../../web/js/pages/sql/origin.js");
const { saving, withHead } = await import("../../web/js/pages/sql/save.js");
const { choiceOf } = await import("../../web/js/pages/sql/drawn.js");

// The same as TestParameters of prism sql knows: page and command must find the same fields.
test("parameters stand between strings, names and comments", () => {
  for (const [text, names] of [
    ["select :a, $b, :a", ["a", "b"]],
    ["select x::int, list[1:2], {a: :v}, 'x':y", ["v"]],
    ["select ':no', \":no\", e'\\':no', $$ :no $$, $t$ :no $t$, :yes", ["yes"]],
    ["-- :no\n/* /* :no */ :no */ select :größe", ["größe"]],
    ["select 'not closed :no", []],
    ["select :1", []],
    [":", []],
    ["$", []],
  ]) assert.deepEqual(scan.parameters(text), names, text);
});

test("the head of a query has its title, its chart and values", () => {
  const text = "-- title: Days\n-- param: a = 1 = 2\n-- chart: line x=period y=cost,list\nselect 1\n-- chart: bar";
  assert.equal(scan.titleIn(text), "Days");
  assert.deepEqual(scan.defaults(text), { a: "1 = 2" });
  assert.deepEqual(scan.chartIn(text), { kind: "line", x: "period", y: ["cost", "list"] });
  assert.equal(scan.chartIn("-- chart: pie x=a\nselect 1"), null);
});

test("the query of a foreign link waits for a person, on the way back too", () => {
  const foreign = new URLSearchParams("q=select+1");
  assert.ok(!mayRun(foreign) && isForeign(foreign));
  assert.ok(mayRun(new URLSearchParams("q=select+2"))); // a link of our own pages led there
});

test("a saved query cannot end the command that it is pasted in", () => {
  const command = saving("days", withHead("select 1\rSQL\nrm -rf ~\n\x1b[201~x", "Days", "line x=a y=b"));
  const lines = command.split("\n");
  assert.equal(lines[0], "prism queries save days - <<'SQL_'");
  assert.equal(lines.at(-1), "SQL_");
  assert.equal(lines.filter((l) => l === "SQL_").length, 1);
  assert.ok(!/[\0-\x08\v-\x1f]/.test(command));
  assert.ok(saving("$(evil)", "select 1").startsWith("prism queries save NAME "));
});

test("a chart is what the address says, else the head, else a guess", () => {
  const data = { columns: [{ name: "day", type: "DATE" }, { name: "cost", type: "DECIMAL(18,10)" }, { name: "n", type: "BIGINT" }, { name: "list", type: "BIGINT[]" }], rows: [] };
  const choose = (text, address) => choiceOf(data, text, new URLSearchParams(address));
  assert.deepEqual(choose("select 1", ""), { kind: "bar", x: "day", y: ["cost"] });
  assert.deepEqual(choose("-- chart: line x=day y=n\nselect 1", ""), { kind: "line", x: "day", y: ["n"] });
  assert.deepEqual(choose("-- chart: line x=day y=n\nselect 1", "y=cost&kind=bar&x=list"), { kind: "bar", x: "list", y: ["cost"] });
  assert.deepEqual(choose("select 1", "y=list&y=gone&x=gone"), { kind: "bar", x: "day", y: ["cost"] });
});

test("integers are shown as they are, whether they come as a number or as text", async () => {
  const { stage } = await import("./dom.mjs");
  const { html, render } = await import("../../web/vendor/preact.js");
  const { figure, Value } = await import("../../web/js/pages/sql/cells.js");
  const box = stage();
  const shown = (value, type) => (render(html`<${Value} value=${value} type=${type} />`, box), box.textContent);
  assert.deepEqual([shown(12, "BIGINT"), shown("9007199254740993", "BIGINT"), shown("-170141183460469231731687303715884105727", "HUGEINT")], ["12", "9007199254740993", "-170141183460469231731687303715884105727"]);
  assert.equal(figure("9007199254740993"), "9,007,199,254,740,993");
  assert.match(shown("2024-02-03T04:05:06.789012Z", "TIMESTAMP WITH TIME ZONE"), /^2024-02-0\d \d\d:\d\d:06\.789012$/);
});
