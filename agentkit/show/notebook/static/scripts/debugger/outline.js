const [WAITS, FINE, WARNED, FAILED] = [0, 1, 2, 3];
const MARKS = { [WARNED]: ["warn", "warn"], [FAILED]: ["error", "bad"] };
const LEAST = 1.5; // per cent: what ran is seen
const UNSEEN = 0.01; // of the whole scale: less than a pixel of a bar

/** The turn and the call of a row of the outline; no call in the row of a turn. */
const placeOf = ({ dataset: { turn, call } }) => [
  Number(turn),
  call === undefined ? null : Number(call),
];

/** A row of the outline: what it is called, its mark, its seconds and their bar. */
function leafOf({ turn, call = null, name, tone, seconds, ran, told }) {
  const mark = MARKS[tone];
  const bar = ran && shape("rect", { class: `ak-ran-${ran}` });
  const akTime = seconds?.toFixed(2) ?? "";
  const given = {
    role: "treeitem",
    tabIndex: -1,
    ariaLevel: call === null ? 1 : 2,
    "data-turn": turn,
    "data-call": call,
    akName: told.filter(Boolean).join(", "),
    akTime,
    akTool: call === null ? undefined : name.textContent,
    akBar: bar && shape("svg", { class: "ak-track", "aria-hidden": true }, bar),
  };
  return h(
    `.ak-leaf${call === null ? "" : ".ak-leaf-call"}`,
    given,
    h("span.ak-gutter", { title: "stop here (.)" }),
    h("span.ak-lab", name, mark && h(`span.ak-${mark[1]}`, icon(mark[0]))),
    h("span.ak-ms", akTime),
  );
}

/** The name of a turn's row. */
const named = (turn, words) => [h("b", turn), h("span", words)];

/** The rows of a turn and its calls. */
function leavesOf([words, seconds, errors, warnings, calls], turn) {
  const head = leafOf({
    turn,
    name: named(turn, words),
    tone: errors ? FAILED : warnings ? WARNED : FINE,
    seconds,
    ran: "model",
    told: [`turn ${turn}`, words, errors && `${errors} errors`, warnings && `${warnings} warnings`],
  });
  const rest = calls.map(([name, state, , spent], call) =>
    leafOf({
      turn,
      call,
      name: h("code", name),
      tone: state,
      seconds: spent,
      ran: state === FAILED ? "failed" : "tool",
      told: [name, { [WAITS]: "waits", [WARNED]: "with warnings", [FAILED]: "failed" }[state]],
    }),
  );
  return [head, ...rest];
}

/** Gives one of some nodes a mark, and takes it from the one that had it. */
function markOf(put, take) {
  const mark = (node = null) => {
    if (node === mark.on) return;
    if (mark.on) take(mark.on);
    if (node) put(node);
    mark.on = node;
  };
  return mark;
}
const attributeOf = (name) =>
  markOf(
    (node) => node.setAttribute(name, "true"),
    (node) => node.removeAttribute(name),
  );
const classOf = (name) =>
  markOf(
    (node) => node.classList.add(name),
    (node) => node.classList.remove(name),
  );

/** Which of these a row is, as the bits of a number, from which its marks are made. */
const IS = { here: 1, next: 2, ahead: 4, stops: 8, if: 16 };
const DUE = 32;

/** Turns in a group of the outline: of those out of sight nothing is laid out or measured. */
const GROUP = 10;

/**
 * The outline: turns and their calls, as far as they have come, on one scale of time. A click, or
 * Enter, goes there; the gutter takes breakpoints.
 * @param {Live} live
 */
