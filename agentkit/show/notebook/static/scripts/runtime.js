/**
 * The page's half of a LiveView: it says `ready`, takes one `reset`, then numbered `delta`s, and
 * says `ready` again after a gap. A script that follows it in the same module may add to it:
 * PARTS.push((live) => ({state, message, keydown, dispose})), each optional.
 *
 * @typedef {{
 *   root: HTMLElement, rows: HTMLElement, state: Object<string, any>, arrays: ArrayBuffer[],
 *   send: (action: string, args?: object) => void,
 *   fail: (message: string, hint?: string) => void, say: (text: string) => void,
 * }} Live  What a part is given: where it draws, the last state, and how it asks for something.
 * @typedef {{
 *   state?: (state: Object<string, any>, arrays: ArrayBuffer[]) => void,
 *   message?: (message: any, arrays: ArrayBuffer[]) => void,
 *   op?: (name: string, ...args: any[]) => void, drawn?: (keys: string[]) => void,
 *   keydown?: (event: KeyboardEvent) => void, dispose?: () => void,
 * }} Part
 */

/** @type {((live: Live) => Part)[]} */
const PARTS = [];

const TAGS = new Set(
  (
    "SECTION HEADER DIV DL DT DD P STRONG SMALL SPAN CODE PRE UL OL LI DETAILS SUMMARY " +
    "TABLE CAPTION THEAD TBODY TR TH TD"
  ).split(" "),
);
const ATTRIBUTES = new Set("title dir open aria-hidden data-key colspan scope".split(" "));
const SVG = "http://www.w3.org/2000/svg";
const SHAPES = new Set("svg rect path text title".split(" "));
const SHAPED = new Set(
  (
    "viewBox role aria-label x y width height rx d fill stroke stroke-width stroke-dasharray " +
    "text-anchor font-size"
  ).split(" "),
);

/**
 * The notebook leaves alone the keys of an element that has this attribute; it looks at the focused
 * element before it looks at its parents.
 */
const QUIET = "data-lm-suppress-shortcuts";

/**
 * An element with properties, attributes (those with a dash, and role) and children; text is text.
 * @returns {HTMLElement}
 */
function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Markup as nodes of the allowed kinds only; it is parsed where nothing loads and nothing runs. */
function nodesOf(html) {
  const made = document.createDocumentFragment();
  for (const child of new DOMParser().parseFromString(`<body>${html}`, "text/html").body.childNodes)
    admit(child, made);
  return made;
}

/** Copies a node if it is allowed; of one that is not, only its text stays. */
function admit(node, into) {
  if (node.nodeType === Node.TEXT_NODE) into.append(node.data);
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const shape = node.namespaceURI === SVG;
  if (!(shape ? SHAPES : TAGS).has(node.nodeName)) return void into.append(node.textContent);
  const made = shape
    ? document.createElementNS(SVG, node.nodeName)
    : document.createElement(node.nodeName);
  for (const { name, value } of node.attributes) {
    if ((shape ? SHAPED : ATTRIBUTES).has(name) && !(shape && value.includes("(")))
      made.setAttribute(name, value);
  }
  const names = [...node.classList].filter((name) => /^(ak-[\w-]+|fold|raw)$/.test(name));
  if (names.length) made.setAttribute("class", names.join(" "));
  for (const child of node.childNodes) admit(child, made);
  into.append(made);
}

/** Makes one node like another and keeps what the reader did to it: folds, focus, selection. */
function morph(was, now) {
  if (was.nodeName !== now.nodeName) return was.replaceWith(now);
  if (was.nodeType === Node.TEXT_NODE) return void (was.data === now.data || (was.data = now.data));
  for (const { name, value } of now.attributes)
    if (name !== "open" && was.getAttribute(name) !== value) was.setAttribute(name, value);
  for (const { name } of [...was.attributes])
    if (name !== "open" && name !== QUIET && !now.hasAttribute(name)) was.removeAttribute(name);
  const old = [...was.childNodes].filter((node) => !node.akOwn);
  const fresh = [...now.childNodes];
  fresh.forEach((node, i) => (old[i] ? morph(old[i], node) : was.append(node)));
  old.slice(fresh.length).forEach((node) => node.remove());
}

/** The bytes of a buffer as they were sent; a DataView need not begin where its buffer does. */
const bytesOf = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);

/** A message's operations: in it, or packed into its first buffer. @returns {Promise<any[]>} */
async function opsOf(message, arrays) {
  if (message.ops) return message.ops;
  const packed = new Blob([arrays.shift()])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(packed).text());
}

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

