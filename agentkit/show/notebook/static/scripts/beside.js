/**
 * Two rollouts beside each other: a way from difference to difference; of a comparison, a panel
 * below the row of a prompt with two of its conversations.
 */

/** Buttons that go through the rows that differ; the one gone to is marked. */
class Differences {
  constructor(within) {
    this.within = within;
    this.at = -1;
    this.count = h("span", { className: "ak-facts", role: "status" });
    this.node = h(
      "span",
      { className: "ak-goes", role: "group", "aria-label": "differences" },
      this.count,
      press(() => this.go(-1), { icon: "up", label: "Previous difference (P)" }),
      press(() => this.go(1), { icon: "down", label: "Next difference (N)" }),
    );
    this.node.akOwn = true;
    this.tell();
  }

  get rows() {
    return [...this.within.querySelectorAll("tr.ak-apart")];
  }

  tell() {
    const { length } = this.rows;
    this.node.hidden = !length;
    this.count.textContent = this.at < 0 ? `${length} places` : `${this.at + 1} of ${length}`;
  }

  go(step) {
    const rows = this.rows;
    if (!rows.length) return;
    rows[this.at]?.removeAttribute("aria-current");
    this.at = this.at < 0 && step < 0 ? rows.length - 1 : this.at + step;
    this.at = (this.at + rows.length) % rows.length;
    rows[this.at].setAttribute("aria-current", "true");
    rows[this.at].scrollIntoView({ block: "nearest" });
    this.tell();
  }

  /** Whether the key went to one. */
  key({ key, ctrlKey, metaKey, altKey, target }) {
    if (ctrlKey || metaKey || altKey || /SELECT|INPUT/.test(target.nodeName)) return false;
    const step = { n: 1, p: -1 }[key];
    if (step) this.go(step);
    return Boolean(step);
  }
}

/** Two conversations below a row: `asked` has the samples of each side, `title` what they share. */
class Pair {
  constructor(live, row, { prompt, asked, title, about, left, right, close }) {
    Object.assign(this, { live, prompt, left, right, sample: 0 });
    const { sides } = live.state;
    const choose = (which) =>
      h(
        "select",
        {
          "aria-label": `${which} side`,
          onchange: (event) => this.show({ [which]: Number(event.target.value) }),
        },
        sides.map((name, i) =>
          h("option", {
            value: i,
            textContent: name,
            selected: this[which] === i,
            disabled: !asked[i],
          }),
        ),
      );
    const most = Math.max(...asked);
    this.body = h("div", { className: "ak-scrolls", tabIndex: 0, role: "region" });
    this.body.setAttribute("aria-label", `${title}, two conversations`);
    this.differences = new Differences(this.body);
    const head = h(
      "div",
      { className: "ak-bar ak-pairhead" },
      h("strong", { textContent: title }),
      h("span", { className: "ak-cut", textContent: about }),
      h("span", { className: "ak-goes" }, choose("left"), "beside", choose("right")),
      most > 1
        ? h(
            "select",
            {
              "aria-label": "sample",
              onchange: (event) => this.show({ sample: Number(event.target.value) }),
            },
            Array.from({ length: most }, (_, i) =>
              h("option", { value: i, textContent: `sample ${i}` }),
            ),
          )
        : null,
      this.differences.node,
      press(close, { icon: "close", label: "Close (Escape)" }),
    );
    const pair = h("div", { className: "ak-pair" }, head, this.body);
    // in the table below its row; of lanes, whose lines it would cut, below all of them
    const lanes = row.closest(".ak-lanes");
    this.node = lanes
      ? h("div", { className: "ak-opened" }, pair)
      : h(
          "tr",
          { className: "ak-opened" },
          h("td", { colSpan: row.cells.length }, h("div", {}, pair)),
        );
    this.node.akOwn = true;
    (lanes ?? row).after(this.node);
    row.scrollIntoView({ block: "nearest" });
    this.show({});
  }

  show(change) {
    Object.assign(this, change);
    const { prompt, left, right, sample } = this;
    this.key = String([prompt, left, right, sample]);
    this.live.send("open", { prompt, left, right, sample });
  }

  /** Takes what was asked for, unless something else was asked for since. */
  draw({ key, html }) {
    if (String(key) !== this.key) return;
    this.body.replaceChildren(nodesOf(html));
    this.body.scrollTop = 0;
    this.differences.at = -1;
    this.differences.tell();
  }
}

/** The cells of a comparison, or the branches of a tree, which open what they tell of. */
class Matrix {
  constructor(live) {
    this.live = live;
    live.rows.addEventListener("click", (event) => this.open(event.target.closest(".ak-cell")));
    live.rows.addEventListener("keydown", (event) => this.key(event));
  }

