/** What a key does: words, keys, what is done. */
const KEYS = [
  ["Run", ["F9"], "run"],
  ["Next turn", ["F10"], "next"],
  ["Step", ["S"], "step"],
  ["Back", ["B"], "back"],
  ["To the chosen turn", ["T"], "to"],
  ["Pause", ["P"], "pause"],
  ["Stop", ["X", "Shift+F9"], "stop"],
  ["Search", ["/"], "search"],
  ["Next, previous problem", ["N", "Shift N"]],
  ["Next, previous turn", ["J", "K"]],
  ["Breakpoint on the row", ["."]],
  ["Fork", ["F"], "fork"],
  ["Edit", ["E"], "edit"],
  ["Rerun", ["R"], "rerun"],
  ["Copy a link to the turn", ["L"]],
  ["Note or label", ["M"]],
  ["Copy as curl", ["C"]],
  ["Compare with the branch it left", ["D"]],
  ["These keys", ["?"], "keys"],
  ["Close", ["Esc"]],
];
const OF_A_TURN = ["fork", "edit", "rerun"];

/** The list of keys, over the view. */
function keyList(opener) {
  const rows = KEYS.map(([words, keys]) => {
    const kbds = keys.map((key) => h("kbd", key));
    return h("li", h("span", words), h("span", kbds));
  });
  const dialog = h(
    "dialog.ak-keys",
    {
      ariaLabel: "Keys",
      onclose: () => focusOn(opener),
      onclick: (event) => event.target === dialog && dialog.close(),
      onkeydown: (event) => event.stopPropagation(),
    },
    h(
      "header",
      h("strong", "Keys"),
      h("small", "while the view has the focus; the notebook does not hear them"),
      press(() => dialog.close(), { icon: "close", label: "Close keys" }),
    ),
    h("ul", rows),
  );
  return { dialog, open: () => dialog.showModal() };
}

/** Letters and function keys, from anywhere in the view but a field. @param {Live} live */
function keysOf(live, { args, escape, turn, stop }) {
  const actions = {};
  for (const [, keys, action] of KEYS)
    for (const key of keys) if (action) actions[key.length > 1 ? key : key.toLowerCase()] = action;
  const others = {
    n: (event) => live.problem(event.shiftKey ? -1 : 1),
    j: () => turn(1),
    k: () => turn(-1),
    ".": stop,
  };
  return (event) => {
    const { key } = event;
    if (key === "Escape") return void (escape() && event.stopPropagation());
    if ((isShortcut(event) || isTyped(event)) && !/^F\d+$/.test(key)) return;
    const letter = key.toLowerCase();
    const action = actions[key.length < 2 ? letter : event.shiftKey ? `Shift+${key}` : key];
    if (!action && !others[letter]) return;
    taken(event);
    if (action) live.act(action, OF_A_TURN.includes(action) ? args() : undefined);
    else others[letter](event);
  };
}