/** A button that copies the text of what it stands in. */
function copyButton(pre) {
  const button = h("button", {
    className: "ak-copy",
    type: "button",
    textContent: "copy",
    "aria-label": "copy this text",
  });
  button.akOwn = true;
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    const text = [...pre.childNodes]
      .filter((node) => !node.akOwn)
      .map((node) => node.textContent)
      .join("");
    button.textContent = (await copied(text)) ? "copied" : "not allowed";
    setTimeout(() => {
      button.textContent = "copy";
    }, 1500);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { value: text, "aria-hidden": "true", className: "ak-away" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

/** Texts that can be copied get their button when pointed at, or when their fold is opened. */
function offerCopies(rows) {
  const offer = (pre) => {
    if (![...pre.childNodes].some((node) => node.akOwn)) pre.append(copyButton(pre));
  };
  rows.addEventListener("pointerover", (event) => {
    const pre = event.target.closest?.("pre");
    if (pre && rows.contains(pre)) offer(pre);
  });
  rows.addEventListener(
    "toggle",
    (event) => {
      if (event.target.open) event.target.querySelectorAll("pre").forEach(offer);
    },
    true,
  );
}

/** One displayed view of the model. */
function mount(model, el) {
  const root = h("div", {
    className: "ak-root ak-live tex2jax_ignore mathjax_ignore",
    tabIndex: -1,
  });
  const list = h("div", { className: "ak-rows" });
  const alerts = h("div", { className: "ak-alerts", role: "alert" });
  const spoken = h("div", { className: "ak-away", "aria-live": "polite" });
  root.append(alerts, list, spoken);
  const rows = new Rows(list);
  const view = Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36)).join(
    "",
  );
  let seq = -1;
  let asked = false;
  let queue = Promise.resolve();
  const post = (message) => {
    try {
      model.send({ ...message, view });
    } catch {
      /* the kernel is gone, and the view says so */
    }
  };
  const ready = () => {
    if (!asked) post({ type: "ready" });
    asked = true;
  };
  /** Does something and keeps the focus in the view: the next letter is not the notebook's. */
  const keepingFocus = (act) => {
    const had = root.contains(document.activeElement);
    act();
    if (had && !root.contains(document.activeElement)) root.focus({ preventScroll: true });
  };

  /** @type {Live} */
  const live = {
    root,
    rows: list,
    state: {},
    arrays: [],
    send: (action, args = {}) => post({ type: "do", action, arguments: args }),
    say: (text) => {
      spoken.textContent = text;
    },
    fail: (message, hint) => {
      const close = h("button", {
        type: "button",
        className: "ak-close",
        textContent: "×",
        "aria-label": "dismiss this error",
      });
      const alert = h(
        "div",
        { className: "ak-alert" },
        h("strong", { textContent: message }),
        hint ? h("span", { textContent: hint }) : null,
        close,
      );
      close.addEventListener("click", () => keepingFocus(() => alert.remove()));
      alerts.replaceChildren(alert);
    },
  };
  offerCopies(list);
  const parts = PARTS.map((part) => part(live));
  const all = (name, ...args) => parts.forEach((part) => part[name]?.(...args));

  const OPS = {
    set: (key, html) => rows.set(key, html),
    insert: (key, html, after) => rows.insert(key, html, after),
    remove: (key) => rows.remove(key),
    text: (key, text, keep) => rows.text(key, text, keep),
    rows: (given) => rows.reset(given),
    state: (state) => {
      live.state = { ...live.state, ...state };
    },
  };

  async function take(message, buffers) {
    if (message.to !== undefined && message.to !== view) return;
    const arrays = buffers.map(bytesOf);
    if (message.type === "failed") return live.fail(message.message, message.hint);
    if (message.type === "reset") {
      asked = false;
      root.classList.remove("ak-gone");
    } else if (message.type !== "delta") {
      return all("message", message, arrays);
    } else if (seq < 0 || message.seq <= seq) {
      return;
    } else if (message.seq !== seq + 1) {
      return ready();
    }
    const ops = await opsOf(message, arrays);
    seq = message.seq;
    if (arrays.length) live.arrays = arrays;
    keepingFocus(() => {
      for (const [name, ...args] of ops)
        if (OPS[name]) OPS[name](...args);
        else all("op", name, ...args);
      all(
        "drawn",
        ops.map(([, key]) => key),
      );
      all("state", live.state, arrays);
    });
  }

  const heard = (message, buffers = []) => {
    queue = queue
      .then(() => take(message, buffers))
      .catch((error) => live.fail(`this view cannot be drawn: ${error.message}`));
  };
  const lost = () => {
    root.classList.add("ak-gone");
    all("state", { ...live.state, gone: true }, live.arrays);
    asked = false;
    ready();
  };
  model.on("msg:custom", heard);
  model.on("comm_live_update", lost);
  root.addEventListener("keydown", (event) => all("keydown", event));
  const hush = (event) => {
    const saves = (event.ctrlKey || event.metaKey) && event.key === "s";
    if (root.contains(event.target)) event.target.toggleAttribute(QUIET, !saves);
  };
  window.addEventListener("keydown", hush, true);
  el.append(root);
  ready();
  return () => {
    model.off("msg:custom", heard);
    model.off("comm_live_update", lost);
    window.removeEventListener("keydown", hush, true);
    post({ type: "gone" });
    all("dispose");
  };
}

export default { render: ({ model, el }) => mount(model, el) };