function outlineOf(live) {
  const total = h("span");
  const tree = h("div", { role: "tree", ariaLabel: "outline of the rollout" });
  const header = h("header", h("span", "Outline"), total);
  const node = h(".ak-outline", header, tree);
  const strip = h("nav.ak-strip", { ariaLabel: "turns, as wide as they took" });
  const next = h(".ak-twig", { role: "none" });
  /** @type {{entry: any[], start: number, length: number, node: HTMLElement}[]} */
  const turns = [];
  let known = /** @type {Object<string, any>} */ ({});
  let chosen = null;
  let seen = null;
  let narrow = false;
  const near = new Set();
  const showSeen = classOf("ak-seen");
  const showChosen = attributeOf("aria-selected");
  const showOnStrip = attributeOf("aria-current");
  const showHere = classOf("ak-here");
  const stopTab = markOf(
    (leaf) => (leaf.tabIndex = 0),
    (leaf) => (leaf.tabIndex = -1),
  );

  const lengthOf = ([, seconds, , , calls]) =>
    Math.max(seconds ?? 0, ...calls.map(([, , start = 0, spent = 0]) => start + spent));

  /** The seconds of all turns. */
  const whole = () => (turns.length ? turns.at(-1).start + turns.at(-1).length : 0);

  /** Draws the bars of a group on the scale of all; one out of sight has none. */
  function measured({ akFrom }) {
    const all = scale;
    const place = (leaf, start, length) => {
      const { akBar: track } = leaf;
      const shown = all && length > 0;
      if (!shown) return track.remove();
      const rect = track.firstChild;
      rect.setAttribute("x", `${Math.min(100 - LEAST, (100 * start) / all).toFixed(2)}%`);
      rect.setAttribute("width", `${Math.max(LEAST, (100 * length) / all).toFixed(2)}%`);
      if (track.parentNode !== leaf) leaf.append(track);
    };
    for (const { entry, start, node } of turns.slice(akFrom, akFrom + GROUP)) {
      const [head, ...rest] = node.children;
      place(head, start, entry[1] ?? 0);
      entry[4].forEach(([, , at, spent], i) =>
        place(rest[i], start + (at ?? entry[1] ?? 0), spent ?? 0),
      );
    }
  }
  /** All turns move a little with each that comes: by less than can be seen on most. */
  let scale = 0;
  const rescale = () => {
    const all = whole();
    if (Math.abs(all - scale) <= all * UNSEEN) return;
    scale = all;
    near.forEach(measured);
  };
  const watcher = new IntersectionObserver(
    (told) => {
      for (const { target, isIntersecting } of told) {
        near[isIntersecting ? "add" : "delete"](target);
        if (isIntersecting) measured(target);
        else for (const track of target.querySelectorAll(".ak-track")) track.remove();
      }
    },
    { scrollMargin: "100px" },
  );

  /** The turns as buttons on one line, where there is no room for the outline. */
  function lay(from = 0) {
    while (strip.children.length > (narrow ? from : 0)) strip.lastChild.remove();
    if (narrow) strip.append(...turns.slice(from).map((turn, i) => pieceOf(turn, from + i)));
    point();
    showHere(strip.children[known.here?.[0]]);
  }
  function pieceOf({ entry, length }, turn) {
    const tone = entry[2] ? "bad" : entry[3] ? "warn" : "";
    const sign = { bad: " ✕", warn: " ▲" }[tone] ?? "";
    const given = {
      type: "button",
      title: entry[0],
      ariaLabel: `turn ${turn}${sign && `, with problems`}`,
      style: `flex-grow: ${Math.max(0.05, length).toFixed(2)}`,
      "data-turn": turn,
      onclick: () => live.goto(turn),
    };
    return h(`button${tone && `.ak-${tone}`}`, given, `${turn}${sign}`);
  }

  /**
   * Where we are, what is chosen, what is in view, and where it stops. Of the turns before what has
   * changed nothing is read: with each that comes that would be all of them.
   */
  let marked = [0];
  const stopsElsewhere = changes();
  function mark(changed = turns.length) {
    const points = known.points ?? [];
    const [turn, call = null] = known.here ?? [];
    const reached = known.reached ?? Infinity;
    const mask = (leaf, index, place) => {
      const here = index === turn && place === call;
      const at = here || (index === turn && place === null);
      const name = leaf.akTool;
      const stops = points.filter((point) =>
        place === null ? point.turn === index : point.tools.includes(name),
      );
      const asks = place !== null && known.approve?.includes(name);
      return (
        (at && IS.here) |
        (here && IS.next) |
        (here && !known.running && DUE) |
        (index >= reached && !at && IS.ahead) |
        ((stops.length || asks) && IS.stops) |
        (stops.length && stops.every((point) => !point.plain) && IS.if)
      );
    };
    const places = [turn ?? Infinity, reached];
    const from = stopsElsewhere(points, known.approve)
      ? 0
      : Math.min(changed, ...places, ...marked);
    marked = places;
    for (let index = from; index < turns.length; index += 1) {
      const { children: leaves } = turns[index].node;
      for (let i = 0; i < leaves.length; i += 1)
        show(leaves[i], mask(leaves[i], index, i ? i - 1 : null));
    }
    for (const leaf of next.children) show(leaf, mask(leaf, turn, null));
    showHere(strip.children[turn]);
    point();
    if (!tree.contains(stopTab.on)) stopTab(tree.querySelector(".ak-leaf"));
  }
  function show(leaf, is) {
    if (leaf.akIs === is) return;
    leaf.akIs = is;
    for (const kind in IS) leaf.classList.toggle(`ak-${kind}`, Boolean(is & IS[kind]));
    leaf.ariaCurrent = is & IS.here ? "step" : null;
    leaf.querySelector(".ak-ms").textContent = leaf.akTime || (is & DUE ? "next" : "");
    const words = [leaf.akName, is & IS.stops && "breakpoint", is & IS.next && "next step"];
    leaf.ariaLabel = words.filter(Boolean).join(", ");
  }

  /** Marks what is in view and what is chosen: two leaves, as a reader who scrolls waits for it. */
  function point() {
    showSeen(turns[seen]?.node.firstChild);
    showChosen(leafAt(...(chosen ?? [])));
    showOnStrip(strip.children[seen]);
  }
  const leafAt = (turn, call = null) => turns[turn]?.node.children[call === null ? 0 : call + 1];

  /** A row for the step that comes next, where its turn has none yet. */
  function coming() {
    const [turn] = known.here ?? [];
    if (turn === undefined || turn < turns.length) return next.remove();
    const failed = known.status?.kind === "failed";
    const words = known.running ? "answering" : failed ? "no answer yet" : "ask the model";
    const tone = failed ? FAILED : FINE;
    if (isNew(turn, words, tone))
      next.replaceChildren(
        leafOf({ turn, name: named(turn, words), tone, told: [`turn ${turn}`, words] }),
      );
    if (next !== tree.lastChild) tree.append(next);
  }
  const isNew = changes();

  const stopAt = (leaf) => {
    if (!known.can || known.gone) return;
    const tool = leaf.akTool;
    live.send("point", tool === undefined ? { turn: placeOf(leaf)[0] } : { tool });
  };
  const to = (leaf) => {
    stopTab(leaf);
    leaf.focus();
  };
  tree.addEventListener("click", (event) => {
    const leaf = event.target.closest(".ak-leaf");
    if (!leaf) return;
    to(leaf);
    if (event.target.closest(".ak-gutter")) stopAt(leaf);
    else live.goto(...placeOf(leaf));
  });
  tree.addEventListener("keydown", (event) => {
    const all = [...tree.querySelectorAll(".ak-leaf")];
    const at = all.indexOf(event.target);
    if (at < 0 || isShortcut(event)) return;
    const towards = {
      ArrowDown: all[at + 1],
      ArrowUp: all[at - 1],
      Home: all[0],
      End: all.at(-1),
      ArrowLeft: all[at].parentNode.firstChild,
      ArrowRight: placeOf(all[at])[1] === null && all[at].nextSibling,
    };
    if (event.key in towards) towards[event.key] && to(towards[event.key]);
    else if (event.key === "Enter" || event.key === " ") live.goto(...placeOf(all[at]));
    else if (event.key === ".") stopAt(all[at]);
    else return;
    taken(event);
  });
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width < 800 === narrow) return;
    narrow = !narrow;
    lay();
  }).observe(live.root);

  return {
    node,
    strip,
    turns,
    get chosen() {
      return chosen;
    },
    take(start, entries) {
      for (const { node: twig } of turns.splice(start)) twig.remove();
      next.remove();
      while (tree.lastChild && !tree.lastChild.firstChild) tree.lastChild.remove();
      for (const entry of entries) {
        const twig = h(".ak-twig", { role: "none" }, leavesOf(entry, turns.length));
        if (turns.length % GROUP === 0) {
          tree.append(h(".ak-twigs", { role: "none", akFrom: turns.length }));
          watcher.observe(tree.lastChild);
        }
        turns.push({ entry, start: whole(), length: lengthOf(entry), node: twig });
        tree.lastChild.append(twig);
      }
      total.textContent = whole() ? clock(whole()) : "";
      rescale();
      near.forEach((group) => group.akFrom + GROUP > start && measured(group));
      lay(start);
      mark(start);
    },
    state(state) {
      known = state;
      coming();
      mark();
    },
    /** What is in view, in grey. */
    viewed(turn) {
      if (turn === seen) return;
      seen = turn;
      const leaf = turns[turn]?.node.firstChild;
      if (leaf && !node.contains(document.activeElement)) {
        const box = node.getBoundingClientRect();
        const row = leaf.getBoundingClientRect();
        if (row.top < box.top + 30) node.scrollTop -= box.top + 30 - row.top;
        else if (row.bottom > box.bottom) node.scrollTop += row.bottom - box.bottom + 26;
      }
      point();
    },
    /** Chooses a turn or a call; null for none. */
    pick(turn, call = null) {
      chosen = turn === null ? null : [turn, call];
      const leaf = leafAt(turn, call);
      if (leaf) stopTab(leaf);
      point();
    },
  };
}
