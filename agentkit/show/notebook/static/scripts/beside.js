/**
 * Two rollouts beside each other: a way from difference to difference; of a comparison, branches
 * or samples, a panel below what was clicked with two of their conversations.
 */

/** A list of names to choose from. */
const choice = (label, names, chosen, choose, off = () => false) =>
  h(
    "select",
    { ariaLabel: label, onchange: (event) => choose(Number(event.target.value)) },
    names.map((textContent, value) =>
      h("option", { value, textContent, selected: value === chosen, disabled: off(value) }),
    ),
  );

/** Buttons that go through the rows that differ; the one gone to is marked. */
class Differences {
  constructor(within) {
    this.within = within;
    this.count = h("span.ak-facts", { role: "status" });
    this.node = h(
      "span.ak-goes",
      { role: "group", ariaLabel: "differences" },
      this.count,
      press(() => this.go(-1), { icon: "up", label: "Previous difference (P)" }),
      press(() => this.go(1), { icon: "down", label: "Next difference (N)" }),
    );
    own(this.node);
    this.tell(-1);
  }

  get rows() {
    return [...this.within.querySelectorAll("tr.ak-apart")];
  }

  tell(at) {
    const { length } = this.rows;
    this.at = at;
    this.node.hidden = !length;
    this.count.textContent = at < 0 ? "" : `${at + 1} of ${length}`;
  }

  go(step) {
    const rows = this.rows;
    if (!rows.length) return;
    if (rows[this.at]) rows[this.at].ariaCurrent = null;
    this.tell((Math.max(this.at, step < 0 ? 0 : -1) + step + rows.length) % rows.length);
    rows[this.at].ariaCurrent = "true";
    rows[this.at].scrollIntoView({ block: "nearest" });
  }

  /** Whether the key went to one. */
  key(event) {
    if (isShortcut(event) || isTyped(event)) return false;
    const step = { n: 1, p: -1 }[event.key];
    if (step) this.go(step);
    return Boolean(step);
  }
}

/** A panel with what the kernel answers to `action`; `asked` has the samples of each side. */
class Pair {
  constructor(live, given, close) {
    const { action = "open", prompt, left, right, sample = 0, asked = [], title, about } = given;
    Object.assign(this, { live, action, asks: { prompt, left, right, sample } });
    this.body = h(".ak-scrolls", { tabIndex: 0, role: "region" });
    this.body.ariaLabel = `${title}, two conversations`;
    this.differences = new Differences(this.body);
    const side = (which) =>
      choice(
        `${which} side`,
        live.state.sides,
        given[which],
        (i) => this.show({ [which]: i }),
        (i) => asked[i] === 0,
      );
    const most = Math.max(1, ...asked);
    const samples = Array.from({ length: most }, (_, i) => `sample ${i}`);
    const both = action === "open";
    this.node = h(
      ".ak-pair",
      h(
        ".ak-bar.ak-pairhead",
        h("strong", title),
        h("span.ak-cut", about),
        both ? h("span.ak-goes", side("left"), "beside", side("right")) : null,
        both && most > 1
          ? choice("sample", samples, sample, (i) => this.show({ sample: i }))
          : null,
        this.differences.node,
        press(close, { icon: "close", label: "Close (Escape)" }),
      ),
      this.body,
    );
    this.show({});
  }

  show(change) {
    Object.assign(this.asks, change);
    this.key = String(Object.values(this.asks));
    this.live.send(this.action, this.asks);
  }

  /** Takes what was asked for, unless something else was asked for since. */
  draw({ key, html }) {
    if (String(key) !== this.key) return;
    this.body.replaceChildren(nodesOf(html));
    this.body.scrollTop = 0;
    this.body.querySelector(".ak-broken")?.scrollIntoView({ block: "center" });
    this.differences.tell(-1);
  }
}

/** What opens two conversations: cells of a comparison and its cards, branches, ways of samples. */
class Openers {
  constructor(live) {
    this.live = live;
    live.rows.addEventListener("click", ({ target, clientX }) => {
      const cell = target.closest(".ak-cell");
      if (cell) return this.open(cell);
      const strip = target.closest(".ak-strip");
      if (strip) this.prompt(strip, clientX);
    });
    live.rows.addEventListener("keydown", (event) => this.key(event));
  }

  all(selector) {
    return [...this.live.rows.querySelectorAll(selector)];
  }

  /** Makes it open what is given. */
  opens(cell, given) {
    cell.classList.add("ak-cell");
    cell.ariaExpanded = "false";
    return own(cell, { given });
  }

  dress() {
    const { asked, acts = [], ways, sides } = this.live.state;
    dress(this.live.rows, acts);
    if (asked) this.matrix();
    this.all(".ak-bands").forEach((svg) => svg.setAttribute("role", "group"));
    this.all(".ak-bands g").forEach((box, i) => {
      const way = ways?.[i] ?? [];
      const other = sides?.findIndex((_, sample) => !way.includes(sample)) ?? -1;
      if (!way.length || box.given) return;
      const [left, right] = [way[0], other < 0 ? (way[1] ?? way[0]) : other];
      const label = `${box.querySelector("text").textContent}: open beside another sample`;
      box.setAttribute("role", "button");
      box.setAttribute("tabindex", 0);
      box.ariaLabel = label;
      this.opens(box, { left, right, title: "Samples" }).akOwn = false;
    });
    for (const todo of this.all(".ak-todo:not(:has(button))")) {
      const text = todo.querySelector("span").textContent;
      todo.append(own(press(() => copied(text), { icon: "copy", label: "Copy what to do" })));
    }
  }

