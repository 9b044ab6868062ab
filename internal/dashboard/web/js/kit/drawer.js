// A panel beside the page, for the details of a row. The page behind it goes on.
import { html, useEffect, useId, useRef } from "../../vendor/preact.js";
import { t } from "../i18n.js";
import { useKeys } from "../keys.js";

/** Shows children under a title until onClose is called: by its button or Esc. */
export function Drawer({ title, actions, onClose, children }) {
  const id = useId();
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current.focus({ preventScroll: true });
    return () => before?.isConnected && before.focus({ preventScroll: true });
  }, []);
  useKeys([{ keys: "Escape", text: () => t("close"), run: onClose }]);
  return html`
    <div class="drawer" role="dialog" aria-labelledby=${id} tabindex="-1" ref=${box}>
      <header>
        <h2 id=${id}>${title}</h2>
        <div class="actions">${actions}<button type="button" class="plain" aria-label=${t("close")} onClick=${onClose}>✕</button></div>
      </header>
      <div class="content">${children}</div>
    </div>`;
}
