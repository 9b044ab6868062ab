// A field that searches while it is written in.
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";

const pause = 350; // milliseconds without a key until the question is asked

/** box is a ref that gets the field; onSearch gets the text: after a pause, or at once with Enter. */
export function Search({ box, value, label, placeholder, onSearch }) {
  const [text, write] = useState(value);
  const timer = useRef(0);
  const sent = useRef(value);
  useEffect(() => {
    if (value === sent.current) return; // it is our own word that comes back; more may have been typed since
    sent.current = value;
    clearTimeout(timer.current);
    write(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const ask = (now, after) => {
    clearTimeout(timer.current);
    if (now === sent.current) return;
    timer.current = setTimeout(() => {
      sent.current = now;
      onSearch(now);
    }, after);
  };
  const typed = (e) => {
    write(e.currentTarget.value);
    if (!e.isComposing) ask(e.currentTarget.value.trim(), pause);
  };
  const pressed = (e) => {
    if (e.isComposing) return;
    if (e.key === "Enter") ask(text.trim(), 0);
    if (e.key === "Escape" && text === "") e.currentTarget.blur();
  };
  return html`<input class="search" type="search" ref=${box} aria-label=${label} placeholder=${placeholder} maxlength="200" autocomplete="off" spellcheck="false" value=${text} onInput=${typed} onCompositionEnd=${typed} onKeyDown=${pressed} />`;
}
