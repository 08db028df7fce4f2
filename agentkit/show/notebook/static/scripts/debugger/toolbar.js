/** The toolbar: a key does the same from anywhere in the view. @param {Live} live */
function toolbar(live) {
  const bar = h(".ak-toolbar", { role: "toolbar", ariaLabel: "debugger" });
  const tool = (name) => bar.querySelector(`[data-action="${name}"]`);
  bar.addEventListener("click", ({ target }) => {
    const { action } = target.closest("button")?.dataset ?? {};
    if (action) live.act(action);
  });
  bar.addEventListener("keydown", (event) => rove(event, bar));
  bar.addEventListener("focusin", (event) => tabStop(bar, event.target.closest("button")));
  const count = (name, many) => {
    tool(name).ariaLabel = `${tool(name).title} ${many || ""}`.trim();
  };
  const isNew = changes();
  return {
    bar,
    tool,
    /** Which button a key stands for. */
    keyed: (key) => {
      const is = ({ ariaKeyShortcuts }) => ariaKeyShortcuts?.split(" ").includes(key);
      return [...bar.querySelectorAll("button")].find(is);
    },
    state(state, pausing) {
      fill(bar, state.in_toolbar);
      for (const one of bar.querySelectorAll("[data-title]")) {
        const { action, title } = one.dataset;
        const why = state.gone ? "the kernel is gone" : (state.can?.[action] ?? "not yet");
        one.ariaDisabled = Boolean(why);
        one.title = why ? `${title} – ${why}` : title;
      }
      tool("pause").ariaPressed = pausing;
      const points = (state.points?.length ?? 0) + (state.approve?.length ? 1 : 0);
      bar.querySelector(".ak-number").textContent = points || "";
      count("breakpoints", points);
      count("branches", state.branches > 1 && state.branches);
      bar.querySelector("strong").hidden = Boolean(state.can);
      if (isNew(state.in_toolbar, Boolean(state.can)))
        tabStop(bar, tool(state.can ? "run" : "search"));
    },
  };
}

/** A part that a button of the toolbar opens: a heading, and what is below it. */
function panel(live, name) {
  const title = name[0].toUpperCase() + name.slice(1);
  const close = press(() => open(false), { icon: "close", label: `Close ${name}` });
  const about = h("small");
  const within = h(".ak-within");
  const head = h("header", h("strong", title), about, close);
  const given = { hidden: true, ariaLabel: title };
  const body = h(`section.ak-panel.ak-panel-${name}`, given, head, within);
  const open = (on) => {
    if (body.hidden !== on) return;
    body.hidden = !on;
    live.tool(name).ariaExpanded = on;
    made.changed?.(on);
    if (!on) focusOn(live.tool(name));
  };
  const made = { body, within, about, open };
  return made;
}
