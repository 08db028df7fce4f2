const SEARCHED = [
  ["", "all"],
  ["text", "text"],
  ["calls", "calls"],
  ["results", "results"],
  ["reasoning", "reasoning"],
  ["problems", "problems"],
];

/** Hits before and after the current one that are marked where they are near. */
const AROUND = 100;

/** Every place of a text in a row, as ranges; none where small letters take other room. */
function rangesOf(row, wanted) {
  const found = [];
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  const nodes = [];
  let whole = "";
  while (walker.nextNode()) {
    if (ownedBy(walker.currentNode, row)) continue;
    nodes.push([whole.length, walker.currentNode]);
    whole += walker.currentNode.data;
  }
  const folded = whole.toLowerCase();
  if (folded.length !== whole.length) return found;
  const spot = (at) => {
    const [start, node] = nodes.findLast(([from]) => from <= at);
    return [node, at - start];
  };
  for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + wanted.length)) {
    const range = new Range();
    range.setStart(...spot(at));
    const [node, offset] = spot(at + wanted.length - 1);
    range.setEnd(node, offset + 1);
    found.push(range);
  }
  return found;
}

/** Whether a node is part of what the page itself put into a row: a button, a tab. */
function ownedBy(node, row) {
  for (let at = node; at && at !== row; at = at.parentNode) if (at.akOwn) return true;
  return false;
}

/** The marks of this page; all views share two, as a browser knows them by name. */
function marks(name) {
  if (!globalThis.CSS?.highlights) return null;
  if (!CSS.highlights.has(name)) CSS.highlights.set(name, new Highlight());
  return CSS.highlights.get(name);
}

/**
 * The search in a rollout. The kernel says where a text stands, in what is folded or cut too; the
 * page opens what is folded and marks it.
 * @param {Live} live
 */
