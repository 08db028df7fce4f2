/**
 * The tokens of `ak.tokens`: a span a token in blocks of 500, drawn from columns of numbers; what
 * a metric looks like is a class, so that a switch is free. Above them a strip of all of them.
 */
class Heatmap {
  constructor(live) {
    this.live = live;
    this.at = -1;
    this.bar = h(".ak-metrics", { role: "toolbar", ariaLabel: "tokens" });
    const onclick = (event) => {
      const { left, width } = this.strip.getBoundingClientRect();
      this.tell(Math.floor(((event.clientX - left) / width) * this.spans.length), "center");
    };
    this.strip = h("div", { ariaHidden: true, onclick });
    this.told = h(".ak-tip.ak-over", { role: "status", hidden: true });
    this.map = h(".ak-map", {
      tabIndex: 0,
      role: "group",
      ariaLabel: "tokens; arrow keys move, n and p go to the unlikely ones",
    });
    this.place = h(".ak-place", this.map, this.told);
    for (const one of [this.bar, this.strip]) own(one);
    live.root.append(this.place);
    const hide = () => (this.told.hidden = true);
    Object.assign(this.map, {
      onpointerover: ({ target }) => this.point(target),
      onclick: ({ target }) => this.point(target),
      onpointerleave: hide,
      onblur: hide,
      onscroll: () => this.settle(),
      onkeydown: (event) => this.key(event),
    });
    const jump = ({ target }) => this.jump(target.closest("tr[data-key]"));
    live.rows.addEventListener("click", jump);
    live.rows.addEventListener("keydown", (event) => event.key === "Enter" && jump(event));
  }

