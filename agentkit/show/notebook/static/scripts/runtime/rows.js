/** Rows in a block. */
const BLOCK = 60;

/** The nodes of a row; one at least, to have a place. */
function rowOf(html) {
  const nodes = [...nodesOf(html).childNodes];
  return nodes.length ? nodes : [document.createTextNode("")];
}

/** The row in front of a row. */
const before = (node) => node.previousSibling ?? node.parentNode.previousSibling?.lastChild ?? null;

/** The rows of a view, by key. */
class Rows {
  constructor(root) {
    this.root = root;
    /** @type {Map<string, ChildNode[]>} */
    this.parts = new Map();
  }

  /** All rows, in order; those that are there already are made like the new ones. */
  reset(rows) {
    const keys = new Set(rows.map(([key]) => key));
    for (const key of [...this.parts.keys()]) if (!keys.has(key)) this.remove(key);
    let after = null;
    for (const [key, html] of rows) {
      if (!this.parts.has(key)) {
        this.insert(key, html, after);
      } else {
        this.set(key, html);
        const nodes = this.parts.get(key);
        if (before(nodes[0]) !== (this.last(after) ?? null)) this.place(nodes, after);
      }
      after = key;
    }
    for (const block of [...this.root.children]) if (!block.firstChild) block.remove();
  }

  set(key, html) {
    const was = this.parts.get(key);
    const now = rowOf(html);
    if (was.length === 1 && now.length === 1 && was[0].nodeName === now[0].nodeName)
      return morph(was[0], now[0]);
    was[0].before(...now);
    for (const node of was) node.remove();
    this.parts.set(key, now);
  }

  insert(key, html, after) {
    const nodes = rowOf(html);
    this.place(nodes, after);
    this.parts.set(key, nodes);
  }

  remove(key) {
    for (const node of this.parts.get(key) ?? []) {
      const block = node.parentNode;
      node.remove();
      if (!block.firstChild) block.remove();
    }
    this.parts.delete(key);
  }

  last(key) {
    return this.parts.get(key)?.at(-1);
  }

  /**
   * Puts nodes behind a row. Rows stand in blocks, so that a browser lays out the few blocks it
   * shows, however many rows there are.
   */
  place(nodes, after) {
    const last = this.last(after);
    let block = last?.parentNode ?? this.root.firstChild;
    if (!block || (last && !last.nextSibling && block.childNodes.length >= BLOCK)) {
      const fresh = h("div", { className: "ak-block" });
      if (block) block.after(fresh);
      else this.root.append(fresh);
      block = fresh;
    }
    const next = last?.parentNode === block ? last.nextSibling : block.firstChild;
    for (const node of nodes) block.insertBefore(node, next);
  }

  /** Lets a text grow: `text` stands after its first `keep` characters, or at its end. */
  text(key, text, keep) {
    const slot = this.root.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!slot) return;
    const node = slot.firstChild ?? slot.appendChild(document.createTextNode(""));
    if (keep !== undefined) node.data = node.data.slice(0, keep);
    node.appendData(text);
  }
}
