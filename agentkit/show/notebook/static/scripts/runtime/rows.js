/** Rows and turns in a block: few, as a browser lays out whole blocks. */
const BLOCK = 10;

/** The nodes of a row; one at least, to have a place. */
function rowOf(html) {
  const nodes = [...nodesOf(html).childNodes];
  return nodes.length ? nodes : [document.createTextNode("")];
}

/** The number of the turn of a row: those of turn 3 are `turn-3`, `turn-3/…`, `growing-3/…`. */
const turnOf = (key) => /^(?:turn|growing)-(\d+)(?![^/])/.exec(key)?.[1];

const isTurn = (node) => node?.akTurn !== undefined;

/** The nearest sibling which the page has not added for itself. */
function beside(node, side) {
  let at = node[side];
  while (at?.akOwn) at = at[side];
  return at ?? null;
}

/** The last row of a turn, or the row itself. */
function lastIn(item) {
  if (!isTurn(item)) return item ?? null;
  return item.lastChild.akOwn ? beside(item.lastChild, "previousSibling") : item.lastChild;
}

/** The row or turn next to one, wherever a block begins or ends. */
function nextTo(item, side) {
  if (item[side]) return item[side];
  const block = item.parentNode[side];
  return (side === "nextSibling" ? block?.firstChild : block?.lastChild) ?? null;
}

/** What stands in a block: the turn of a row, or the row itself. */
const itemOf = (row) => (isTurn(row.parentNode) ? row.parentNode : row);

/**
 * The rows of a view, by key. Those of one turn that follow each other stand in an `article`; rows
 * and turns stand in blocks, so that a browser lays out the few blocks it shows, however many there
 * are.
 */
class Rows {
  /** @param {(row: ChildNode) => void} drawn  is told each row that is new or changed */
  constructor(root, drawn = () => {}) {
    this.root = root;
    this.drawn = drawn;
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
        if (this.before(nodes[0]) !== (this.last(after) ?? null)) {
          nodes.forEach((node) => this.take(node));
          this.place(key, nodes, after);
        }
      }
      after = key;
    }
  }

  set(key, html) {
    const was = this.parts.get(key);
    const now = rowOf(html);
    if (was.length === 1 && now.length === 1 && was[0].nodeName === now[0].nodeName) {
      morph(was[0], now[0]);
    } else {
      was[0].before(...now);
      for (const node of was) node.remove();
      this.parts.set(key, now);
    }
    this.parts.get(key).forEach(this.drawn);
  }

  insert(key, html, after) {
    const nodes = rowOf(html);
    this.place(key, nodes, after);
    this.parts.set(key, nodes);
    nodes.forEach(this.drawn);
  }

  remove(key) {
    for (const node of this.parts.get(key) ?? []) this.take(node);
    this.parts.delete(key);
  }

  last(key) {
    return this.parts.get(key)?.at(-1);
  }

  /** What has a key: a row, or a part of one, whose key begins with that of its row. */
  find(key) {
    const select = `[data-key="${CSS.escape(key)}"]`;
    for (let end = key.length; end > 0; end = key.lastIndexOf("/", end - 1)) {
      const found = foundIn(this.parts.get(key.slice(0, end)) ?? [], select)[0];
      if (found) return found;
    }
    return null;
  }

  /** The row in front of a row. */
  before(row) {
    const near = beside(row, "previousSibling");
    return near ?? lastIn(nextTo(itemOf(row), "previousSibling"));
  }

  /** Puts the nodes of a row behind another row, in front where there is none. */
  place(key, nodes, after) {
    const turn = turnOf(key);
    const last = this.last(after);
    const item = last && itemOf(last);
    if (turn !== undefined && item?.akTurn === turn) return last.after(...nodes);
    if (item !== last && beside(last, "nextSibling")) this.split(item, last);
    const next = item ? nextTo(item, "nextSibling") : this.root.firstChild?.firstChild;
    if (turn !== undefined && next?.akTurn === turn) next.prepend(...nodes);
    else this.put(turn === undefined ? nodes : [this.turn(turn, nodes)], item);
  }

  /** Puts rows or turns behind another, in its block unless that is full. */
  put(items, after) {
    let block = after?.parentNode ?? this.root.firstChild;
    if (!block || (after && !after.nextSibling && block.childNodes.length >= BLOCK)) {
      const fresh = h(".ak-block");
      if (block) block.after(fresh);
      else this.root.append(fresh);
      block = fresh;
    }
    const next = after?.parentNode === block ? after.nextSibling : block.firstChild;
    for (const each of items) block.insertBefore(each, next);
  }

  turn(number, nodes) {
    const name = { "data-turn": number, ariaLabel: `Turn ${number}`, akTurn: number };
    return h("article.ak-turn", name, nodes);
  }

  /** Puts the rows of a turn that come after one of them into a turn of their own. */
  split(turn, row) {
    const rest = [];
    while (row.nextSibling) {
      if (!row.nextSibling.akOwn) rest.push(row.nextSibling);
      row.nextSibling.remove();
    }
    this.put([this.turn(turn.akTurn, rest)], turn);
  }

  /** Takes a row out, and what held nothing else; turns that meet by that become one. */
  take(row) {
    const item = itemOf(row);
    if (item !== row) {
      row.remove();
      if ([...item.childNodes].some((node) => !node.akOwn)) return;
    }
    const [one, two] = ["previousSibling", "nextSibling"].map((side) => nextTo(item, side));
    this.drop(item);
    if (!isTurn(one) || one.akTurn !== two?.akTurn) return;
    lastIn(one).after(...[...two.childNodes].filter((node) => !node.akOwn));
    this.drop(two);
  }

  drop(item) {
    const block = item.parentNode;
    item.remove();
    if (!block.firstChild) block.remove();
  }

  /** Lets a text grow: `text` stands after its first `keep` characters, or at its end. */
  text(key, text, keep) {
    const slot = this.find(key);
    if (!slot) return;
    const first = slot.firstChild;
    const node = first && !first.akOwn ? first : document.createTextNode("");
    if (node !== first) slot.prepend(node);
    if (keep !== undefined) node.data = node.data.slice(0, keep);
    node.appendData(text);
  }
}
