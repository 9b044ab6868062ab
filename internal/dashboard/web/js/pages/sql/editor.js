// The field that a query is written in. It lives in a shadow root: there its style sheet is an object
// and not an element, which the policy of the page would refuse.
import { html, useEffect, useRef } from "../../../vendor/preact.js";
import {
  Compartment, EditorState, EditorView, Prec, autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap, completionKeymap, defaultKeymap, drawSelection,
  highlightActiveLine, highlightSpecialChars, history, historyKeymap, keymap, lineNumbers, placeholder, toggleComment,
} from "../../../vendor/codemirror.js";
import { lang, t } from "../../i18n.js";
import { language } from "./complete.js";
import { look } from "./look.js";

/**
 * An editor. It begins with text; with another turn text replaces what it holds, which can be undone.
 * (Were it replaced whenever text differs, a slow page would write old text over what is being typed.)
 * onChange gets every change, onRun is called by mod+Enter. grip is a ref that gets {insert, focus}.
 */
export function Editor({ text, turn, schema, onChange, onRun, grip }) {
  const box = useRef(null);
  const live = useRef({});
  live.current = { onChange, onRun };
  const parts = useRef(null);
  useEffect(() => {
    const root = box.current.shadowRoot ?? box.current.attachShadow({ mode: "open" });
    const speech = new Compartment();
    const words = new Compartment();
    const view = new EditorView({ root, parent: root, state: EditorState.create({ doc: text, extensions: extensions(live, [speech.of(language(null)), words.of(wordsOf())]) }) });
    parts.current = { view, speech, words };
    grip.current = gripOf(view);
    return () => view.destroy();
  }, []);
  useEffect(() => void parts.current.view.dispatch({ effects: parts.current.speech.reconfigure(language(schema)) }), [schema]);
  const tongue = lang.value;
  useEffect(() => void parts.current.view.dispatch({ effects: parts.current.words.reconfigure(wordsOf()) }), [tongue]);
  useEffect(() => {
    const { view } = parts.current;
    if (view.state.doc.toString() !== text) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  }, [turn]);
  return html`<div class="editor" ref=${box}></div>`;
}

function gripOf(view) {
  return {
    focus: () => view.focus(),
    insert: (word) => {
      view.dispatch(view.state.replaceSelection(word));
      view.focus();
    },
  };
}

// Chromium gives a letter that replaces a selection the style of what was there, by an attribute that
// the policy of the page refuses and the console reports. So such a letter does not get to it.
function replacing() {
  return EditorView.domEventHandlers({
    beforeinput: (e, view) => {
      const { from, to, empty } = view.state.selection.main;
      if (e.inputType !== "insertText" || !e.data || empty || view.composing) return false;
      const insert = () => view.state.update(view.state.replaceSelection(e.data), { userEvent: "input.type", scrollIntoView: true });
      const taken = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, e.data, insert));
      if (!taken) view.dispatch(insert());
      return true;
    },
  });
}

// What the field says in the language of the page.
function wordsOf() {
  return [placeholder(t("select … from requests")), EditorView.contentAttributes.of({ "aria-label": t("Query") })];
}

function extensions(live, changing) {
  const run = () => {
    live.current.onRun();
    return true;
  };
  // Tab leaves the field, as everywhere; Esc closes the list of completions and nothing else.
  return [
    Prec.highest(keymap.of([{ key: "Mod-Enter", run, preventDefault: true }])),
    history(), drawSelection(), highlightSpecialChars(), lineNumbers(), highlightActiveLine(), bracketMatching(), closeBrackets(),
    autocompletion({ icons: false }), keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, { key: "Mod-/", run: toggleComment }, ...defaultKeymap]),
    replacing(), EditorView.lineWrapping, EditorState.tabSize.of(2), changing, look(),
    EditorView.contentAttributes.of({ "aria-multiline": "true", spellcheck: "false", autocapitalize: "off", autocorrect: "off" }),
    EditorView.updateListener.of((u) => u.docChanged && live.current.onChange(u.state.doc.toString())),
  ];
}
