/** Where a run can stop: the label, and what the field beside it takes; null for nothing. */
const BREAK_KINDS = {
  tool: ["tool", "its name, as pay"],
  problem: ["problem", "its code, as arguments_missing"],
  tool_error: ["a tool fails", null],
  finish: ["finish reason", "as length"],
  turn: ["turn", "its number, from 0"],
  text: ["text", "a text in an answer or a result"],
  repeat: ["same call again", "how often, as 3"],
  recovered: ["a call in the text", null],
};

/** The list of breakpoints, and the line that adds one. @param {Live} live */
function breakpoints(live, { within: body }) {
  const list = h("ul", { className: "ak-list" });
  const show = keyed(list, ({ index, text }) =>
    h(
      "li",
      {},
      h("code", { textContent: text }),
      index === undefined
        ? null
        : button("×", () => live.send("unbreak", { index }), {
            className: "ak-close",
            "aria-label": `remove breakpoint ${text}`,
          }),
    ),
  );
  const kind = h(
    "select",
    {},
    ...Object.entries(BREAK_KINDS).map(([value, [label]]) =>
      h("option", { value, textContent: label }),
    ),
  );
  const value = h("input", { type: "text", placeholder: BREAK_KINDS.tool[1] });
  const adapt = () => {
    const hint = BREAK_KINDS[kind.value][1];
    value.disabled = hint === null;
    value.placeholder = hint ?? "";
  };
  kind.addEventListener("change", adapt);
  const add = () => {
    live.send("break", { kind: kind.value, value: value.value });
    value.value = "";
  };
  value.addEventListener("keydown", (event) => {
    if (event.key === "Enter") add();
  });
  const none = h("p", { className: "ak-note", textContent: "none: Run goes on to the end" });
  body.append(
    none,
    list,
    h(
      "div",
      { className: "ak-line-of" },
      labelled("Stop at", kind),
      labelled("Which", value),
      button("Add", add),
    ),
  );
  return ({ points = [], approve = [] }) => {
    none.hidden = points.length > 0 || approve.length > 0;
    show([
      ...(approve.length ? [{ text: `approval, before ${approve.join(" or ")}` }] : []),
      ...points.map(({ text, sides }, index) => ({ index, text: `${text}, ${sides}` })),
    ]);
  };
}

/** The branches, as a tree. @param {Live} live */
function branches(live, { within: body }) {
  const list = h("ul", { className: "ak-list ak-tree" });
  body.append(list);
  const show = keyed(list, ({ label, text, depth, current }) => {
    const made = button("", () => live.send("switch", { branch: label }), {
      className: "ak-branch",
      "aria-current": current ? "true" : null,
    });
    made.append(h("code", { textContent: label }), h("small", { textContent: text }));
    made.style.paddingInlineStart = `${8 + 16 * Math.min(depth, 12)}px`;
    return h("li", {}, made);
  });
  return show;
}

/** The charts, which Python draws while they are open. @param {Live} live */
function charts(live, made) {
  const { within, body } = made;
  const drawn = new Rows(within);
  within.tabIndex = 0; // it scrolls
  const known = () => [...drawn.parts.keys()].at(-1) ?? null;
  made.changed = (on) => {
    if (on) drawn.reset([]);
    live.send("charts", { open: on });
  };
  return (name, html) => {
    if (body.hidden) return;
    if (drawn.parts.has(name)) drawn.set(name, html);
    else drawn.insert(name, html, known());
  };
}

PARTS.push((live) => {
  const showBreaks = breakpoints(live, live.panels.breakpoints);
  const showTree = branches(live, live.panels.branches);
  const showChart = charts(live, live.panels.charts);
  return {
    state(state) {
      showBreaks(state);
      showTree(state.tree ?? []);
    },
    op(name, key, html) {
      if (name === "chart") showChart(key, html);
    },
  };
});
