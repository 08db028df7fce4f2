/** action, label, letter, function key, icon (a path in a 16 by 16 box), what it does */
const TOOLS = [
  ["run", "Run", "r", "F9", "M4 2.5v11l9-5.5z", "run until a breakpoint or the end"],
  ["pause", "Pause", "p", "", "M4 3h3v10H4zM9 3h3v10H9z", "pause after the step in flight"],
  [
    "stop",
    "Stop",
    "x",
    "Shift+F9",
    "M3.5 3.5h9v9h-9z",
    "stop at once; the step in flight is dropped",
  ],
  null,
  ["step", "Step", "s", "", "M3 3v10l7-5zM11 3h2v10h-2z", "one step: a model call or a tool call"],
  [
    "next",
    "Next",
    "n",
    "F10",
    "M2 3v10l5.5-5zM7.5 3v10L13 8zM13 3h1.5v10H13z",
    "to the end of the turn",
  ],
  ["back", "Back", "b", "", "M13 3v10L6 8zM3 3h2v10H3z", "one step back; what lies ahead is kept"],
  null,
  [
    "fork",
    "Fork",
    "f",
    "",
    "M4 1.5a2 2 0 0 0-.75 3.85v5.3a2 2 0 1 0 1.5 0V9.2c.5-.9 1.6-1.2 3-1.4 " +
      "2-.3 3.9-.9 4.2-2.5a2 2 0 1 0-1.55-.05" +
      "c-.3.7-1.3.9-2.9 1.1-1 .15-2 .4-2.75.85V5.35A2 2 0 0 0 4 1.5z",
    "a new branch from here",
  ],
  [
    "edit",
    "Edit",
    "e",
    "",
    "M11.3 1.8l2.9 2.9-8.4 8.4-3.6.7.7-3.6z",
    "change what was said and go on from there",
  ],
];

/**
 * The toolbar: one stop for Tab, arrows within, a letter or function key from anywhere in the view.
 * @param {Live} live
 */
function toolbar(live) {
  const bar = h("div", { className: "ak-toolbar", role: "toolbar", "aria-label": "debugger" });
  /** @type {Map<string, HTMLElement>} */
  const tools = new Map();
  for (const tool of TOOLS) {
    if (!tool) {
      bar.append(h("span", { className: "ak-gap" }));
      continue;
    }
    const [action, label, letter, key, path, told] = tool;
    const made = h(
      "button",
      {
        type: "button",
        className: "ak-press",
        tabIndex: -1,
        title: `${label}: ${told} (${[letter.toUpperCase(), key].filter(Boolean).join(", ")})`,
        "aria-label": label,
        "aria-keyshortcuts": [letter, key].filter(Boolean).join(" "),
        "data-action": action,
      },
      icon(path),
      h("span", { textContent: label }),
    );
    made.addEventListener("click", () => live.act(action));
    tools.set(action, made);
    bar.append(made);
  }
  const list = () => [...bar.querySelectorAll("button")];
  const rove = (to) => {
    list().forEach((tool) => {
      tool.tabIndex = tool === to ? 0 : -1;
    });
    to.focus();
  };
  bar.addEventListener("keydown", (event) => {
    const all = list(),
      at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + all.length, Home: 0, End: all.length - 1 }[
      event.key
    ];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    rove(all[to % all.length]);
  });
  bar.addEventListener("focusin", (event) => {
    if (event.target.matches("button"))
      list().forEach((tool) => {
        tool.tabIndex = tool === event.target ? 0 : -1;
      });
  });
  tools.get("step").tabIndex = 0;
  return { bar, tools };
}

/** A part of the controls that a button of the toolbar opens. */
function panel(bar, name, label) {
  const body = h("div", {
    className: "ak-panel",
    hidden: true,
    role: "group",
    "aria-label": label,
  });
  const opener = h(
    "button",
    {
      type: "button",
      className: "ak-press ak-opener",
      tabIndex: -1,
      "aria-expanded": "false",
      "data-panel": name,
    },
    h("span", { textContent: label }),
  );
  const open = (on) => {
    body.hidden = !on;
    opener.setAttribute("aria-expanded", String(on));
  };
  opener.addEventListener("click", () => open(body.hidden));
  bar.append(opener);
  return {
    body,
    opener,
    open,
    count: (n) => {
      opener.firstChild.textContent = n ? `${label} ${n}` : label;
    },
  };
}
