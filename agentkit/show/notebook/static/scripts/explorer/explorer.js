/**
 * A table of rollouts that the kernel pages: only the rows in sight are asked for, and kept for as
 * long as the question is the same. The row that is open holds what Python draws of it. Every cell
 * is text.
 */
PARTS.push((live) => {
  const HEIGHT = 27; // of a row, in px, as the style sheet says
  const SPARE = 12; // rows drawn beyond what is seen
  const BLOCK = 40; // rows asked for at once, and those that come with the table
  /** @type {Map<number, {key: number, cells: any[]}>} */
  let known = new Map();
  /** The same rows as they were a moment ago. */
  let stale = new Map();
  let asked = new Set();
  /** The rows that are drawn, with what each was drawn of. */
  let made = new Map();
  let order = -1;
  let generation = -1;
  /** Rows that came before the state they belong to. */
  let early = null;
  let active = 0;

  const field = fieldOf(live, ask, () => view.focus());
  const menus = menusOf(live);
  const modes = ["Rows", "Prompts", "Tree"].map((word) => line(() => mode(word), word));
  const panel = h("nav", { className: "ak-facets", "aria-label": "Filter by" });
  const facets = facetsOf(live, panel);
  const fold = press(
    () => {
      const open = live.root.classList.toggle("ak-with-facets");
      fold.setAttribute("aria-expanded", String(open));
    },
    { word: "Facets", kind: "ak-line ak-facets-fold", "aria-expanded": "false" },
  );
  const how = h("div", { className: "ak-seg", role: "group", "aria-label": "How to show" }, modes);
  const bar = div("ak-xbar", fold, field.box, how, menus.buttons, menus.panel);
  const figures = h("div", { className: "ak-figs", role: "status" });
  const same = div("ak-const");
  const leave = () => live.send("all_prompts");
  const within = press(leave, { icon: "close", word: " ", kind: "ak-line ak-xwithin" });
  const head = h("div", { className: "ak-grid-head", role: "row" });
  const body = h("div", { className: "ak-grid-body", role: "rowgroup" });
  const view = h(
    "div",
    {
      className: "ak-grid",
      role: "grid",
      tabIndex: 0,
      "aria-label": "rollouts",
      "aria-multiselectable": "true",
    },
    head,
    body,
  );
  const headings = headingsOf(live, view, head, ask);
  const opened = openedOf(live, go);
  const aside = div("ak-xaside");
  const empty = h("div", { className: "ak-empty", role: "alert", hidden: true });
  const marks = marksOf(live);
  const main = div("ak-xmain", figures, same, aside, view, empty, marks.node);
  live.root.classList.add("ak-explorer");
  live.root.setAttribute("role", "group");
  live.root.setAttribute("aria-label", "Rollouts");
  live.root.firstChild.after(bar, div("ak-xbody", panel, main));

  function ask(question) {
    field.asked(question);
    live.send("ask", question);
  }
  function mode(word) {
    const tree = live.state.open?.kind === "tree" && live.state.open.row < 0;
    if (word === "Tree") return live.send(tree ? "close" : "tree");
    if (tree) live.send("close");
    ask({ grouped: word === "Prompts" });
  }
  /** Opens another row without closing: the next, the previous, the same again. */
  function go(step) {
    const { open } = live.state;
    if (open.kind === "tree" && open.row < 0) return live.send("tree", { step });
    active = Math.max(0, Math.min(live.state.shown - 1, Math.max(0, openRow()) + step));
    live.send("open", { row: active });
  }

  view.addEventListener("scroll", () => draw());
  const resized = new ResizeObserver(() => draw());
  resized.observe(view);
  resized.observe(opened.node);

  const openRow = () =>
    live.state.open?.kind && live.state.open.row >= 0 ? live.state.open.row : -1;
  /** As wide as what is seen of the table, however wide that is. */
  const fitted = () => (opened.node.style.width = openRow() < 0 ? "" : `${view.clientWidth}px`);
  const openHeight = () => (openRow() >= 0 ? opened.node.offsetHeight : 0);
  /** The row at a height of the table, the open one's content counted to it. */
  const rowAt = (y) => {
    const open = openRow();
    if (open < 0 || y < (open + 1) * HEIGHT) return Math.floor(y / HEIGHT);
    return Math.max(open, Math.floor((y - openHeight()) / HEIGHT));
  };

  function draw() {
    const total = live.state.shown ?? 0;
    const from = Math.max(0, Math.min(rowAt(view.scrollTop) - SPARE, total - 1));
    const to = Math.min(
      total,
      Math.max(rowAt(view.scrollTop + view.clientHeight), from) + SPARE + 1,
    );
    // what comes next is asked for as soon as one scrolls
    need(from, view.scrollTop ? Math.min(total, to + BLOCK) : to);
    const open = openRow();
    const rows = [];
    const before = made;
    made = new Map();
    for (let i = from; i < to; i += 1) {
      const row = known.get(i) ?? stale.get(i);
      const look = [i === active, i === open, live.state.marked?.includes(row?.key)].join();
      const old = before.get(i);
      made.set(
        i,
        old && old.row === row && old.look === look ? old : { row, look, node: rowOf(i, row) },
      );
      rows.push(made.get(i).node);
      if (i === open) {
        opened.within("row");
        rows.push(opened.node);
      }
    }
    fitted();
    const above = from * HEIGHT + (open >= 0 && open < from ? openHeight() : 0);
    const below = (total - to) * HEIGHT + (open >= to ? openHeight() : 0);
    body.style.paddingTop = `${above}px`;
    body.style.paddingBottom = `${below}px`;
    const focused = document.activeElement?.dataset?.mark;
    const wanted = new Set(rows);
    for (const node of [...body.childNodes]) if (!wanted.has(node)) node.remove();
    rows.forEach((node, i) => {
      if (body.childNodes[i] !== node) body.insertBefore(node, body.childNodes[i] ?? null);
    }); // what stays keeps its focus
    if (focused !== undefined)
      body.querySelector(`[data-mark="${focused}"]`)?.focus({ preventScroll: true });
    view.setAttribute("aria-rowcount", String(total + 1));
    view.setAttribute("aria-activedescendant", body.querySelector(".ak-active")?.id ?? "");
  }

  function need(from, to) {
    for (let block = Math.floor(from / BLOCK); block * BLOCK < to; block += 1) {
      const start = block * BLOCK;
      if (asked.has(start)) continue;
      // what is passed quickly is not asked for
      if ([...asked].filter((place) => !known.has(place)).length >= 2) return;
      asked.add(start);
      live.send("rows", { start, stop: start + BLOCK, generation });
    }
  }

  const prefix = `ak-x${(Math.random() * 1e9) | 0}`;
  function rowOf(i, row) {
    const open = i === openRow();
    const node = h("div", {
      className: `ak-grid-row${i === active ? " ak-active" : ""}${open ? " ak-unfolded" : ""}`,
      role: "row",
      id: `${prefix}-${i}`,
      "aria-rowindex": String(i + 2),
    });
    node.addEventListener("click", () => {
      active = i;
      toggle(i);
    });
    if (!row) {
      node.append(h("span", { className: "ak-quiet", role: "gridcell", textContent: "…" }));
      return node;
    }
    const first = live.state.grouped ? within_(i) : markOf(row, node);
    node.append(h("span", { role: "gridcell", "aria-expanded": String(open) }, first));
    row.cells.forEach((cell, place) => {
      const [name, , kind] = live.state.columns[place] ?? [];
      const made = h(
        "span",
        { role: "gridcell", className: `ak-xcell ak-k-${kind}`, dir: "auto" },
        cellOf(kind, cell),
      );
      if (name === "spread" && cell === "worth a look") made.classList.add("ak-acc");
      if (made.textContent.length > 14) made.title = made.textContent;
      node.append(made);
    });
    return node;
  }
  const within_ = (i) =>
    press(
      (event) => {
        event.stopPropagation();
        live.send("within", { row: i });
      },
      { icon: "fold", label: "show the rollouts of this prompt", tabIndex: -1 },
    );
  function markOf(row, node) {
    const marked = (live.state.marked ?? []).includes(row.key);
    node.setAttribute("aria-selected", String(marked));
    const mark = h("input", {
      type: "checkbox",
      checked: marked,
      tabIndex: -1,
      "aria-label": `mark rollout ${row.key}`,
      "data-mark": String(row.key),
    });
    mark.addEventListener("click", (event) => {
      event.stopPropagation();
      live.send("mark", { key: row.key, on: mark.checked });
    });
    return mark;
  }

  const toggle = (i) => live.send(...(i === openRow() ? ["close"] : ["open", { row: i }]));

  function drawFigures(state) {
    const shown = state.aggregates ?? [[counted(state.total), "rollouts", ""]];
    figures.replaceChildren(
      ...shown.map(([value, word, beside]) => {
        const more = beside ? [h("small", {}, beside), " "] : [];
        return div("ak-fig", h("strong", {}, value), " ", more, h("small", {}, word));
      }),
    );
  }
  function drawSame(state) {
    const said = (state.same ?? []).flatMap(([name, value], i) => [
      i ? " · " : "",
      name ? `${name} ` : "",
      h("b", { textContent: value }),
    ]);
    const what = state.grouped ? "all prompts begin alike: " : "the same in all: ";
    within.lastChild.textContent = state.within ?? "";
    within.setAttribute("aria-label", "show all prompts again");
    same.replaceChildren(...(said.length ? [what, ...said] : []));
    if (state.within) same.prepend(within);
    same.hidden = !same.firstChild;
  }
  function drawEmpty(state) {
    const [why, hint, better] = state.refused ?? [];
    const none = state.total === 0;
    empty.hidden = !why && (state.shown > 0 || state.working);
    const what = none ? "There are no rollouts" : why || "No rollout fits this filter";
    const next = none ? "Run some: ak.rollouts(agent, prompts)." : why ? hint : state.query;
    const ways = [
      better ? press(() => ask({ query: better }), { word: better, kind: "ak-main" }) : null,
      none || !state.query ? null : line(() => ask({ query: "" }), "Clear the filter"),
    ];
    empty.replaceChildren(h("strong", {}, what), h("small", {}, next), div("ak-xrow", ways));
    view.hidden = none || !empty.hidden;
  }

  return {
    state(state) {
      if (state.generation !== generation) {
        generation = state.generation;
        stale = state.order === order ? new Map([...stale, ...known]) : new Map();
        known = new Map();
        asked = new Set();
        if (state.order !== order) {
          if (order >= 0) view.scrollTop = active = 0;
          order = state.order;
        }
      }
      if (early) page(early);
      early = null;
      headings(state);
      field.state(state);
      facets.draw(state);
      fold.lastChild.textContent = facets.chosen() ? `Facets ${facets.chosen()}` : "Facets";
      drawFigures(state);
      drawSame(state);
      drawEmpty(state);
      marks.draw(state);
      menus.draw();
      const kind = state.open?.kind;
      const apart = Boolean(kind) && state.open.row < 0;
      const shown = apart && kind === "tree" ? 2 : Number(Boolean(state.grouped));
      modes.forEach((button, i) => button.setAttribute("aria-pressed", String(i === shown)));
      opened.draw(state);
      aside.hidden = !apart;
      if (apart) {
        aside.replaceChildren(opened.node);
        opened.within("");
        view.hidden = true;
      }
      view.classList.toggle("ak-has-open", openRow() >= 0);
      if (!state.working) draw();
    },
    op(name, rows) {
      if (name === "page") early = rows;
    },
    message(message, arrays) {
      if (message.type === "inner") return opened.inner.hear(message, arrays);
      if (message.type !== "rows") return;
      page(message);
      draw();
    },
    drawn() {
      requestAnimationFrame(draw);
    },
    keydown(event) {
      if (opened.inner.node.contains(event.target)) return; // its keys are its own
      const writes = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape" && (live.state.open?.kind || event.target === view)) {
        live.send("close");
        view.focus();
      } else if (writes && event.target.type !== "checkbox") return;
      else if (event.key === "/") field.input.focus();
      else if (event.key === "?") menus.show("keys");
      else if (/^[jk]$/i.test(event.key) && live.state.shown)
        go(openRow() < 0 && live.state.open?.kind !== "tree" ? 0 : /j/i.test(event.key) ? 1 : -1);
      else if (/^c$/i.test(event.key) && live.state.marked?.length === 2) live.send("compare");
      else if (event.target !== view || !move(event)) return;
      taken(event);
    },
    dispose() {
      resized.disconnect();
      field.dispose();
    },
  };

  /** What a key does in the table itself. */
  function move(event) {
    const page = Math.max(1, Math.floor(view.clientHeight / HEIGHT) - 2);
    const moves = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key in moves) {
      active = Math.max(0, Math.min((live.state.shown ?? 1) - 1, active + moves[event.key]));
      const y = active * HEIGHT + (openRow() >= 0 && openRow() < active ? openHeight() : 0);
      if (y < view.scrollTop) view.scrollTop = y;
      else if (y + 2 * HEIGHT > view.scrollTop + view.clientHeight)
        view.scrollTop = y + 2 * HEIGHT - view.clientHeight;
      draw();
    } else if (event.key === "Enter") toggle(active);
    else if (event.key === " " && known.has(active) && !live.state.grouped) {
      const { key } = known.get(active);
      live.send("mark", { key, on: !live.state.marked.includes(key) });
    } else return false;
    return true;
  }

  function page({ generation: of, start, keys, cells }) {
    if (of !== generation) return;
    cells.forEach((texts, i) => known.set(start + i, { key: keys[i], cells: texts }));
    asked.add(start);
  }
});