  async draw(state, arrays) {
    this.state = state;
    this.columns = await columnsOf(arrays);
    const total = this.columns.which.length;
    this.place.hidden = !total;
    if (!total) return;
    this.live.rows.querySelector("[data-key=head]")?.after(this.bar, this.strip);
    this.unlikely = state.probabilities.map((limit) => -Math.log(limit));
    /** @type {Map<number, HTMLElement>} One element for each look, to be copied. */
    this.looks = new Map();
    const spans = (this.spans = new Array(total));
    this.starts = [];
    this.heads = [];
    this.controls(state);
    this.metric(state.metric);
    this.map.replaceChildren();
    let at = 0,
      room = 2 * TOKENS_A_BLOCK; // what is seen first is painted at once
    for (const r of state.runs.keys()) {
      this.starts.push(at);
      const size = this.columns.sizes[r];
      this.map.append(...this.head(r, at, size));
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
    for (const row of this.live.rows.querySelectorAll("tr[data-key]")) row.tabIndex = 0;
  }

  /** The name of a run, and the line where its prompt leaves the tokens before it. */
  head(r, at, size) {
    const flags = this.columns.flags.subarray(at, at + size);
    const sampled = flags.reduce((n, flag) => n + (flag & SAMPLED ? 1 : 0), 0);
    const facts = `${counted(size)} tokens, ${counted(sampled)} sampled`;
    const name = h("strong", this.state.runs[r][0]);
    const title = h(".ak-tokens-turn", name, " ", h("small", facts));
    this.heads.push(title);
    return [title, nodesOf(this.state.breaks[r] ?? "")];
  }

  /** Tokens in a row, each part of them beside its name. */
  block(from, to) {
    const { table, which, logprobs, entropies, flags } = this.columns;
    const block = h("pre.ak-block");
    let kind = -1;
    let into = block;
    for (let i = from; i < to; i++) {
      const flag = flags[i];
      const part = flag & (7 | OFF | SAMPLED);
      const [text, id] = table[which[i]];
      // white space of the template between two parts needs no line of its own
      const goesOn = into !== block && !((part ^ kind) & (OFF | SAMPLED)) && text?.trim() === "";
      if (part !== kind && !goesOn) {
        kind = part;
        const name = this.state.kinds[flag & 7];
        const [sampled, off] = [flag & SAMPLED && ".ak-sampled", flag & OFF && ".ak-off"];
        const label = h("small", name, off && h("em", "off policy"));
        into = h(`span.ak-span.ak-of-${name}${sampled || ""}${off || ""}`, label);
        block.append(into);
      }
      const span = this.look(
        stepOf(-logprobs[i], this.unlikely),
        stepOf(entropies[i], this.state.entropies),
        maskOf(flag),
      );
      span.append(text ?? `⟨${id ?? "?"}⟩`);
      this.spans[i] = span;
      into.appendChild(span);
    }
    return block;
  }

  look(logprob, entropy, mask) {
    const key = logprob + 8 * entropy + 64 * mask;
    if (!this.looks.has(key))
      this.looks.set(key, h(`span.ak-t.ak-l${logprob}.ak-e${entropy}.ak-m${mask}`));
    return this.looks.get(key).cloneNode();
  }

  controls(state) {
    const words = state.metrics.map((name) => (name === "logprob" ? "probability" : name));
    const choose = (word) => this.metric(state.metrics[words.indexOf(word)]);
    this.choice = choiceOf(words, choose, "what is marked");
    const onchange = ({ target }) => this.heads[target.value].scrollIntoView({ block: "start" });
    const options = state.runs.map(([title], value) => h("option", { value }, title));
    const turns = h("select", { ariaLabel: "go to a turn", onchange }, options);
    const { field, count } = new Finder(this);
    this.legend = h("span.ak-legend");
    const more = state.runs.length > 1 ? [turns] : [];
    this.bar.replaceChildren(this.choice.node, this.legend, ...more, field, count);
  }

  metric(name) {
    this.shown = name;
    this.map.dataset.metric = name;
    this.choice.show(name === "logprob" ? "probability" : name);
    const look = name === "mask" ? "span.ak-t.ak-m" : "span.ak-t.ak-s";
    const step = (meaning, i) => [h(look + i, meaning), " "];
    this.legend.replaceChildren(...this.state.meanings[name].flatMap(step));
    this.strip.replaceChildren(nodesOf(this.state.strips[name]));
  }

  point(target) {
    const span = target.closest(".ak-map .ak-t");
    if (span) this.tell(this.spans.indexOf(span));
  }

  /** Says what is known of a token beside it, and asks for its alternatives. */
  tell(i, scroll) {
    if (!this.spans[i]) return;
    if (i === this.at) return this.settle();
    this.spans[this.at]?.classList.remove("ak-at");
    this.at = i;
    const { table, which, logprobs, entropies, flags } = this.columns;
    const [text, id] = table[which[i]];
    const r = this.starts.findLastIndex((start) => start <= i);
    const [title, offset] = this.state.runs[r];
    const place = i - this.starts[r];
    const [known, chosen] = [logprobs[i], entropies[i]].map((value) => !Number.isNaN(value));
    const words = [
      title,
      `position ${offset + place}`,
      this.state.kinds[flags[i] & 7],
      id !== null && `id ${id}`,
      known && `logprob ${logprobs[i].toFixed(4)}`,
      chosen && `entropy ${entropies[i].toFixed(3)} nats`,
      !(flags[i] & UNKNOWN) && (flags[i] & TRAINED ? "trained" : "not trained"),
      flags[i] & OFF && "off policy",
    ];
    this.more = h(".ak-instead");
    this.told.replaceChildren(
      h("code", text === null ? "text not known" : JSON.stringify(text)),
      known ? h("strong", ` ${percent(logprobs[i])}`) : "",
      this.more,
      h("small", words.filter(Boolean).join(" · ")),
    );
    this.spans[i].classList.add("ak-at");
    for (const row of this.live.rows.querySelectorAll("tr[data-key]"))
      row.toggleAttribute("aria-current", row.dataset.key === `token-${r}-${place}`);
    if (scroll) this.spans[i].scrollIntoView({ block: scroll });
    this.settle();
    if (chosen) this.live.send("ask", { index: i });
  }

  /** Puts what is said of a token below it, or above where there is no room. */
  settle() {
    const span = this.spans[this.at];
    if (!span) return;
    const [box, token] = [this.place, span].map((node) => node.getBoundingClientRect());
    this.told.hidden = token.bottom < box.top || token.top > box.bottom;
    const { offsetWidth: wide, offsetHeight: high } = this.told;
    const left = Math.max(4, Math.min(token.left - box.left, box.width - wide - 4));
    const below = token.bottom - box.top + 4;
    const top = below + high > box.height ? token.top - box.top - high - 4 : below;
    Object.assign(this.told.style, { left: `${left}px`, top: `${Math.max(0, top)}px` });
  }

  /** What the kernel says of a token: what could have been in its place. */
  instead({ index, alternatives }) {
    if (index !== this.at) return;
    this.more.replaceChildren(
      ...alternatives.slice(0, 5).map(([text, chance, p]) => {
        const bar = h("i");
        bar.style.width = `${Math.max(2, 70 * p)}px`;
        return h("div", bar, h("code", text), ` ${chance}`);
      }),
    );
    this.settle();
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const low = { n: 1, p: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    const end = { Home: 0, End: this.spans.length - 1 }[event.key];
    if (isShortcut(event)) return;
    if (event.key === "Escape") this.told.hidden = true;
    if (!(step || low || end !== undefined)) return;
    event.preventDefault();
    let i = end ?? this.at + (step ?? low);
    const unlikely = { logprob: /-l[234]/, entropy: /-e[234]/, mask: /-m[23]/ }[this.shown];
    while (low && this.spans[i] && !unlikely.test(this.spans[i].className)) i += low;
    this.tell(i, "nearest");
  }

  jump(row) {
    const [, run, place] = row?.dataset.key.match(/^token-(\d+)-(\d+)$/) ?? [];
    if (run === undefined) return;
    focusOn(this.map);
    this.tell(this.starts[run] + Number(place), "nearest");
  }
}

PARTS.push((live) => {
  live.root.classList.add("ak-heatmap");
  const heatmap = new Heatmap(live);
  return {
    state: (state, arrays) => {
      if (arrays.length === 6)
        heatmap
          .draw(state, arrays)
          .catch((error) => live.fail(`the tokens cannot be drawn: ${error.message}`));
    },
    message: (message) => {
      if (message.type === "token") heatmap.instead(message);
    },
  };
});
