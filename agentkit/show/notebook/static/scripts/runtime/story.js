/**
 * What the kernel has told of a thing so far. A view that comes late is drawn from it, as a kernel
 * that is busy with the very cell that shows the view cannot be asked.
 */
class Story {
  /** @param {any} model  @param {any[][]} early  the messages that came before this script */
  constructor(model, early) {
    this.model = model;
    this.views = new Map();
    /** The number of the last message it knows; -1 where it does not know all there is. */
    this.seq = -1;
    this.asked = false;
    /** Why nothing more will come. */
    this.ended = "";
    this.queue = Promise.resolve();
    this.forget();
    for (const heard of early) this.hear(...heard);
    this.unwatch = watchKernel(model, (how) => this.end(how));
  }

  forget() {
    this.seq = -1;
    /** @type {Map<string, string>} */
    this.rows = new Map();
    /** What grew in the rows since they were set. @type {Map<string, [string, number?][]>} */
    this.texts = new Map();
    this.state = {};
    this.arrays = [];
    /** The operations of the view's own script, the last of each. @type {Map<string, any[]>} */
    this.own = new Map();
  }

  post(message) {
    if (this.ended) return;
    try {
      this.model.send(message);
    } catch {
      this.end("gone");
    }
  }

  /** Asks for all there is. */
  ask(view) {
    if (this.asked) return;
    this.asked = true;
    this.post({ type: "ready", view });
    unlessAnswered(this.model, () => this.asked && this.end("gone"));
  }

  hear(message, buffers = []) {
    this.after(() => this.take(message, buffers.map(bytesOf)));
  }

  after(act) {
    this.queue = this.queue.then(act).catch((error) => {
      for (const view of this.views.values())
        view.fail(`this view cannot be drawn: ${error.message}`);
    });
  }

  async take(message, arrays) {
    const { type, seq, to } = message;
    if (to !== undefined && !this.views.has(to)) return;
    const those = to === undefined ? [...this.views.values()] : [this.views.get(to)];
    if (type === "who") {
      return this.views.forEach((_, view) => this.post({ type: "here", view }));
    } else if (type === "reset") {
      this.forget();
      this.asked = false;
    } else if (type !== "delta") {
      return those.forEach((view) => view.message(message, arrays));
    } else if (this.seq < 0 || seq <= this.seq) {
      return;
    } else if (seq !== this.seq + 1) {
      this.forget();
      return this.views.size ? this.ask([...this.views.keys()][0]) : undefined;
    }
    const ops = await opsOf(message, arrays);
    for (const op of ops) this.keep(...op);
    this.seq = seq;
    if (arrays.length) this.arrays = arrays;
    for (const view of this.views.values()) view.draw(ops, arrays);
  }

  /** Does to what is known what an operation does to a page. */
  keep(name, key, ...args) {
    if (name === "rows") this.rows = new Map(key);
    else if (name === "state") this.state = { ...this.state, ...key };
    else if (name === "text") this.grow(key, ...args);
    else if (name === "set" || name === "remove" || name === "insert") {
      for (const slot of this.texts.keys())
        if (slot === key || slot.startsWith(`${key}/`)) this.texts.delete(slot);
      if (name === "set") this.rows.set(key, args[0]);
      else if (name === "remove") this.rows.delete(key);
      else this.insert(key, ...args);
    } else {
      const slot = JSON.stringify(args.length ? [name, key] : [name]);
      this.own.delete(slot); // what comes later may rest on what came since
      this.own.set(slot, [name, key, ...args]);
    }
  }

  insert(key, html, after) {
    this.rows.delete(key);
    let last = null;
    for (last of this.rows.keys());
    if (after === last) return void this.rows.set(key, html);
    const rows = [...this.rows];
    rows.splice(rows.findIndex(([each]) => each === after) + 1, 0, [key, html]);
    this.rows = new Map(rows);
  }

  grow(slot, text, keep) {
    const grown = this.texts.get(slot) ?? [];
    if (grown.length && keep === undefined) grown.at(-1)[0] += text;
    else grown.push(keep === undefined ? [text] : [text, keep]);
    this.texts.set(slot, grown);
  }

  /** The operations that draw all there is. */
  whole() {
    const grown = [...this.texts].flatMap(([slot, texts]) =>
      texts.map((text) => ["text", slot, ...text]),
    );
    return [["rows", [...this.rows]], ["state", this.state], ...this.own.values(), ...grown];
  }

  /** Draws a view from now on, and returns what ends that. */
  show(el) {
    const name = Array.from(crypto.getRandomValues(new Uint32Array(2)), (n) => n.toString(36));
    const id = name.join("");
    const kernel = () => sessionOf(this.model)?.session?.kernel;
    const view = mount(el, (message) => this.post({ ...message, view: id }), kernel);
    this.after(() => {
      this.views.set(id, view);
      if (this.seq >= 0) {
        view.draw(this.whole(), this.arrays);
        this.post({ type: "shown", view: id, seq: this.seq });
      } else if (!this.ended) {
        this.ask(id);
      }
      if (this.ended) view.end(this.ended);
    });
    return () => {
      this.post({ type: "gone", view: id });
      this.after(() => this.views.delete(id));
      view.dispose();
    };
  }

  /** Takes note that the kernel is no more. */
  end(how) {
    this.after(() => {
      this.ended ||= this.seq < 0 ? unseen(this.model.get("counted")) : lastSeen(how);
      this.views.forEach((view) => view.end(this.ended));
    });
  }
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
