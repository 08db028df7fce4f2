/**
 * The heatmap of `ak.tokens`: a span a token in blocks of 500, drawn from columns of numbers; what
 * a metric looks like is a class, so that a switch is free.
 */
const TOKENS_A_BLOCK = 500;

/** How many of the rising limits a value has reached; 5 for a value that is not known. */
function stepOf(value, limits) {
  if (value !== value) return 5;
  let step = 0;
  while (step < limits.length && value >= limits[step]) step++;
  return step;
}

const unpacked = (buffer) =>
  new Response(
    new Blob([buffer]).stream().pipeThrough(new DecompressionStream("deflate")),
  ).arrayBuffer();

/** The columns of a heatmap, as Python laid them out. */
async function columnsOf(arrays) {
  const [table, which, logprobs, entropies, flags, sizes] = await Promise.all(arrays.map(unpacked));
  return {
    table: JSON.parse(new TextDecoder().decode(table)),
    which: new Uint32Array(which),
    logprobs: new Float32Array(logprobs),
    entropies: new Float32Array(entropies),
    flags: new Uint8Array(flags),
    sizes: new Uint32Array(sizes),
  };
}

const percent = (logprob) => {
  const value = 100 * Math.exp(Math.min(0, logprob));
  return value < 0.01 ? "<0.01 %" : `${Number(value.toPrecision(value < 1 ? 2 : 3))} %`;
};

