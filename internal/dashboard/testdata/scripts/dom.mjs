// As much of a document as components need to be drawn without a browser.

class Node {
  childNodes = [];
  parentNode = null;
  get firstChild() {
    return this.childNodes[0] ?? null;
  }
  get nextSibling() {
    return this.parentNode?.childNodes[this.parentNode.childNodes.indexOf(this) + 1] ?? null;
  }
  insertBefore(node, before) {
    node.remove();
    const at = before ? this.childNodes.indexOf(before) : this.childNodes.length;
    this.childNodes.splice(at, 0, node);
    node.parentNode = this;
    return node;
  }
  appendChild(node) {
    return this.insertBefore(node, null);
  }
  removeChild(node) {
    this.childNodes.splice(this.childNodes.indexOf(node), 1);
    node.parentNode = null;
    return node;
  }
  remove() {
    this.parentNode?.removeChild(this);
  }
  contains(other) {
    return Boolean(other) && (other === this || this.contains(other.parentNode));
  }
  get textContent() {
    return this.childNodes.map((n) => n.textContent).join("");
  }
}

class Text extends Node {
  nodeType = 3;
  constructor(data) {
    super();
    this.data = data;
  }
  get textContent() {
    return this.data;
  }
}

class Element extends Node {
  nodeType = 1;
  namespaceURI = "http://www.w3.org/1999/xhtml";
  style = {};
  attributes = [];
  listeners = new Map();
  constructor(name) {
    super();
    this.localName = name;
  }
  setAttribute(name, value) {
    this[`@${name}`] = String(value);
  }
  removeAttribute(name) {
    delete this[`@${name}`];
  }
  getAttribute(name) {
    return this[`@${name}`] ?? null;
  }
  addEventListener(type, run) {
    this.listeners.set(type, run);
  }
  removeEventListener(type) {
    this.listeners.delete(type);
  }
  focus() {
    document.activeElement = this;
  }
  /** Tells an event to who listens to this element. */
  tell(type, more = {}) {
    this.listeners.get(type)?.call(this, { type, target: this, currentTarget: this, preventDefault() {}, stopPropagation() {}, ...more });
  }
  /** The elements in this one that fit(element). */
  all(fit) {
    return this.childNodes.flatMap((n) => (n.nodeType === 1 ? [...(fit(n) ? [n] : []), ...n.all(fit)] : []));
  }
}

/** Gives the document of page() what drawing needs, and returns an element to draw in. */
export function stage() {
  Object.assign(document, {
    createElementNS: (_, name) => new Element(name),
    createElement: (name) => new Element(name),
    createTextNode: (data) => new Text(data),
    activeElement: null,
  });
  return new Element("main");
}
