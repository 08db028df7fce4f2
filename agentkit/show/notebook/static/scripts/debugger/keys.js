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
  const dialog = h("dialog", { className: "ak-keys", "aria-label": "Keys" });
  const close = press(() => dialog.close(), { icon: "close", label: "Close keys" });
  dialog.append(
    h(
      "header",
      {},
      h("strong", { textContent: "Keys" }),
      h("small", { textContent: "while the view has the focus; the notebook does not hear them" }),
      close,
    ),
    h(
      "ul",
      {},
      ...KEYS.map(([words, keys]) =>
        h(
          "li",
          {},
          h("span", { textContent: words }),
          h("span", {}, ...keys.map((key) => h("kbd", { textContent: key }))),
        ),
      ),
    ),
  );
  dialog.addEventListener("close", () => opener.focus({ preventScroll: true }));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  return { dialog, open: () => dialog.showModal() };
}

/** Letters and function keys, from anywhere in the view but a field. @param {Live} live */
function keysOf(live, { args, escape, turn, stop }) {
  const actions = {};
  for (const [, keys, action] of KEYS)
    for (const key of keys) if (action) actions[key.length > 1 ? key : key.toLowerCase()] = action;
  const others = {
    n: () => live.problem(1),
    N: () => live.problem(-1),
    j: () => turn(1),
    k: () => turn(-1),
    ".": stop,
  };
  return (event) => {
    const { key } = event;
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.nodeName);
    if (key === "Escape") return void (escape() && event.stopPropagation());
    const held = event.ctrlKey || event.metaKey || event.altKey;
    if ((held || typing) && !/^F\d+$/.test(key)) return;
    const name = key.length > 1 && event.shiftKey ? `Shift+${key}` : key;
    const action = actions[key.length > 1 ? name : key.toLowerCase()];
    const other = others[key === "N" ? key : key.toLowerCase()];
    if (!action && !other) return;
    event.preventDefault();
    event.stopPropagation();
    if (other) other();
    else live.act(action, OF_A_TURN.includes(action) ? args() : undefined);
  };
}
