const [WAITS, FINE, WARNED, FAILED] = [0, 1, 2, 3];
const MARKS = { [WARNED]: ["warn", "warn"], [FAILED]: ["error", "bad"] };
const NARROW = 800;
const LEAST = 1.5; // per cent: what ran is seen

/**
 * The outline: turns and their calls, as far as they have come, on one scale of time. A click, or
 * Enter, goes there; the gutter takes breakpoints.
 * @param {Live} live
 */
function outlineOf(live) {
  const total = h("span");
  const tree = h("div", { role: "tree", "aria-label": "outline of the rollout" });
  const node = h(
    "div",
    { className: "ak-outline" },
    h("header", {}, h("span", { textContent: "Outline" }), total),
    tree,
  );
  const strip = h("nav", { className: "ak-strip", "aria-label": "turns, as wide as they took" });
  /** @type {{entry: any[], start: number, length: number, node: HTMLElement}[]} */
  let turns = [];
  let known = /** @type {Object<string, any>} */ ({});
  let chosen = null;
  let seen = null;
  let narrow = false;
  const next = h("div", { className: "ak-twig ak-coming" });

  const bar = (kind) => {
    const track = document.createElementNS(SVG, "svg");
    track.setAttribute("class", "ak-track");
    track.setAttribute("aria-hidden", "true");
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", `ak-ran-${kind}`);
    track.append(rect);
    return track;
  };
  const item = (level, turn, call, name, tone) => {
    const made = h("div", {
      className: `ak-leaf ${level === 2 ? "ak-leaf-call" : ""}`,
      role: "treeitem",
      tabIndex: -1,
      "aria-level": String(level),
      "data-turn": String(turn),
      "data-call": call === null ? undefined : String(call),
    });
    const mark = MARKS[tone];
    made.append(
      h("span", { className: "ak-gutter", title: "stop here (.)" }),
      h(
        "span",
        { className: "ak-lab" },
        ...name,
        mark ? h("span", { className: `ak-${mark[1]}` }, icon(mark[0])) : null,
      ),
    );
    return made;
  };
  const time = (seconds) =>
    h("span", {
      className: "ak-ms",
      textContent: typeof seconds === "number" ? seconds.toFixed(2) : "",
    });

  function build(entry, index) {
    const [words, seconds, errors, warnings, calls] = entry;
    const tone = errors ? FAILED : warnings ? WARNED : FINE;
    const head = item(
      1,
      index,
      null,
      [h("b", { textContent: String(index) }), h("span", { textContent: words })],
      tone,
    );
    const wrong = [errors && `${errors} errors`, warnings && `${warnings} warnings`];
    head.akName = [`turn ${index}`, words, ...wrong.filter(Boolean)].filter(Boolean).join(", ");
    head.append(time(seconds), bar("model"));
    const rest = calls.map(([name, state, , spent], i) => {
      const row = item(2, index, i, [h("code", { textContent: name })], state);
      const came = { [WAITS]: "waits", [WARNED]: "with warnings", [FAILED]: "failed" }[state];
      row.akName = [name, came].filter(Boolean).join(", ");
      row.append(time(spent), bar(state === FAILED ? "failed" : "tool"));
      return row;
    });
    return h("div", { className: "ak-twig", role: "none" }, head, ...rest);
  }

  const lengthOf = ([, seconds, , , calls]) =>
    Math.max(seconds ?? 0, ...calls.map(([, , start = 0, spent = 0]) => start + spent));

  function scale() {
    const all = turns.length ? turns.at(-1).start + turns.at(-1).length : 0;
    total.textContent = all ? clock(all) : "";
    const place = (rect, start, length) => {
      const track = rect.parentNode;
      track.toggleAttribute("hidden", !(all && length > 0));
      rect.setAttribute("x", `${Math.min(100 - LEAST, (100 * start) / all || 0).toFixed(2)}%`);
      rect.setAttribute("width", `${Math.max(LEAST, (100 * length) / all || 0).toFixed(2)}%`);
    };
    for (const { entry, start, node: twig } of turns) {
      const rects = twig.querySelectorAll("rect");
      place(rects[0], start, entry[1] ?? 0);
      entry[4].forEach(([, , at, spent], i) =>
        place(rects[i + 1], start + (at ?? entry[1] ?? 0), spent ?? 0),
      );
    }
  }

  /** The turns as buttons on one line, where there is no room for the outline. */
  function lay() {
    if (!narrow) return strip.replaceChildren();
    strip.replaceChildren(
      ...turns.map(({ entry, length }, index) => {
        const tone = entry[2] ? "bad" : entry[3] ? "warn" : "";
        const sign = { bad: " ✕", warn: " ▲" }[tone] ?? "";
        const made = h("button", {
          type: "button",
          className: tone ? `ak-${tone}` : "",
          textContent: `${index}${sign}`,
          title: entry[0],
          "aria-label": `turn ${index}${sign && `, with problems`}`,
          "data-turn": String(index),
          onclick: () => live.goto(index),
        });
        made.style.flexGrow = String(Math.max(0.05, length).toFixed(2));
        return made;
      }),
    );
    mark();
  }

  /** Where we are, what is chosen, what is in view, and where it stops. */
  function mark() {
    const [turn, call] = known.here ?? [];
    const points = known.points ?? [];
    const asked = new Set(known.approve ?? []);
    for (const leaf of tree.querySelectorAll(".ak-leaf")) {
      const index = Number(leaf.dataset.turn);
      const place = leaf.dataset.call === undefined ? null : Number(leaf.dataset.call);
      const here = index === turn && (place ?? null) === (call ?? null);
      const at = here || (index === turn && place === null);
      leaf.classList.toggle("ak-here", at);
      leaf.classList.toggle("ak-next", here);
      leaf.classList.toggle("ak-ahead", index >= (known.reached ?? Infinity) && !at);
      if (at) leaf.setAttribute("aria-current", "step");
      else leaf.removeAttribute("aria-current");
      const name = leaf.querySelector("code")?.textContent;
      const stops = points.filter((point) =>
        place === null ? point.turn === index : point.tools.includes(name),
      );
      const conditional = stops.length > 0 && stops.every((point) => !point.plain);
      leaf.classList.toggle("ak-stops", stops.length > 0 || (place !== null && asked.has(name)));
      leaf.classList.toggle("ak-if", conditional);
      const words = [leaf.akName, stops.length && "breakpoint", here && "next step"];
      leaf.setAttribute("aria-label", words.filter(Boolean).join(", "));
    }
    for (const one of strip.children)
      one.classList.toggle("ak-here", Number(one.dataset.turn) === turn);
    point();
    const first = tree.querySelector(".ak-leaf");
    if (first && !tree.querySelector("[tabindex='0']")) first.tabIndex = 0;
  }

  /** Marks what is in view and what is chosen: two leaves, as a reader who scrolls waits for it. */
  function point() {
    for (const old of node.querySelectorAll(".ak-seen")) old.classList.remove("ak-seen");
    tree.querySelector("[aria-selected]")?.removeAttribute("aria-selected");
    turns[seen]?.node.firstChild.classList.add("ak-seen");
    leafOf(...(chosen ?? []))?.setAttribute("aria-selected", "true");
    strip.querySelector("[aria-current]")?.removeAttribute("aria-current");
    strip.children[seen]?.setAttribute("aria-current", "true");
  }

  const leafOf = (turn, call = null) =>
    turns[turn]?.node.children[call === null ? 0 : call + 1];

  /** A row for the step that comes next, where its turn has none yet. */
  function coming() {
    const [turn] = known.here ?? [];
    next.remove();
    if (turn === undefined || turn < turns.length) return;
    const words = known.running ? "answering" : "next: ask the model";
    const row = item(1, turn, null, [
      h("b", { textContent: String(turn) }),
      h("span", { textContent: words }),
    ]);
    row.akName = `turn ${turn}, ${words}`;
    next.replaceChildren(row);
    tree.append(next);
  }

  const leaves = () => [...tree.querySelectorAll(".ak-leaf")];
  const choose = (leaf, focus) => {
    for (const one of tree.querySelectorAll("[tabindex='0']")) one.tabIndex = -1;
    leaf.tabIndex = 0;
    if (focus) leaf.focus();
  };
  const placeOf = (leaf) => [
    Number(leaf.dataset.turn),
    leaf.dataset.call === undefined ? null : Number(leaf.dataset.call),
  ];
  const stopAt = (leaf) => {
    if (!known.can || known.gone) return;
    const name = leaf.querySelector("code")?.textContent;
    live.send("point", name === undefined ? { turn: placeOf(leaf)[0] } : { tool: name });
  };
  tree.addEventListener("click", (event) => {
    const leaf = event.target.closest(".ak-leaf");
    if (!leaf) return;
    choose(leaf, true);
    if (event.target.closest(".ak-gutter")) stopAt(leaf);
    else live.goto(...placeOf(leaf));
  });
  tree.addEventListener("keydown", (event) => {
    const all = leaves(),
      at = all.indexOf(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const heads = all.filter((leaf) => leaf.dataset.call === undefined);
    const head = heads.findLast((leaf) => all.indexOf(leaf) <= at);
    const to = {
      ArrowDown: all[at + 1],
      ArrowUp: all[at - 1],
      Home: all[0],
      End: all.at(-1),
      ArrowLeft: head,
      ArrowRight: all[at + 1]?.dataset.call === "0" ? all[at + 1] : undefined,
    };
    if (event.key in to) {
      if (to[event.key]) choose(to[event.key], true);
    } else if (event.key === "Enter" || event.key === " ") {
      live.goto(...placeOf(all[at]));
    } else if (event.key === ".") {
      stopAt(all[at]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width < NARROW === narrow) return;
    narrow = !narrow;
    lay();
  }).observe(live.root);

  return {
    node,
    strip,
    get chosen() {
      return chosen;
    },
    get turns() {
      return turns;
    },
    take(start, entries) {
      for (const { node: twig } of turns.splice(start)) twig.remove();
      next.remove();
      for (const entry of entries) {
        const last = turns.at(-1);
        const twig = build(entry, turns.length);
        turns.push({
          entry,
          start: last ? last.start + last.length : 0,
          length: lengthOf(entry),
          node: twig,
        });
        tree.append(twig);
      }
      scale();
      lay();
    },
    state(state) {
      known = state;
      coming();
      mark();
    },
    /** What is in view, in grey; what was gone to, as the tree's choice. */
    viewed(turn) {
      if (turn === seen) return;
      seen = turn;
      point();
      const leaf = turns[turn]?.node.firstChild;
      if (!leaf || node.contains(document.activeElement)) return;
      const box = node.getBoundingClientRect(),
        row = leaf.getBoundingClientRect();
      if (row.top < box.top + 30) node.scrollTop -= box.top + 30 - row.top;
      else if (row.bottom > box.bottom) node.scrollTop += row.bottom - box.bottom + 26;
    },
    /** Chooses a turn or a call; null for none. */
    pick(turn, call = null) {
      chosen = turn === null ? null : [turn, call];
      const leaf = leafOf(turn, call);
      if (leaf) choose(leaf, false);
      point();
    },
  };
}
