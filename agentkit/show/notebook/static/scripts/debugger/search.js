/** Hits before and after the current one that are marked where they are near. */
const AROUND = 100;

/** Every place of a text in a row, as ranges; none where small letters take other room. */
function rangesOf(row, wanted) {
  const nodes = [];
  let whole = "";
  for (const node of textsOf(row)) {
    nodes.push([whole.length, node]);
    whole += node.data;
  }
  const folded = whole.toLowerCase();
  const found = [];
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

/** The marks of this page; all views share two, as a browser knows them by name. */
function marks(name) {
  if (!globalThis.CSS?.highlights) return null;
  if (!CSS.highlights.has(name)) CSS.highlights.set(name, new Highlight());
  return CSS.highlights.get(name);
}

/** Opens the folds that hold a text, in a row and around it; says whether there were any. */
function unfold(row, wanted) {
  const folds = [...row.querySelectorAll("details:not([open])")].filter((fold) =>
    fold.textContent.toLowerCase().includes(wanted),
  );
  for (let at = row.closest("details"); at; at = at.parentElement.closest("details"))
    if (!at.open) folds.push(at);
  for (const fold of folds) fold.open = true;
  return folds.length > 0;
}

const near = (one, row) =>
  one.compareDocumentPosition(row) && Math.abs(one.offsetTop - row.offsetTop) < 4000;

/**
 * The search in a rollout. The kernel says where a text stands, in what is folded or cut too; the
 * page opens what is folded and marks it.
 * @param {Live} live
 */
function searchBar(live, toolBar) {
  const field = h("input", {
    type: "search",
    placeholder: "Search the rollout",
    ariaLabel: "search the rollout",
    spellcheck: false,
    oninput: () => ask(),
  });
  const count = h("span.ak-count", { role: "status" });
  const kinds = h("span.ak-kinds", { role: "group", ariaLabel: "kinds of hits" });
  const where = h("small.ak-where");
  const step = (by, sign, label) => press(() => go(by), { icon: sign, label, kind: "ak-line" });
  const bar = h(
    ".ak-searchbar",
    { role: "search", hidden: true },
    h("span.ak-field", icon("search"), field, count),
    step(-1, "up", "Previous hit (Shift Enter)"),
    step(1, "down", "Next hit (Enter)"),
    kinds,
    where,
    h("span.ak-grow"),
    press(() => close(), { icon: "close", label: "Close the search (Esc)" }),
  );
  let asked = 0;
  let all = /** @type {[string, string, number, string][]} */ ([]);
  let counts = {};
  let kind = "";
  let at = -1;
  let mine = /** @type {[string, Range][]} */ ([]);

  const unmark = () => {
    for (const [name, range] of mine) marks(name)?.delete(range);
    mine = [];
  };
  const put = (name, range) => {
    marks(name)?.add(range);
    mine.push([name, range]);
  };
  const hits = () => (kind ? all.filter(([of]) => of === kind) : all);
  const sum = () => Object.values(counts).reduce((a, b) => a + b, 0);
  const wantedText = () => field.value.trim();

  /** The row of a hit, looked for once as long as it stays. */
  function rowOf(hit) {
    if (!hit.row?.isConnected) hit.row = foundRow(hit);
    return hit.row;
  }
  function foundRow([of, key]) {
    const above = of === "reasoning" ? /\/\w+$/ : /\/(text|problems)$/;
    return live.row(key) ?? live.row(key.replace(above, ""));
  }

  /** Which of the row's hits this is: those of the same row in order, whatever their kind. */
  function show() {
    const list = hits();
    const hit = list[at];
    const told = list.length
      ? `${at + 1} of ${counted(kind ? counts[kind] : sum())}`
      : "nothing found";
    unmark();
    where.textContent = "";
    count.textContent = wantedText() && told;
    if (!hit) return;
    const wanted = wantedText().toLowerCase();
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
    const same = (other) => turnOf(other[1]) === turn && rowOf(other) === row;
    const place = list.slice(0, at).filter(same).length;
    const current = ranges[place] ?? ranges.at(-1);
    for (const range of ranges) put(range === current ? "ak-current" : "ak-found", range);
    if (current && place < ranges.length) {
      if (opened) where.textContent = "opened by the search";
      live.reveal(current.startContainer.parentElement, current);
    } else {
      where.textContent = `in the part that is not shown: … ${hit[3]} …`;
      live.reveal(row);
    }
  }

  function go(by) {
    const many = hits().length;
    if (!many) return;
    at = (at + by + many) % many;
    show();
  }

  const ask = later(() => live.send("search", { ask: ++asked, text: wantedText() }), 120);

  /** Shows the hits of a kind, from the first on. */
  function choose(of) {
    kind = of;
    at = hits().length ? 0 : -1;
    const chips = ["", "text", "calls", "results", "reasoning", "problems"]
      .filter((each) => !each || counts[each])
      .map((each) =>
        press(() => choose(each), {
          word: `${each || "all"} ${counted(each ? counts[each] : sum())}`,
          kind: "ak-line",
          ariaPressed: String(each === kind),
        }),
      );
    const had = kinds.contains(document.activeElement);
    kinds.replaceChildren(...chips);
    if (had) kinds.querySelector("[aria-pressed='true']").focus();
    show();
  }

  function close() {
    if (bar.hidden) return false;
    bar.hidden = true;
    toolBar.hidden = false;
    unmark();
    focusOn(live.tool("search"));
    return true;
  }
  bar.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (key === "Escape") close();
    else if (key === "Enter" && target === field) go(event.shiftKey ? -1 : 1);
    else if (target !== field || key.length > 1) return;
    event.stopPropagation();
    if (key === "Enter" || key === "Escape") event.preventDefault();
  });
  return {
    bar,
    open() {
      bar.hidden = false;
      toolBar.hidden = true;
      field.focus();
      field.select();
      if (wantedText()) ask();
    },
    close,
    found(message) {
      if (message.ask !== asked || bar.hidden) return;
      all = message.hits;
      counts = message.counts;
      choose(counts[kind] ? kind : "");
    },
    end: unmark,
  };
}