function searchBar(live, toolBar, opener) {
  const field = h("input", {
    type: "search",
    placeholder: "Search the rollout",
    "aria-label": "search the rollout",
    spellcheck: false,
  });
  const count = h("span", { className: "ak-count", role: "status" });
  const kinds = h("span", { className: "ak-kinds", role: "group", "aria-label": "kinds of hits" });
  const where = h("small", { className: "ak-where" });
  const bar = h(
    "div",
    { className: "ak-searchbar", role: "search", hidden: true },
    h("span", { className: "ak-field" }, icon("search"), field, count),
    press(() => go(-1), { icon: "up", label: "Previous hit (Shift Enter)", kind: "ak-line" }),
    press(() => go(1), { icon: "down", label: "Next hit (Enter)", kind: "ak-line" }),
    kinds,
    where,
    h("span", { className: "ak-grow" }),
    press(() => close(), { icon: "close", label: "Close the search (Esc)" }),
  );
  let asked = 0;
  let all = /** @type {[string, string, number, string][]} */ ([]);
  let counts = {};
  let kind = "";
  let at = -1;
  let timer = 0;
  let mine = /** @type {Range[]} */ ([]);

  const unmark = () => {
    for (const range of mine)
      for (const name of ["ak-found", "ak-current"]) marks(name)?.delete(range);
    mine = [];
  };
  const put = (name, range) => {
    marks(name)?.add(range);
    mine.push(range);
  };
  const hits = () => (kind ? all.filter(([of]) => of === kind) : all);
  const total = () =>
    kind ? counts[kind] : Object.values(counts).reduce((sum, number) => sum + number, 0);

  /** The row of a hit, looked for once as long as it stays. */
  function rowOf(hit) {
    if (!hit.row?.isConnected) hit.row = foundRow(hit);
    return hit.row;
  }
  function foundRow([of, key]) {
    const find = (name) => live.rows.querySelector(`[data-key="${CSS.escape(name)}"]`);
    if (of !== "reasoning") return find(key) ?? find(key.replace(/\/(text|problems)$/, ""));
    return find(key) ?? find(key.replace(/\/\w+$/, ""));
  }

  /** Which of the row's hits this is: those of the same row in order, whatever their kind. */
  function show() {
    const list = hits();
    const hit = list[at];
    unmark();
    where.textContent = "";
    count.textContent = !field.value.trim()
      ? ""
      : list.length
        ? `${at + 1} of ${number(total())}`
        : "nothing found";
    if (!hit) return;
    const wanted = field.value.trim().toLowerCase();
    const row = rowOf(hit);
    if (!row) {
      where.textContent = `not in the conversation: … ${hit[3]} …`;
      return;
    }
    const opened = unfold(row, wanted);
    for (const one of new Set(list.slice(Math.max(0, at - AROUND), at + AROUND).map(rowOf)))
      if (one && one !== row && near(one, row))
        for (const range of rangesOf(one, wanted)) put("ak-found", range);
    const ranges = rangesOf(row, wanted);
    const turn = turnOf(hit[1]);
    const place = list
      .slice(0, at)
      .filter((other) => turnOf(other[1]) === turn && rowOf(other) === row).length;
    const current = ranges[place] ?? ranges.at(-1);
    for (const range of ranges) put(range === current ? "ak-current" : "ak-found", range);
    if (!current || place >= ranges.length) {
      where.textContent = `in the part that is not shown: … ${hit[3]} …`;
      live.reveal(row);
    } else {
      if (opened) where.textContent = "opened by the search";
      live.reveal(current.startContainer.parentElement, current);
    }
  }
  const near = (one, row) =>
    one.compareDocumentPosition(row) && Math.abs(one.offsetTop - row.offsetTop) < 4000;

  /** Opens the folds of a row that hold the text. */
  function unfold(row, wanted) {
    let opened = false;
    for (const fold of row.querySelectorAll("details:not([open])"))
      if (fold.textContent.toLowerCase().includes(wanted)) {
        fold.open = true;
        opened = true;
      }
    for (let fold = row.closest("details:not([open])"); fold; ) {
      fold.open = true;
      opened = true;
      fold = fold.parentElement?.closest("details:not([open])");
    }
    return opened;
  }

  function go(by) {
    const list = hits();
    if (!list.length) return;
    at = (at + by + list.length) % list.length;
    show();
  }

  const ask = () => {
    clearTimeout(timer);
    timer = setTimeout(() => live.send("search", { ask: ++asked, text: field.value.trim() }), 120);
  };

  function chips() {
    const sum = Object.values(counts).reduce((a, b) => a + b, 0);
    kinds.replaceChildren(
      ...SEARCHED.filter(([of]) => !of || counts[of]).map(([of, word]) =>
        h(
          "button",
          {
            type: "button",
            className: "ak-bt ak-line",
            "aria-pressed": String(of === kind),
            onclick: () => {
              kind = of;
              at = hits().length ? 0 : -1;
              chips();
              show();
            },
          },
          `${word} ${number(of ? counts[of] : sum)}`,
        ),
      ),
    );
  }

  function open() {
    bar.hidden = false;
    toolBar.hidden = true;
    field.focus();
    field.select();
    if (field.value.trim()) ask();
  }
  function close() {
    if (bar.hidden) return false;
    bar.hidden = true;
    toolBar.hidden = false;
    unmark();
    opener.focus({ preventScroll: true });
    return true;
  }
  field.addEventListener("input", ask);
  bar.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && event.target === field) go(event.shiftKey ? -1 : 1);
    else if (event.target !== field || event.key.length > 1) return;
    event.stopPropagation();
    if (event.key === "Enter" || event.key === "Escape") event.preventDefault();
  });
  return {
    bar,
    open,
    close,
    found(message) {
      if (message.ask !== asked || bar.hidden) return;
      all = message.hits;
      counts = message.counts;
      if (kind && !counts[kind]) kind = "";
      at = hits().length ? 0 : -1;
      chips();
      show();
    },
    end: unmark,
  };
}
