/**
 * What the scripts of a view add to a place where it is shown: `PARTS.push((live) => part)`.
 * Live is where a part draws, the last state, and how it asks: root, rows, state, arrays,
 * send(action, args), ask(action, args), row(key), fail(message, hint), say(text, seen),
 * rest(node), kernel() where a host tells. A part may have
 * state(state, arrays), message(message, arrays), op(name, ...args), drawn(keys, rows),
 * keydown(event), dispose().
 * @type {((live: Live) => Part)[]}
 */
const PARTS = [];

/** What acts, and so is of no use without a kernel; folds, copies and links work on. */
const CONTROLS =
  "button:not(.ak-copy, .ak-close), input, select, textarea, [contenteditable], " +
  '[role="button"], [role="tab"], [role="option"], [role="treeitem"], [role="menuitem"]';

/** Shows a view in an element; `post` speaks to the kernel. */
function mount(el, post, kernel = () => undefined) {
  const root = h(".ak-root.ak-live.tex2jax_ignore.mathjax_ignore", {
    tabIndex: -1,
  });
  const list = h(".ak-rows");
  const alerts = h(".ak-alerts", { role: "alert" });
  const spoken = h(".ak-away", { ariaLive: "polite" });
  const toast = h(".ak-toast.ak-over", { popover: "manual", ariaHidden: "true" });
  root.append(alerts, list, spoken, toast);
  const rows = new Rows(list, (row) => {
    offerCopies(row);
    texts.more(row);
    fresh.push(row);
  });
  /** The rows that are new or changed since the parts were told. @type {ChildNode[]} */
  let fresh = [];
  let ended = "";
  let asked = 0;
  const waiting = new Map();
  const unsee = later(() => toast.isConnected && toast.togglePopover(false), 4000);
  /** Does something and keeps the focus in the view: the next letter is not the notebook's. */
  const keepingFocus = (act) => {
    const had = root.contains(document.activeElement);
    act();
    if (had && !root.contains(document.activeElement)) focusOn(root);
  };

  /** @type {Live} */
  const live = {
    root,
    rows: list,
    state: {},
    arrays: [],
    kernel,
    send: (action, args = {}) => post({ type: "do", action, arguments: args }),
    /** @returns {Promise<any>} what the kernel replies; where it fails, `failed` is told why */
    ask: (action, args = {}, failed = undefined) =>
      new Promise((resolve) => {
        asked -= 1; // no part's own question has such a number
        waiting.set(asked, { resolve, failed });
        live.send(action, { ...args, ask: asked });
      }),
    row: (key) => rows.find(key),
    say: (text, seen = false) => {
      spoken.textContent = text;
      toast.textContent = seen ? text : "";
      if (toast.isConnected) toast.togglePopover(seen);
      unsee();
    },
    fail: (message, hint = "") => {
      const said = [h("strong", message), h("span", hint)];
      const close = press(() => keepingFocus(() => alerts.replaceChildren()), {
        icon: "close",
        label: "dismiss this error",
        kind: "ak-close",
      });
      alerts.replaceChildren(h(".ak-alert", said, close));
    },
  };
  /** Lets what acts in a node do nothing any more, once there is no kernel; it may come later. */
  live.rest = (node) => {
    for (const control of ended ? node.querySelectorAll(CONTROLS) : []) {
      control.ariaDisabled = "true";
      control.ariaDescription = ended;
      if ("readOnly" in control) control.readOnly = true;
    }
  };
  const texts = longTexts(live);
  list.addEventListener("click", (event) => copyBeside(event, live.say, texts.source));
  hearControls(live);
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

  function draw(ops, arrays) {
    if (arrays.length) live.arrays = arrays;
    keepingFocus(() => {
      for (const [name, ...args] of ops)
        if (OPS[name]) OPS[name](...args);
        else all("op", name, ...args);
      const keys = ops.map(([, key]) => key);
      const drawn = fresh;
      fresh = [];
      all("drawn", keys, drawn);
      all("state", live.state, arrays);
    });
  }

  /** Goes still: says why, and what acts does nothing any more. */
  function end(why) {
    if (ended) return;
    ended = why;
    root.classList.add("ak-gone");
    live.state = { ...live.state, gone: true };
    all("state", live.state, live.arrays);
    root.prepend(h("p.ak-ended", { role: "status", textContent: ended }));
    live.rest(root);
  }

  const still = (event) => {
    const control = event.target.closest?.(`summary, .ak-copy, .ak-close, ${CONTROLS}`);
    if (!ended || event.key === "Tab" || !control?.matches(CONTROLS)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const kinds = ["click", "dblclick", "pointerdown", "mousedown", "keydown", "input", "change"];
  for (const kind of kinds) root.addEventListener(kind, still, true);
  /** Keys with which a word is composed are those of the field alone. */
  const composing = (event) => event.isComposing && event.stopPropagation();
  root.addEventListener("keydown", composing, true);
  root.addEventListener("keydown", (event) => ended || all("keydown", event));
  const hush = (event) => {
    const saves = (event.ctrlKey || event.metaKey) && event.key === "s";
    if (root.contains(event.target)) event.target.toggleAttribute(QUIET, !saves);
  };
  window.addEventListener("keydown", hush, true);
  el.append(root);
  return {
    draw,
    end,
    fail: live.fail,
    message: (message, arrays) => {
      if (message.type === "failed") live.fail(message.message, message.hint);
      if (message.type === "say") live.say(message.text, true);
      const question = waiting.get(message.ask);
      waiting.delete(message.ask);
      if (!question) all("message", message, arrays);
      else if (message.type === "failed") question.failed?.(message.message);
      else question.resolve(message);
    },
    dispose: () => {
      window.removeEventListener("keydown", hush, true);
      all("dispose");
    },
  };
}

export default { tell: (model, early) => new Story(model, early) };
