const [WAITS, FINE, WARNED, FAILED] = [0, 1, 2, 3];
const MARKS = { [WARNED]: ["warn", "warn"], [FAILED]: ["error", "bad"] };
const LEAST = 1.5; // per cent: what ran is seen

/** The turn and the call of a row of the outline; no call in the row of a turn. */
const placeOf = ({ dataset: { turn, call } }) => [
  Number(turn),
  call === undefined ? null : Number(call),
];

/** A row of the outline: what it is called, its mark, its seconds and their bar. */
function leafOf({ turn, call = null, name, tone, seconds, ran, told }) {
  const mark = MARKS[tone];
  const bar = shape("rect", { class: `ak-ran-${ran}` });
  const akTime = seconds?.toFixed(2) ?? "";
  const given = {
    role: "treeitem",
    tabIndex: -1,
    ariaLevel: call === null ? 1 : 2,
    "data-turn": turn,
    "data-call": call,
    akName: told.filter(Boolean).join(", "),
    akTime,
  };
  return h(
    `.ak-leaf${call === null ? "" : ".ak-leaf-call"}`,
    given,
    h("span.ak-gutter", { title: "stop here (.)" }),
    h("span.ak-lab", name, mark && h(`span.ak-${mark[1]}`, icon(mark[0]))),
    h("span.ak-ms", akTime),
    ran && shape("svg", { class: "ak-track", "aria-hidden": true }, bar),
  );
}

/** The name of a turn's row. */
const named = (turn, words) => [h("b", turn), h("span", words)];

/** The rows of a turn and its calls. */
function twigOf([words, seconds, errors, warnings, calls], turn) {
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
  return h(".ak-twig", { role: "none" }, head, rest);
}

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

  const lengthOf = ([, seconds, , , calls]) =>
    Math.max(seconds ?? 0, ...calls.map(([, , start = 0, spent = 0]) => start + spent));

  function scale() {
    const last = turns.at(-1);
    const all = last ? last.start + last.length : 0;
    total.textContent = all ? clock(all) : "";
    const place = (rect, start, length) => {
      rect.parentNode.toggleAttribute("hidden", !(all && length > 0));
      rect.setAttribute("x", `${Math.min(100 - LEAST, (100 * start) / all || 0).toFixed(2)}%`);
      rect.setAttribute("width", `${Math.max(LEAST, (100 * length) / all || 0).toFixed(2)}%`);
    };
    for (const { entry, start, node: twig } of turns) {
      const [head, ...rest] = twig.querySelectorAll("rect");
      place(head, start, entry[1] ?? 0);
      entry[4].forEach(([, , at, spent], i) =>
        place(rest[i], start + (at ?? entry[1] ?? 0), spent ?? 0),
      );
    }
  }

  /** The turns as buttons on one line, where there is no room for the outline. */
  function lay() {
    const buttons = turns.map(({ entry, length }, turn) => {
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
    });
    strip.replaceChildren(...(narrow ? buttons : []));
    mark();
  }

  /** Where we are, what is chosen, what is in view, and where it stops. */
  function mark() {
    const [turn, call = null] = known.here ?? [];
    for (const leaf of tree.querySelectorAll(".ak-leaf")) {
      const [index, place] = placeOf(leaf);
      const here = index === turn && place === call;
      const at = here || (index === turn && place === null);
      const name = leaf.querySelector("code")?.textContent;
      const stops = (known.points ?? []).filter((point) =>
        place === null ? point.turn === index : point.tools.includes(name),
      );
      const asks = place !== null && known.approve?.includes(name);
      const is = {
        here: at,
        next: here,
        ahead: index >= (known.reached ?? Infinity) && !at,
        stops: stops.length || asks,
        if: stops.length && stops.every((point) => !point.plain),
      };
      for (const kind in is) leaf.classList.toggle(`ak-${kind}`, Boolean(is[kind]));
      leaf.ariaCurrent = at ? "step" : null;
      const due = here && !known.running ? "next" : "";
      leaf.querySelector(".ak-ms").textContent = leaf.akTime || due;
      const words = [leaf.akName, stops.length && "breakpoint", here && "next step"];
      leaf.ariaLabel = words.filter(Boolean).join(", ");
    }
    for (const one of strip.children) one.classList.toggle("ak-here", placeOf(one)[0] === turn);
    point();
    const first = tree.querySelector(".ak-leaf");
    if (first && !tree.querySelector("[tabindex='0']")) first.tabIndex = 0;
  }

  /** Marks what is in view and what is chosen: two leaves, as a reader who scrolls waits for it. */
  function point() {
    tree.querySelector(".ak-seen")?.classList.remove("ak-seen");
    turns[seen]?.node.firstChild.classList.add("ak-seen");
    markOnly(tree, "aria-selected", leafAt(...(chosen ?? [])));
    markOnly(strip, "aria-current", strip.children[seen]);
  }
  const leafAt = (turn, call = null) => turns[turn]?.node.children[call === null ? 0 : call + 1];

  /** A row for the step that comes next, where its turn has none yet. */
  function coming() {
    const [turn] = known.here ?? [];
    next.remove();
    if (turn === undefined || turn < turns.length) return;
    const failed = known.status?.kind === "failed";
    const words = known.running ? "answering" : failed ? "no answer yet" : "ask the model";
    const tone = failed ? FAILED : FINE;
    next.replaceChildren(
      leafOf({ turn, name: named(turn, words), tone, told: [`turn ${turn}`, words] }),
    );
    tree.append(next);
  }

  const stopAt = (leaf) => {
    if (!known.can || known.gone) return;
    const tool = leaf.querySelector("code")?.textContent;
    live.send("point", tool === undefined ? { turn: placeOf(leaf)[0] } : { tool });
  };
  const to = (leaf) => {
    tabStop(tree, leaf, ".ak-leaf");
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
      for (const entry of entries) {
        const last = turns.at(-1);
        const twig = twigOf(entry, turns.length);
        const from = last ? last.start + last.length : 0;
        turns.push({ entry, start: from, length: lengthOf(entry), node: twig });
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
    /** What is in view, in grey. */
    viewed(turn) {
      if (turn === seen) return;
      seen = turn;
      point();
      const leaf = turns[turn]?.node.firstChild;
      if (!leaf || node.contains(document.activeElement)) return;
      const box = node.getBoundingClientRect();
      const row = leaf.getBoundingClientRect();
      if (row.top < box.top + 30) node.scrollTop -= box.top + 30 - row.top;
      else if (row.bottom > box.bottom) node.scrollTop += row.bottom - box.bottom + 26;
    },
    /** Chooses a turn or a call; null for none. */
    pick(turn, call = null) {
      chosen = turn === null ? null : [turn, call];
      const leaf = leafAt(turn, call);
      if (leaf) tabStop(tree, leaf, ".ak-leaf");
      point();
    },
  };
}
