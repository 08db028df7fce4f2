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
/** What opens something. */
const OPENERS = [
  ["search", "Search", ["/"], "search"],
  ["breakpoints", "Breakpoints", [], "point"],
  ["branches", "Branches", [], "branches"],
  ["charts", "Charts", [], "chart"],
  ["keys", "Keys", ["?"], "keys"],
];

/** The toolbar: a key does the same from anywhere in the view. @param {Live} live */
function toolbar(live) {
  const bar = h(".ak-toolbar", { role: "toolbar", ariaLabel: "debugger" });
  /** @type {Object<string, HTMLElement>} */
  const tools = {};
  const add = ([name, word, keys, sign, told, kind = "ak-ic"]) => {
    const made = press(() => live.act(name), {
      icon: sign,
      word: kind === "ak-ic" ? "" : word,
      label: word,
      kind,
      ariaKeyShortcuts: keys.map((key) => (key === "/" ? "Slash" : key)).join(" ") || null,
      "data-action": name,
    });
    const listed = keys.map((key) => (key.length > 1 ? key : key.toUpperCase())).join(", ");
    made.akTitle = `${word}${told ? `: ${told}` : ""}${listed && ` (${listed})`}`;
    made.title = made.akTitle;
    if (told || ["breakpoints", "branches"].includes(name)) made.classList.add("ak-drive");
    bar.append(made);
    tools[name] = made;
  };
  for (const tool of TOOLS)
    if (tool) add(tool);
    else bar.append(h("span.ak-gap.ak-drive"));
  const title = h("strong", "Rollout");
  bar.append(title, h("span.ak-grow"));
  OPENERS.forEach(add);
  const number = h("span.ak-number");
  tools.breakpoints.append(number);
  bar.addEventListener("keydown", (event) => rove(event, bar));
  bar.addEventListener("focusin", (event) => tabStop(bar, event.target.closest("button")));
  tabStop(bar, tools.run);
  const count = (name, many) =>
    (tools[name].ariaLabel = `${tools[name].title} ${many || ""}`.trim());
  return {
    bar,
    tools,
    state(state, pausing) {
      for (const [action] of TOOLS.filter(Boolean)) {
        const tool = tools[action];
        const why = state.gone ? "the kernel is gone" : (state.can?.[action] ?? "not yet");
        tool.ariaDisabled = Boolean(why);
        tool.title = why ? `${tool.akTitle} – ${why}` : tool.akTitle;
      }
      tools.pause.ariaPressed = pausing;
      const points = (state.points?.length ?? 0) + (state.approve?.length ? 1 : 0);
      number.textContent = points || "";
      count("breakpoints", points);
      count("branches", state.branches > 1 && state.branches);
      title.hidden = Boolean(state.can);
      if (!state.can && !bar.querySelector("button[tabindex='0']")?.offsetParent)
        tabStop(bar, tools.search);
    },
  };
}

/** A part that a button of the toolbar opens: a heading, and what is below it. */
function panel(opener, name, title) {
  const close = press(() => open(false), { icon: "close", label: `Close ${name}` });
  const about = h("small");
  const within = h(".ak-within");
  const body = h(
    "section",
    { className: `ak-panel ak-panel-${name}`, hidden: true, ariaLabel: title },
    h("header", h("strong", title), about, close),
    within,
  );
  opener.ariaExpanded = "false";
  const open = (on) => {
    if (body.hidden !== on) return;
    body.hidden = !on;
    opener.ariaExpanded = on;
    made.changed?.(on);
    if (!on) focusOn(opener);
  };
  const made = { body, within, about, open };
  return made;
}
