/** action, word, keys, icon, what it does, how it looks; null for a line between groups */
const TOOLS = [
  ["restart", "Restart", [], "restart", "begin again, on a branch of its own", "ak-ic"],
  ["back", "Back", ["b"], "back", "one step back; what lies ahead is kept", "ak-ic"],
  null,
  ["run", "Run", ["F9"], "run", "run until a breakpoint or the end", "ak-main"],
  ["next", "Next", ["F10"], "next", "to the end of the turn", ""],
  ["step", "Step", ["s"], "step", "one step: a model call or a tool call", ""],
  ["to", "To here", ["t"], "to", "to the turn that is chosen in the outline", "ak-ic"],
  null,
  ["pause", "Pause", ["p"], "pause", "pause after the step in flight", ""],
  ["stop", "Stop", ["x", "Shift+F9"], "stop", "stop at once; the step in flight is dropped", ""],
];
/** What opens something: name, word, keys, icon. */
const OPENERS = [
  ["search", "Search", ["/"], "search"],
  ["breakpoints", "Breakpoints", [], "point"],
  ["branches", "Branches", [], "branches"],
  ["charts", "Charts", [], "chart"],
  ["keys", "Keys", ["?"], "keys"],
];
const DRIVEN = ["breakpoints", "branches"];

const shown = (keys) => keys.map((key) => (key.length > 1 ? key : key.toUpperCase())).join(", ");

/**
 * Says that a control can do nothing, and why; it stays where it is and can be focused.
 * @param {HTMLElement} node
 */
function able(node, why) {
  node.setAttribute("aria-disabled", String(Boolean(why)));
  node.title = why ? `${node.akTitle} – ${why}` : node.akTitle;
}

/** One stop for Tab, arrows within. */
function roving(bar, select = "button") {
  const list = () => [...bar.querySelectorAll(select)].filter((one) => one.offsetParent);
  const choose = (to) => {
    for (const one of bar.querySelectorAll(select)) one.tabIndex = one === to ? 0 : -1;
  };
  bar.addEventListener("keydown", (event) => {
    const all = list(),
      at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + all.length, Home: 0, End: all.length - 1 }[
      event.key
    ];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    choose(all[to % all.length]);
    all[to % all.length].focus();
  });
  bar.addEventListener("focusin", (event) => {
    if (event.target.matches(select)) choose(event.target);
  });
  return choose;
}

/** A control of the toolbar: its word goes where there is no room, its name stays. */
function control(name, word, keys, sign, told, kind, onclick) {
  const made = press(onclick, {
    icon: sign,
    word: kind === "ak-ic" ? "" : word,
    label: word,
    kind: kind === "ak-ic" ? "" : kind,
    tabIndex: -1,
    "aria-keyshortcuts": keys.map((key) => (key === "/" ? "Slash" : key)).join(" ") || undefined,
    "data-action": name,
  });
  made.akTitle = `${word}${told ? `: ${told}` : ""}${keys.length ? ` (${shown(keys)})` : ""}`;
  made.title = made.akTitle;
  return made;
}

/**
 * The toolbar: a letter or function key does the same from anywhere in the view.
 * @param {Live} live
 */
function toolbar(live) {
  const bar = h("div", { className: "ak-toolbar", role: "toolbar", "aria-label": "debugger" });
  /** @type {Map<string, HTMLElement>} */
  const tools = new Map();
  for (const tool of TOOLS) {
    if (!tool) {
      bar.append(h("span", { className: "ak-gap ak-drive" }));
      continue;
    }
    const [action, word, keys, sign, told, kind] = tool;
    const made = control(action, word, keys, sign, told, kind, () => live.act(action));
    made.classList.add("ak-drive");
    tools.set(action, made);
    bar.append(made);
  }
  const title = h("strong", { className: "ak-still", textContent: "Rollout" });
  bar.append(title, h("span", { className: "ak-grow" }));
  for (const [name, word, keys, sign] of OPENERS) {
    const made = control(name, word, keys, sign, "", "ak-ic", () => live.act(name));
    if (DRIVEN.includes(name)) made.classList.add("ak-drive");
    tools.set(name, made);
    bar.append(made);
  }
  const number = h("span", { className: "ak-number" });
  tools.get("breakpoints").append(number);
  const choose = roving(bar);
  choose(tools.get("run"));
  return {
    bar,
    tools,
    /** @param {Object<string, any>} state */
    state(state, pausing) {
      for (const [action] of TOOLS.filter(Boolean)) {
        const why = state.gone ? "the kernel is gone" : (state.can?.[action] ?? "not yet");
        able(tools.get(action), why);
      }
      tools.get("pause").setAttribute("aria-pressed", String(pausing));
      const points = (state.points?.length ?? 0) + (state.approve?.length ? 1 : 0);
      number.textContent = points ? String(points) : "";
      tools
        .get("breakpoints")
        .setAttribute("aria-label", points ? `Breakpoints ${points}` : "Breakpoints");
      const branches = state.branches ?? 1;
      tools
        .get("branches")
        .setAttribute("aria-label", branches > 1 ? `Branches ${branches}` : "Branches");
      title.hidden = Boolean(state.can);
      if (!state.can && !bar.querySelector("button[tabindex='0']")?.offsetParent)
        choose(tools.get("search"));
    },
  };
}

/** A part that a button of the toolbar opens: a heading, and what is below it. */
function panel(opener, name, title, note = "") {
  const close = press(() => open(false), { icon: "close", label: `Close ${title.toLowerCase()}` });
  const about = h("small", { textContent: note });
  const within = h("div", { className: "ak-within" });
  const body = h(
    "section",
    { className: `ak-panel ak-panel-${name}`, hidden: true, "aria-label": title },
    h("header", {}, h("strong", { textContent: title }), about, close),
    within,
  );
  opener.setAttribute("aria-expanded", "false");
  const open = (on) => {
    if (body.hidden !== on) return;
    body.hidden = !on;
    opener.setAttribute("aria-expanded", String(on));
    made.changed?.(on);
    if (!on) opener.focus({ preventScroll: true });
  };
  const made = { body, within, about, open, opener, changed: undefined };
  return made;
}
