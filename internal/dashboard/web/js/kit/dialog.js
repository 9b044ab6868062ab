// A dialog in front of the page: the browser keeps the focus in it and closes it by Esc.
import { html, useEffect, useId, useRef } from "../../vendor/preact.js";
import { t } from "../i18n.js";

/** Shows children under a title until onClose is called. bare leaves out the heading. */
export function Dialog({ title, onClose, bare = false, class: css = "", children }) {
  const id = useId();
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => before?.isConnected && before.focus({ preventScroll: true });
  }, []);
  const outside = (e) => e.target === box.current && onClose();
  return html`
    <dialog class=${css} ref=${box} aria-labelledby=${bare ? null : id} aria-label=${bare ? title : null} onCancel=${(e) => (e.preventDefault(), onClose())} onClick=${outside}>
      <div class="sheet">
        ${!bare && html`<header><h2 id=${id}>${title}</h2><button type="button" class="plain" aria-label=${t("close")} onClick=${onClose}>✕</button></header>`}
        ${children}
      </div>
    </dialog>`;
}
