// Something that opens beside a button, and closes by Esc, by a click elsewhere and with the focus.
import { html, useEffect, useId, useLayoutEffect, useRef } from "../../vendor/preact.js";

/**
 * A button with what it opens. open and onOpen(bool) belong to the caller; kind is the value of
 * aria-haspopup, for a menu. label is the content of the button, name what it is called if that says
 * too little. What closes with the focus in it gives the focus back to the button.
 */
export function Popover({ open, onOpen, label, name, kind, class: css = "", children }) {
  const id = useId();
  const box = useRef(null);
  const button = useRef(null);
  const pop = useRef(null);
  const held = useRef(false); // whether the focus was inside just before this drawing
  const told = useRef(onOpen); // that of the last drawing, for who listens since an earlier one
  told.current = onOpen;
  held.current = pop.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    if (!open && held.current) button.current.focus({ preventScroll: true });
  }, [open]);
  useEffect(() => {
    if (!open) return undefined;
    const elsewhere = (e) => {
      if (!e.composedPath().includes(box.current)) told.current(false);
    };
    // Pressing the words of a label gives the focus to what is around the box, which is not elsewhere.
    const focused = (e) => {
      if (!e.target.contains(box.current)) elsewhere(e);
    };
    addEventListener("pointerdown", elsewhere);
    addEventListener("focusin", focused);
    return () => {
      removeEventListener("pointerdown", elsewhere);
      removeEventListener("focusin", focused);
    };
  }, [open]);
  const closing = (e) => {
    if (e.key !== "Escape" || !open) return;
    e.preventDefault();
    onOpen(false);
    button.current.focus({ preventScroll: true });
  };
  return html`
    <div class=${`popover ${css}`} ref=${box} onKeyDown=${closing}>
      <button type="button" ref=${button} aria-haspopup=${kind} aria-expanded=${open ? "true" : "false"} aria-controls=${open ? id : null} aria-label=${name} onClick=${() => onOpen(!open)}>
        ${label}
      </button>
      ${open && html`<div class="pop" id=${id} ref=${pop}>${children}</div>`}
    </div>`;
}
