const OF_A_TURN = ["fork", "edit", "rerun"];

/** The list of keys, over the view. @param {Live} live */
function keyList(live) {
  const dialog = h("dialog.ak-keys.ak-over", {
    ariaLabel: "Keys",
    onclose: () => focusOn(live.tool("keys")),
    onclick: ({ target }) => (target === dialog || target.closest("button")) && dialog.close(),
    onkeydown: (event) => event.stopPropagation(),
  });
  const open = () => {
    fill(dialog, live.state.in_keys);
    dialog.showModal();
  };
  return { dialog, open };
}

/** Letters and function keys, from anywhere in the view but a field. @param {Live} live */
function keysOf(live, { keyed, args, escape, turn, stop }) {
  const ofTurn = (action) => () => live.act(action, args());
  const others = {
    n: (event) => live.problem(event.shiftKey ? -1 : 1),
    j: () => turn(1),
    k: () => turn(-1),
    ".": stop,
    f: ofTurn("fork"),
    e: ofTurn("edit"),
    r: ofTurn("rerun"),
  };
  return (event) => {
    const { key } = event;
    if (key === "Escape") return void (escape() && event.stopPropagation());
    if ((isShortcut(event) || isTyped(event)) && !/^F\d+$/.test(key)) return;
    const letter = key === "/" ? "Slash" : key.toLowerCase();
    const button = keyed(key.length < 2 ? letter : event.shiftKey ? `Shift+${key}` : key);
    if (!button && !others[letter]) return;
    taken(event);
    if (button) live.act(button.dataset.action);
    else others[letter](event);
  };
}