  /** Gives each branch a button beside its reward: against the one it left. */
  lanes() {
    const { sides, parents } = this.live.state;
    this.live.rows.querySelectorAll("tr[data-key^='branch-']").forEach((row) => {
      const side = sides.indexOf(row.dataset.key.slice(7));
      const from = parents[side];
      if (from === side || row.querySelector("button")) return;
      const label = `Diff of ${sides[from]} and ${sides[side]}`;
      const button = press(undefined, { word: "Diff", label, kind: "ak-cell" });
      button.setAttribute("aria-expanded", "false");
      Object.assign(button, { akOwn: true, side, from });
      row.lastElementChild.append(button);
    });
  }

  /** Gives each cell its button, and the head its filter. */
  dress() {
    const cells = this.live.rows.querySelectorAll("td[data-key^='cell-']");
    for (const cell of cells) {
      if (cell.querySelector(".ak-cell")) continue;
      const [prompt, side] = cell.dataset.key.split("-").slice(1).map(Number);
      const button = h("button", {
        type: "button",
        className: "ak-cell",
        tabIndex: cell === cells[0] ? 0 : -1,
        "aria-expanded": "false",
        "aria-label": `prompt ${prompt}, ${this.live.state.sides[side]}: open beside another side`,
      });
      Object.assign(button, { akOwn: true, prompt, side });
      cell.append(button);
    }
    for (const todo of this.live.rows.querySelectorAll(".ak-todo")) {
      if (todo.querySelector("button")) continue;
      const text = todo.querySelector("span").textContent;
      const copy = press(() => copied(text), { icon: "copy", label: "Copy what to do" });
      todo.append(Object.assign(copy, { akOwn: true }));
    }
    this.filter();
  }

  filter() {
    const bar = this.live.rows.querySelector(".ak-head .ak-bar");
    const rows = [...this.live.rows.querySelectorAll(".ak-matrix tbody tr")].slice(1);
    const calm = rows.filter((row) => !row.querySelector(".ak-of-broken, .ak-of-changed"));
    if (!bar || bar.querySelector(".ak-only") || !calm.length || calm.length === rows.length)
      return;
    const only = press(
      () => {
        const on = only.getAttribute("aria-pressed") !== "true";
        only.setAttribute("aria-pressed", String(on));
        for (const row of calm) row.hidden = on;
        this.live.say(`${rows.length - (on ? calm.length : 0)} prompts`);
      },
      { icon: "filter", word: "Only what went wrong", kind: "ak-line ak-only" },
    );
    only.setAttribute("aria-pressed", "false");
    only.akOwn = true;
    bar.querySelector(".ak-chips, .ak-status")?.before(only);
  }

  open(cell) {
    if (!cell) return;
    const again = this.cell === cell;
    this.close();
    if (again) return;
    this.cell = cell;
    cell.setAttribute("aria-expanded", "true");
    const row = cell.closest("tr");
    const close = () => this.close(true);
    if (cell.from !== undefined) {
      const [left, right, asked] = [cell.from, cell.side, this.live.state.sides.map(() => 1)];
      this.pair = new Pair(this.live, row, {
        asked,
        title: "Branches",
        about: "",
        left,
        right,
        close,
      });
      return;
    }
    const asked = this.live.state.asked[cell.prompt];
    const other = asked.findIndex((samples, i) => samples && i !== cell.side);
    const sides = [cell.side, other < 0 ? cell.side : other].sort((a, b) => a - b);
    this.pair = new Pair(this.live, row, {
      prompt: cell.prompt,
      asked,
      title: `Prompt ${cell.prompt}`,
      about: row.querySelector("th code").textContent,
      left: sides[0],
      right: sides[1],
      close,
    });
  }

  close(focus) {
    this.pair?.node.remove();
    this.pair = null;
    this.cell?.setAttribute("aria-expanded", "false");
    if (focus) this.cell?.focus();
    this.cell = null;
  }

  key(event) {
    const { key, target } = event;
    if (this.pair?.node.contains(target)) {
      if (key === "Escape") this.close(true);
      else if (!this.pair.differences.key(event)) return;
      return event.preventDefault();
    }
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
      key
    ];
    if (!step || !target.matches?.(".ak-cell")) return;
    event.preventDefault();
    const cells = [...this.live.rows.querySelectorAll(".ak-cell")].filter((c) => c.offsetParent);
    const line = (c) => c.side === target.side;
    const found = step[0] ? cells.filter((c) => c.prompt === target.prompt) : cells.filter(line);
    const next = found[found.indexOf(target) + step[0] + step[1]];
    if (!next) return;
    for (const cell of cells) cell.tabIndex = cell === next ? 0 : -1;
    next.focus();
  }
}

PARTS.push((live) => {
  live.root.classList.add("ak-sides");
  const matrix = new Matrix(live);
  let differences = null;
  return {
    state: () => {
      if (live.state.parents) return matrix.lanes();
      if (live.state.sides) return matrix.dress();
      const bar = live.rows.querySelector(".ak-head .ak-bar");
      if (!bar || differences) return;
      live.rows.classList.add("ak-scrolls");
      differences = new Differences(live.rows);
      bar.append(differences.node);
    },
    message: (message) => {
      if (message.type === "pair") matrix.pair?.draw(message);
    },
    keydown: (event) => {
      if (differences?.key(event)) event.preventDefault();
    },
  };
});