class Heatmap {
  constructor(live) {
    this.live = live;
    this.at = -1;
    this.bar = h("div", { className: "ak-metrics", role: "toolbar", "aria-label": "tokens" });
    this.told = h("div", { className: "ak-told", role: "status" });
    this.map = h("div", {
      className: "ak-map",
      tabIndex: 0,
      role: "group",
      "aria-label": "tokens; arrow keys move, n and p go to the unlikely ones",
    });
    live.root.classList.add("ak-heatmap");
    live.root.append(this.bar, this.told, this.map);
    this.map.addEventListener("pointerover", (event) => this.point(event.target));
    this.map.addEventListener("click", (event) => this.point(event.target));
    this.map.addEventListener("keydown", (event) => this.key(event));
    live.rows.addEventListener("click", (event) => this.jump(event.target.closest("tr[data-key]")));
    live.rows.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.jump(event.target.closest("tr[data-key]"));
    });
  }

  async draw(state, arrays) {
    this.state = state;
    this.columns = await columnsOf(arrays);
    this.unlikely = state.probabilities.map((limit) => -Math.log(limit));
    /** @type {Map<number, HTMLElement>} One element for each look, to be copied. */
    this.looks = new Map();
    const spans = (this.spans = new Array(this.columns.which.length));
    this.starts = [];
    this.controls(state);
    this.metric(state.metric);
    this.map.replaceChildren();
    let at = 0,
      room = 2 * TOKENS_A_BLOCK; // what is seen first is painted at once
    for (const [r, [title]] of state.runs.entries()) {
      this.starts.push(at);
      const size = this.columns.sizes[r];
      this.map.append(
        h(
          "div",
          { className: "ak-run" },
          h("strong", { textContent: title }),
          " ",
          h("small", { textContent: `${size.toLocaleString("en")} tokens` }),
        ),
      );
      for (let from = at; from < at + size; from += TOKENS_A_BLOCK) {
        if (room <= 0) {
          await new Promise(requestAnimationFrame);
          room = 8 * TOKENS_A_BLOCK;
        }
        if (this.spans !== spans) return; // others are to be drawn by now
        room -= TOKENS_A_BLOCK;
        this.map.append(this.block(from, Math.min(from + TOKENS_A_BLOCK, at + size)));
      }
      at += size;
    }
    this.text = null;
    for (const row of this.live.rows.querySelectorAll("tr[data-key]")) {
      row.tabIndex = 0;
      row.setAttribute("role", "button");
    }
  }

  /** Tokens in a row, each span of them under its name. */
  block(from, to) {
    const { table, which, logprobs, entropies, flags } = this.columns;
    const block = document.createElement("pre");
    block.className = "ak-block";
    let kind = -1;
    let into = block;
    for (let i = from; i < to; i++) {
      const flag = flags[i];
      if ((flag & 7) !== kind) {
        kind = flag & 7;
        const name = this.state.kinds[kind];
        into = block.appendChild(
          h("span", { className: `ak-k ak-of-${name}` }, h("small", { textContent: name })),
        );
      }
      const span = this.look(
        stepOf(-logprobs[i], this.unlikely),
        stepOf(entropies[i], this.state.entropies),
        flag & 16 ? 5 : flag & 8 ? 4 : 0,
      );
      const [text, id] = table[which[i]];
      span.append(text ?? `⟨${id ?? "?"}⟩`);
      this.spans[i] = span;
      into.appendChild(span);
    }
    return block;
  }

  look(logprob, entropy, mask) {
    const key = logprob + 8 * entropy + 64 * mask;
    let look = this.looks.get(key);
    if (!look)
      this.looks.set(
        key,
        (look = h("span", { className: `ak-t ak-l${logprob} ak-e${entropy} ak-m${mask}` })),
      );
    return look.cloneNode();
  }

  controls(state) {
    const choose = state.metrics.map((name) => {
      const button = h("button", { type: "button", textContent: name, "aria-pressed": "false" });
      button.addEventListener("click", () => this.metric(name));
      return button;
    });
    const field = h("input", {
      type: "search",
      placeholder: "search tokens",
      "aria-label": "search the text of the tokens",
    });
    this.count = h("small", { role: "status" });
    field.addEventListener("input", () => this.search(field.value));
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.next(event.shiftKey ? -1 : 1);
    });
    this.buttons = choose;
    this.legend = h("span", { className: "ak-legend" });
    this.bar.replaceChildren(...choose, this.legend, field, this.count);
  }

  metric(name) {
    this.shown = name;
    this.map.dataset.metric = name;
    this.buttons.forEach((button) =>
      button.setAttribute("aria-pressed", String(button.textContent === name)),
    );
    const said = this.state.meanings[name];
    const step = (i) => (name === "mask" ? 4 * i : i);
    this.legend.replaceChildren(
      ...said.flatMap((text, i) => [
        h("span", { className: `ak-t ak-s${step(i)}`, textContent: text }),
        " ",
      ]),
    );
  }

  point(target) {
    const span = target.closest(".ak-map .ak-t");
    if (span) this.tell(this.spans.indexOf(span));
  }

  /** Says what is known of a token, and asks for its alternatives. */
  tell(i, scroll = false) {
    if (i === this.at || !this.spans[i]) return;
    this.spans[this.at]?.classList.remove("ak-at");
    this.at = i;
    const { table, which, logprobs, entropies, flags } = this.columns;
    const [text, id] = table[which[i]];
    const r = this.starts.findLastIndex((start) => start <= i);
    const [title, offset] = this.state.runs[r];
    const words = [
      title,
      `position ${offset + i - this.starts[r]}`,
      this.state.kinds[flags[i] & 7],
    ];
    if (id !== null) words.push(`id ${id}`);
    if (!Number.isNaN(logprobs[i]))
      words.push(`logprob ${logprobs[i].toFixed(4)} (${percent(logprobs[i])})`);
    if (!Number.isNaN(entropies[i])) words.push(`entropy ${entropies[i].toFixed(3)} nats`);
    if (!(flags[i] & 16)) words.push(flags[i] & 8 ? "trained" : "not trained");
    this.more = h("span");
    this.told.replaceChildren(
      h("code", { textContent: text === null ? "text not known" : JSON.stringify(text) }),
      ` ${words.join(" · ")}`,
      this.more,
    );
    this.spans[i].classList.add("ak-at");
    if (scroll) this.spans[i].scrollIntoView({ block: "nearest" });
    if (!Number.isNaN(entropies[i])) this.live.send("ask", { index: i });
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const low = { n: 1, p: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      !(step || low || event.key === "Home" || event.key === "End")
    )
      return;
    event.preventDefault();
    let i =
      event.key === "Home"
        ? 0
        : event.key === "End"
          ? this.spans.length - 1
          : this.at + (step ?? low);
    const mark = { logprob: "l", entropy: "e", mask: "m" }[this.shown];
    const unlikely = (span) =>
      [2, 3, 4].some((level) => span.classList.contains(`ak-${mark}${level}`));
    if (low) while (this.spans[i] && !unlikely(this.spans[i])) i += low;
    this.tell(i, true);
  }

  jump(row) {
    const [, run, place] = row?.dataset.key.match(/^token-(\d+)-(\d+)$/) ?? [];
    if (run === undefined) return;
    this.tell(this.starts[run] + Number(place), true);
    this.map.focus({ preventScroll: true });
  }

  /** Marks where the text stands, across tokens. */
  search(text) {
    for (const i of this.found ?? []) this.spans[i]?.classList.remove("ak-hit");
    this.found = [];
    this.hits = [];
    if (text) {
      if (!this.text) {
        this.ends = new Uint32Array(this.spans.length);
        let end = 0;
        this.text = this.spans
          .map((span, i) => {
            end += span.textContent.length;
            this.ends[i] = end;
            return span.textContent;
          })
          .join("")
          .toLowerCase();
      }
      const wanted = text.toLowerCase();
      for (
        let at = this.text.indexOf(wanted), i = 0;
        at >= 0 && this.hits.length < 5000;
        at = this.text.indexOf(wanted, at + wanted.length)
      ) {
        while (this.ends[i] <= at) i++;
        this.hits.push(i);
        for (
          let j = i;
          j < this.spans.length && (j === i || this.ends[j - 1] < at + wanted.length);
          j++
        )
          this.found.push(j);
      }
      for (const i of this.found) this.spans[i]?.classList.add("ak-hit");
    }
    this.count.textContent = text ? `${this.hits.length} found` : "";
    this.hit = -1;
    if (this.hits.length) this.next(1);
  }

  next(step) {
    if (!this.hits?.length) return;
    this.hit = (this.hit + step + this.hits.length) % this.hits.length;
    this.tell(this.hits[this.hit], true);
  }
}

PARTS.push((live) => {
  const heatmap = new Heatmap(live);
  return {
    state: (state, arrays) => {
      if (arrays.length === 6)
        heatmap
          .draw(state, arrays)
          .catch((error) => live.fail(`the tokens cannot be drawn: ${error.message}`));
    },
    message: (message) => {
      if (message.type === "token" && message.index === heatmap.at)
        heatmap.more.textContent = message.alternatives
          ? ` · instead: ${message.alternatives}`
          : "";
    },
  };
});
