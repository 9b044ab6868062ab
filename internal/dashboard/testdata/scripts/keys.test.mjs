import assert from "node:assert/strict";
import test from "node:test";
import { stage } from "./dom.mjs";
import { fire, page } from "./page.mjs";

page();
globalThis.HTMLElement = class {};
globalThis.requestAnimationFrame = (run) => setTimeout(run, 0);
globalThis.cancelAnimationFrame = clearTimeout;
const { html, render } = await import("../../web/vendor/preact.js");
const { useKeys } = await import("../../web/js/keys.js");

test("what is behind an open dialog does not act", async () => {
  const box = stage();
  const done = [];
  const Keys = () => useKeys([
    { keys: "mod+enter", run: () => void done.push("run") },
    { keys: "mod+k", run: () => void done.push("commands"), over: true },
    { keys: "j", run: () => void done.push("next") },
  ]);
  render(html`<${Keys} />`, box);
  const press = (key, more) => fire("keydown", { key, timeStamp: 0, composedPath: () => [{}], preventDefault() {}, ...more });
  for (let i = 0; !done.includes("next"); i++) {
    if (i === 100) assert.fail("the keys are not registered");
    await new Promise((go) => setTimeout(go, 0));
    press("j");
  }
  done.length = 0;
  for (const open of [true, false]) {
    document.querySelector = () => (open ? {} : null);
    press("Enter", { ctrlKey: true });
    press("j");
    press("k", { metaKey: true });
  }
  assert.deepEqual(done, ["commands", "run", "next", "commands"]);
  render(null, box);
});
