/**
 * A table of rollouts that the kernel pages: only the rows in sight are asked for, and kept for as
 * long as the question is the same. The row that is open holds what Python draws of it. Every cell
 * is text.
 */
PARTS.push((live) => {
  const HEIGHT = 27; // of a row, in px, as the style sheet says
  const SPARE = 12; // rows drawn beyond what is seen
  const BLOCK = 40; // rows asked for at once, and those that come with the table
  /** @type {Map<number, {key: number, cells: string[]}>} */
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
  let columns = "";
  let active = 0;

  const query = h("input", {
    type: "search",
    spellcheck: false,
    placeholder: "filter: reward<0.5 stop_reason=error Oslo",
    "aria-label": "filter: conditions such as reward<0.5, and words",
  });
  const clear = button("×", () => ask({ query: "" }), {
    "aria-label": "clear the filter",
    title: "clear the filter",
  });
  const columnsOf = h("div", { className: "ak-help-names" });
  const help = filterHelp(columnsOf);
  const refused = h("div", { className: "ak-refused", role: "alert", hidden: true });
  const within = button("", () => ask({ grouped: true }), {
    className: "ak-button ak-within",
    hidden: true,
  });
  const known_labels = h("datalist", { id: `ak-labels-${(Math.random() * 1e9) | 0}` });
  const told = h("small", { className: "ak-told", role: "status" });
  const grouped = button("group by prompt", () => ask({ grouped: !live.state.grouped }));
  const compare = button("compare", () => live.send("compare"));
  const label = h("input", { placeholder: "label", "aria-label": "label for the marked rollouts" });
  const give = button("add", () => named(true), {
    "aria-label": "add the label to the marked rollouts",
  });
  const take = button("remove", () => named(false), {
    "aria-label": "remove the label from the marked rollouts",
  });
  const unmark = button("unmark all", () => live.send("unmark"));
  const marks = h(
    "div",
    { className: "ak-marks" },
    compare,
    label,
    known_labels,
    give,
    take,
    unmark,
  );
  const top = h(
    "div",
    { className: "ak-explore-top" },
    query,
    clear,
    help,
    grouped,
    within,
    told,
    marks,
    refused,
  );
  const head = h("div", { className: "ak-grid-head", role: "row" });
  const body = h("div", { className: "ak-grid-body", role: "rowgroup" });
  const empty = h("p", { className: "ak-empty", hidden: true });
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
  const detail = h("div", { className: "ak-detail" });
  const aside = h("div", { className: "ak-beside" });
  const close = button("close", () => live.send("close"));
  live.root.classList.add("ak-explorer");
  live.rows.before(top, aside, view, empty);
  label.setAttribute("list", known_labels.id);
  detail.append(live.rows);

  let timer = 0;
  query.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask({ query: query.value }), 250);
  });
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter") ask({ query: query.value });
    else if (event.key === "ArrowDown") view.focus();
    else if (event.key === "Escape" && query.value) ask({ query: "" });
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  function ask(question) {
    clearTimeout(timer);
    if (question.query !== undefined) query.value = question.query;
    live.send("ask", question);
  }
  label.addEventListener("keydown", (event) => {
    if (event.key === "Enter") named(true);
  });
  view.addEventListener("scroll", () => draw());
  const resized = new ResizeObserver(() => draw());
  resized.observe(view);
  resized.observe(detail);

  function named(on) {
    if (label.value.trim()) live.send("label", { label: label.value, on });
  }

  const openRow = () =>
    live.state.open?.kind && live.state.open.row >= 0 ? live.state.open.row : -1;
  const openHeight = () => (openRow() >= 0 ? detail.offsetHeight : 0);
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
      if (i === open) rows.push(detail);
    }
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
    const made = h("div", {
      className: "ak-grid-row",
      role: "row",
      id: `${prefix}-${i}`,
      "aria-rowindex": String(i + 2),
    });
    if (i === active) made.classList.add("ak-active");
    if (i === openRow()) made.setAttribute("aria-expanded", "true");
    if (!row) {
      made.append(h("span", { className: "ak-loading", role: "gridcell", textContent: "…" }));
      return made;
    }
    if (live.state.grouped) {
      made.append(
        h(
          "span",
          { role: "gridcell" },
          button(
            "rollouts",
            (event) => {
              event.stopPropagation();
              live.send("within", { row: i });
            },
            { "aria-label": "show the rollouts of this group", tabIndex: -1 },
          ),
        ),
      );
    } else {
      const marked = (live.state.marked ?? []).includes(row.key);
      made.setAttribute("aria-selected", String(marked));
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
      made.append(h("span", { role: "gridcell" }, mark));
    }
    const counted = live.state.columns.findIndex(([name]) => name === "problems");
    const troubled = !["", "0", undefined].includes(row.cells[counted]);
    row.cells.forEach((text, place) => {
      const [name, , kind] = live.state.columns[place] ?? [];
      const word = /^[a-z_]+$/.test(text) ? text : "other";
      const end = troubled && word === "final" ? "troubled" : word; // no problem is green
      made.append(
        h("span", {
          role: "gridcell",
          className: `ak-cell ak-${kind}${name === "stop_reason" ? ` ak-end-${end}` : ""}`,
          textContent: text,
          title: text.length > 14 ? text : undefined,
          dir: "auto",
        }),
      );
    });
    made.addEventListener("click", () => {
      active = i;
      toggle(i);
    });
    return made;
  }

  const toggle = (i) => live.send(...(i === openRow() ? ["close"] : ["open", { row: i }]));

  function headings(state) {
    const now = JSON.stringify([state.columns, state.sort, state.descending, state.grouped]);
    if (now === columns) return;
    columns = now;
    head.replaceChildren(
      h("span", { role: "columnheader", "aria-label": state.grouped ? "open" : "marks" }),
    );
    head.append(...(state.columns ?? []).map((column) => heading(state, column, ask)));
    const { widths, least } = widthsOf(state);
    view.style.setProperty("--ak-least", `${least}px`);
    view.style.setProperty(
      "--ak-columns",
      `${state.grouped ? "74px" : "26px"} ${widths.join(" ")}`,
    );
  }

  function opened(state) {
    const kind = state.open?.kind;
    aside.hidden = kind !== "compare";
    if (kind === "compare") aside.replaceChildren(close, live.rows);
    else if (live.rows.parentNode !== detail) detail.replaceChildren(live.rows);
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
      if (document.activeElement !== query && query.value !== state.query)
        query.value = state.query;
      grouped.setAttribute("aria-pressed", String(Boolean(state.grouped)));
      const what = state.grouped
        ? `${count(state.shown)} groups of ${count(state.total)} rollouts`
        : state.shown === state.total
          ? `${count(state.total)} rollouts`
          : `${count(state.shown)} of ${count(state.total)} rollouts`;
      told.textContent = [state.title, state.working ? "searching …" : what]
        .filter(Boolean)
        .join(" · ");
      const number = (state.marked ?? []).length;
      marks.hidden = number === 0;
      compare.setAttribute("aria-disabled", String(number !== 2));
      compare.textContent = `compare (${number} marked)`;
      label.title = state.kept
        ? "kept beside the file"
        : "kept in memory; explorer.labels.save(path) writes them to a file";
      known_labels.replaceChildren(...(state.labels ?? []).map((value) => h("option", { value })));
      columnsOf.replaceChildren(
        ...(state.names ?? []).flatMap(([name]) => [h("code", { textContent: name }), " "]),
      );
      const [why, hint] = state.refused ?? ["", ""];
      refused.hidden = !why;
      refused.replaceChildren(h("strong", { textContent: why }), hint ? ` ${hint}` : "");
      query.setAttribute("aria-invalid", String(Boolean(why)));
      clear.hidden = !state.query;
      within.hidden = !state.within;
      within.textContent = `← all groups · ${state.within ?? ""}`;
      empty.hidden = state.shown > 0 || state.working;
      empty.textContent =
        state.total === 0
          ? "There are no rollouts."
          : `No rollout fits ${state.query || "the filter"}; × shows all again.`;
      view.hidden = state.total === 0;
      view.classList.toggle("ak-has-open", openRow() >= 0);
      opened(state);
      if (!state.working) draw();
    },
    op(name, rows) {
      if (name === "page") early = rows;
    },
    message(message) {
      if (message.type !== "rows") return;
      page(message);
      draw();
    },
    drawn() {
      requestAnimationFrame(draw);
    },
    keydown(event) {
      if (event.target !== view) return;
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
      } else if (event.key === "Escape") live.send("close");
      else return;
      event.preventDefault();
      event.stopPropagation();
    },
    dispose() {
      resized.disconnect();
      clearTimeout(timer);
    },
  };

  function page({ generation: of, start, keys, cells }) {
    if (of !== generation) return;
    cells.forEach((texts, i) => known.set(start + i, { key: keys[i], cells: texts }));
    asked.add(start);
  }

  function count(number) {
    return Number(number ?? 0).toLocaleString("en-US");
  }
});
