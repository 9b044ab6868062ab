// The keyboard. Whoever is on the page registers its keys with what they do, and the help shows
// exactly those.
import { signal, useEffect, useRef } from "../vendor/preact.js";

const layers = signal([]); // the last one is asked first
const patience = 1200; // milliseconds between the two keys of a sequence
const store = "prism.keys";

/** Whether single letters act. Who dictates or types with aids may turn them off. */
export const letters = signal(localStorage.getItem(store) !== "off");

/** Turns single letters on or off, for this and the following visits. */
export function chooseLetters(on) {
  localStorage.setItem(store, on ? "on" : "off");
  letters.value = on;
}

/** What can be pressed now, the page's own keys first. */
export function activeKeys() {
  return layers.value.toReversed().flatMap((layer) => layer.current.filter((k) => k.text && !k.off));
}

/**
 * Registers keys while the component is there: a list of {keys, text, run}. keys is such as "j",
 * "g n", "mod+k" or "?"; text() says what it does; with off: true it is not there; with over: true it
 * acts while a dialog is open, too; run may return false to leave the key to others.
 */
export function useKeys(list) {
  const layer = useRef(list);
  layer.current = list;
  useEffect(() => {
    layers.value = [...layers.peek(), layer];
    return () => (layers.value = layers.peek().filter((l) => l !== layer));
  }, []);
}

/** Whether the event belongs to a field that is being written in. */
export function isTyping(e) {
  const n = e.composedPath()[0];
  if (!(n instanceof HTMLElement)) return false;
  if (n.isContentEditable || n.tagName === "TEXTAREA" || n.tagName === "SELECT") return true;
  return n.tagName === "INPUT" && !["checkbox", "radio", "button", "submit"].includes(n.type);
}

let began = "";
let beganAt = 0;

function pressed(e) {
  if (e.isComposing || e.defaultPrevented || e.repeat && e.key === "Enter") return;
  const mod = e.metaKey || e.ctrlKey;
  if (e.altKey || (!mod && isTyping(e))) return;
  const name = mod ? `mod+${e.key.toLowerCase()}` : e.key;
  if (!mod && name.length === 1 && !letters.peek()) return;
  const sequence = began && e.timeStamp - beganAt < patience ? `${began} ${name}` : "";
  began = "";
  if ((sequence && run(sequence, e)) || run(name, e)) return;
  if (!mod && !inModal() && starts(name)) [began, beganAt] = [name, e.timeStamp];
}

// What is behind an open dialog must not act.
function inModal() {
  return document.querySelector("dialog:modal") !== null;
}

function run(name, e) {
  const modal = inModal();
  for (const layer of layers.peek().toReversed()) {
    for (const k of layer.current) {
      if (k.off || k.keys !== name || (modal && !k.over) || k.run(e) === false) continue;
      e.preventDefault();
      return true;
    }
  }
  return false;
}

function starts(name) {
  return layers.peek().some((l) => l.current.some((k) => !k.off && k.keys.startsWith(`${name} `)));
}

addEventListener("keydown", pressed);

/** "mod+k" as ⌘K on a Mac and Ctrl K elsewhere. */
export function keyName(keys) {
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  return keys.replace("mod+", mac ? "⌘" : "Ctrl ").replace("enter", "↵").replace(/ (\w)$/, (_, c) => ` ${keys.startsWith("mod") ? c.toUpperCase() : c}`);
}