  /** Gives each cell of the matrix its button, and the head its filter. */
  matrix() {
    const { asked, sides } = this.live.state;
    for (const cell of this.all("td[data-key^='cell-']:not(:has(.ak-cell))")) {
      const [prompt, side] = cell.dataset.key.split("-").slice(1).map(Number);
      const other = asked[prompt].findIndex((samples, i) => samples && i !== side);
      const [left, right] = [side, other < 0 ? side : other].sort((a, b) => a - b);
      const title = `Prompt ${prompt}`;
      const about = cell.parentNode.querySelector("th code").textContent;
      const button = h("button", { type: "button", tabIndex: this.all(".ak-cell")[0] ? -1 : 0 });
      const label = `prompt ${prompt}, ${sides[side]}: open beside another side`;
      button.ariaLabel = label;
      cell.append(this.opens(button, { prompt, left, right, title, about, asked: asked[prompt] }));
    }
    this.filter();
  }

  filter() {
    const bar = this.live.rows.querySelector(".ak-head .ak-bar");
    const rows = this.all(".ak-matrix tbody > tr:has(> th)");
    const calm = rows.filter((row) => !row.querySelector(".ak-of-broken, .ak-of-changed"));
    if (!bar || bar.querySelector(".ak-only") || !calm.length || calm.length === rows.length)
      return;
    const only = press(
      () => {
        const on = only.getAttribute("aria-pressed") !== "true";
        only.ariaPressed = on;
        for (const row of calm) row.hidden = on;
        this.live.say(`${rows.length - (on ? calm.length : 0)} prompts`);
      },
      { icon: "filter", word: "Only what went wrong", kind: "ak-line ak-only" },
    );
    only.ariaPressed = "false";
    bar.querySelector(".ak-chips, .ak-status")?.before(own(only));
  }

  /** Opens the prompt whose mark in the strip of a card was clicked. */
  prompt(strip, x) {
    const { left, width } = strip.getBoundingClientRect();
    const rows = this.all(".ak-matrix tbody > tr:has(> th)");
    const row = rows[Math.floor(((x - left) / width) * Object.keys(this.live.state.asked).length)];
    const cell = row?.querySelector(".ak-cell");
    if (cell && cell !== this.cell) this.open(cell);
    focusOn(cell);
  }

  open(cell) {
    const again = this.cell === cell;
    this.close();
    if (again) return;
    this.cell = cell;
    cell.ariaExpanded = "true";
    const given = cell.given ?? JSON.parse(cell.dataset.args);
    this.pair = new Pair(this.live, given, () => this.close(true));
    const row = cell.closest("tr");
    // in the table below its row; of a picture, whose lines it would cut, below all of it
    const below = cell.closest(".ak-lanes, .ak-bands, .ak-ways");
    this.panel = below
      ? h(".ak-opened", this.pair.node)
      : h("tr.ak-opened", h("td", { colSpan: row.cells.length }, h("div", this.pair.node)));
    (below ?? row).after(own(this.panel));
    (row ?? cell).scrollIntoView({ block: "nearest" });
  }

  close(focus) {
    this.panel?.remove();
    this.cell?.setAttribute("aria-expanded", "false");
    if (focus) this.cell?.focus();
    this.pair = this.cell = this.panel = null;
  }

  key(event) {
    const { key, target } = event;
    const cell = target.closest(".ak-cell");
    if (this.panel?.contains(target)) {
      if (key === "Escape") this.close(true);
      else if (!this.pair.differences.key(event)) return;
    } else if (cell?.nodeName === "g" && /^(Enter| )$/.test(key)) this.open(cell);
    else if (!cell?.closest(".ak-matrix") || !this.move(cell, key)) return;
    event.preventDefault();
  }

  /** Goes to the next cell of the matrix in a direction. */
  move(cell, key) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[key];
    if (!step) return false;
    const place = cell.parentNode;
    const cells = this.all(".ak-matrix .ak-cell").filter((each) => each.offsetParent);
    const of = /Left|Right/.test(key) ? "parentNode" : "cellIndex";
    const line = cells.filter((each) => each.parentNode[of] === place[of]);
    const next = line[line.indexOf(cell) + step];
    if (!next) return true;
    for (const each of cells) each.tabIndex = each === next ? 0 : -1;
    next.focus();
    return true;
  }
}

PARTS.push((live) => {
  live.root.classList.add("ak-sides");
  const openers = new Openers(live);
  let differences = null;
  return {
    state: () => {
      if (live.state.sides) return openers.dress();
      const bar = live.rows.querySelector(".ak-head .ak-bar");
      if (!bar || differences) return;
      live.rows.classList.add("ak-scrolls");
      differences = new Differences(live.rows);
      bar.append(differences.node);
    },
    message: (message) => {
      if (message.type === "pair") openers.pair?.draw(message);
    },
    keydown: (event) => {
      if (differences?.key(event)) event.preventDefault();
    },
  };
});
