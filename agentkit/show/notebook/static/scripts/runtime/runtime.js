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
  const rows = new Rows(list, offerCopies);
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
  list.addEventListener("click", (event) => copyBeside(event, live.say));
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
