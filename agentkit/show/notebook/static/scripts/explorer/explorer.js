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
  let stale = new Map(); // the same rows as they were a moment ago
  let asked = new Set();
  let drawn = new Map(); // the rows that are drawn, with what each was drawn of
  let order = -1;
  let generation = -1;
  let early = null; // rows that came before the state they belong to
  let active = 0;
  let last = -1; // the row that was open
  const { root } = live;
  const id = uniqueId();

  const field = fieldOf(live, ask, () => view.focus());
  const menus = menusOf(live);
  const modes = choiceOf(["Rows", "Prompts", "Tree"], mode, "How to show");
  const facets = h("nav.ak-facets", { ariaLabel: "Filter by" });
  const along = h(".ak-over-values", { role: "region", ariaLabel: "Over a column" });
  /** Those that a drag would lose are not filled anew while it lasts. */
  const isDragged = { facets: steppedRanges(live, facets), along: steppedRanges(live, along) };
  const unfold = () => (fold.ariaExpanded = root.classList.toggle("ak-with-facets"));
  const kind = "ak-line ak-facets-fold";
  const fold = press(unfold, { word: "Facets", kind, ariaExpanded: false });
  const figures = h(".ak-figs", { role: "status" });
  const same = h(".ak-const");
  const head = h(".ak-grid-head", { role: "row" });
  const body = h(".ak-grid-body", { role: "rowgroup" });
  const named = { role: "grid", tabIndex: 0, ariaLabel: "rollouts", ariaMultiSelectable: true };
  const view = h(".ak-grid", named, head, body);
  const headings = headingsOf(live, view, head);
  const opened = openedOf(live);
  const aside = h(".ak-xaside");
  const empty = h(".ak-empty", { role: "alert", hidden: true });
  const marks = h(".ak-marks.ak-xrow");
  /** What the kernel fills, by its name. */
  const places = { facets, figures, along, same, empty, marks, ...opened.places };
  const main = h(".ak-xmain", figures, along, same, aside, view, empty, marks);
  root.classList.add("ak-explorer");
  root.role = "group";
  root.ariaLabel = "Rollouts";
  const bar = h(".ak-xbar", fold, field.box, modes.node, menus.buttons, menus.panel);
  root.firstChild.after(bar, h(".ak-xbody", facets, main));

  function ask(question) {
    field.asked(question);
    live.send("ask", question);
  }
  const isTree = () => live.state.open?.kind === "tree" && live.state.open.row < 0;
  function mode(word) {
    if (word === "Tree") return live.send(isTree() ? "close" : "tree");
    if (isTree()) live.send("close");
    ask({ grouped: word === "Prompts" });
  }
  /** Opens another row without closing: the next, the previous; the one that is active. */
  function go(step) {
    if (live.state.open?.kind) opened.places.bar.children[step < 0 ? 0 : 1].click();
    else live.send("open", { row: active });
  }

  view.addEventListener("scroll", () => draw());
  const resized = new ResizeObserver(() => draw());
  resized.observe(view);
  resized.observe(opened.node);

  const openRow = () => (live.state.open?.kind ? live.state.open.row : -1);
  const openHeight = () => (openRow() >= 0 ? opened.node.offsetHeight : 0);
  /** The row at a height of the table, the open one's content counted to it. */
  const rowAt = (y) => {
    const open = openRow();
    if (open < 0 || y < (open + 1) * HEIGHT) return Math.floor(y / HEIGHT);
    return Math.max(open, Math.floor((y - openHeight()) / HEIGHT));
  };

  function draw() {
    const total = live.state.shown ?? 0;
    const { scrollTop, clientHeight } = view;
    const from = Math.max(0, Math.min(rowAt(scrollTop) - SPARE, total - 1));
    const to = Math.min(total, Math.max(rowAt(scrollTop + clientHeight), from) + SPARE + 1);
    // what comes next is asked for as soon as one scrolls
    need(from, scrollTop ? Math.min(total, to + BLOCK) : to);
    const open = openRow();
    const rows = [];
    const before = drawn;
    drawn = new Map();
    for (let i = from; i < to; i += 1) {
      const row = known.get(i) ?? stale.get(i);
      const look = [i === active, i === open, live.state.marked?.includes(row?.key)].join();
      let one = before.get(i);
      if (one?.row !== row || one?.look !== look) one = { row, look, node: rowOf(i, row) };
      drawn.set(i, one);
      rows.push(one.node);
      if (i !== open) continue;
      opened.within(true);
      rows.push(opened.node);
    }
    // as wide as what is seen of the table, however wide that is
    opened.node.style.width = open < 0 ? "" : `${view.clientWidth}px`;
    const above = from * HEIGHT + (open >= 0 && open < from ? openHeight() : 0);
    const below = (total - to) * HEIGHT + (open >= to ? openHeight() : 0);
    body.style.padding = `${above}px 0 ${below}px`;
    const focused = document.activeElement?.dataset?.mark;
    const wanted = new Set(rows);
    for (const node of [...body.childNodes]) if (!wanted.has(node)) node.remove();
    rows.forEach((node, i) => {
      if (body.childNodes[i] !== node) body.insertBefore(node, body.childNodes[i] ?? null);
    }); // what stays keeps its focus
    if (focused !== undefined) focusOn(body.querySelector(`[data-mark="${focused}"]`));
    view.ariaRowCount = total + 1;
    view.setAttribute("aria-activedescendant", drawn.get(active)?.node.id ?? "");
  }

  function need(from, to) {
    for (let start = from - (from % BLOCK); start < to; start += BLOCK) {
      if (asked.has(start)) continue;
      // what is passed quickly is not asked for
      if ([...asked].filter((place) => !known.has(place)).length >= 2) return;
      asked.add(start);
      live.send("rows", { start, stop: start + BLOCK, generation });
    }
  }

  function rowOf(i, row) {
    const open = i === openRow();
    const node = h(`.ak-grid-row${i === active ? ".ak-active" : ""}${open ? ".ak-unfolded" : ""}`, {
      role: "row",
      id: `${id}-${i}`,
      ariaRowIndex: i + 2,
      onclick() {
        active = i;
        toggle(i);
      },
    });
    const { grouped, columns } = live.state;
    const first = !row ? "…" : grouped ? within_(i) : markOf(row, node);
    node.append(h("span", { role: "gridcell", ariaExpanded: open }, first));
    row?.cells.forEach((cell, place) => {
      const [name, , kind, , less] = columns[place] ?? [];
      const look = name === "spread" && cell === "worth a look" ? ".ak-acc" : "";
      const looks = `span.ak-xcell.ak-k-${kind}${less ? ".ak-less" : ""}${look}`;
      const shown = h(looks, { role: "gridcell", dir: "auto" }, [cell].flat().map(made));
      if (shown.textContent.length > 14) shown.title = shown.textContent;
      node.append(shown);
    });
    return node;
  }
  const within_ = (i) => {
    const show = (event) => {
      event.stopPropagation();
      live.send("within", { row: i });
    };
    return press(show, { icon: "fold", label: "show the rollouts of this prompt", tabIndex: -1 });
  };
  function markOf({ key }, node) {
    const checked = (live.state.marked ?? []).includes(key);
    node.ariaSelected = checked;
    return h("input", {
      type: "checkbox",
      checked,
      tabIndex: -1,
      ariaLabel: `mark rollout ${key}`,
      "data-mark": key,
      onclick(event) {
        event.stopPropagation();
        live.send("mark", { key, on: event.target.checked });
      },
    });
  }

  const toggle = (i) => live.send(...(i === openRow() ? ["close"] : ["open", { row: i }]));

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
      for (const [name, place] of Object.entries(places))
        if (!isDragged[name]?.()) fill(place, state[`in_${name}`] ?? []);
      fold.lastChild.textContent = `Facets ${state.asked || ""}`.trim();
      empty.hidden = !empty.firstChild;
      view.hidden = !empty.hidden;
      menus.draw();
      if (openRow() >= 0 && openRow() !== last) active = openRow();
      last = openRow();
      const apart = Boolean(state.open?.kind) && state.open.row < 0;
      modes.show(isTree() ? "Tree" : state.grouped ? "Prompts" : "Rows");
      opened.draw(state.open ?? {});
      aside.hidden = !apart;
      if (apart) {
        const had = view.contains(document.activeElement);
        aside.replaceChildren(opened.node);
        opened.within(false);
        view.hidden = true;
        if (had) opened.focus();
      }
      view.classList.toggle("ak-has-open", openRow() >= 0);
      if (!state.working) draw();
    },
    op(name, rows) {
      if (name === "page") early = rows;
    },
    message(message, arrays) {
      if (message.type !== "rows") return;
      page(message);
      draw();
    },
    drawn() {
      requestAnimationFrame(draw);
    },
    keydown(event) {
      const { key, target } = event;
      if (opened.inner.node.contains(target)) return; // its keys are its own
      if (isShortcut(event)) return;
      const { open, shown, marked } = live.state;
      if (key === "Escape" && (open?.kind || target === view)) {
        live.send("close");
        view.hidden = false;
        view.focus();
      } else if (isTyped(event)) return;
      else if (key === "/") field.input.focus();
      else if (key === "?") menus.keys();
      else if (/^[jk]$/i.test(key) && shown) go(/j/i.test(key) ? 1 : -1);
      else if (/^c$/i.test(key) && marked?.length === 2) live.send("compare");
      else if (target !== view || !move(key)) return;
      taken(event);
    },
    dispose() {
      resized.disconnect();
      field.dispose();
    },
  };

  /** What a key does in the table itself. */
  function move(key) {
    const page = Math.max(1, Math.floor(view.clientHeight / HEIGHT) - 2);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const step = { ...moves, Home: -Infinity, End: Infinity }[key];
    if (step) {
      active = clamp(active + step, 0, (live.state.shown ?? 1) - 1);
      const y = active * HEIGHT + (openRow() < active ? openHeight() : 0);
      const least = y + 2 * HEIGHT - view.clientHeight;
      view.scrollTop = clamp(view.scrollTop, least, y);
      draw();
    } else if (key === "Enter") toggle(active);
    else if (key === " " && known.has(active) && !live.state.grouped) {
      const { key: marked } = known.get(active);
      live.send("mark", { key: marked, on: !live.state.marked.includes(marked) });
    } else return false;
    return true;
  }

  function page({ generation: of, start, keys, cells }) {
    if (of !== generation) return;
    cells.forEach((texts, i) => known.set(start + i, { key: keys[i], cells: texts }));
    asked.add(start);
  }
});
