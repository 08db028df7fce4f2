/**
 * A menu that lies over what follows: arrows move in it, Esc and a click elsewhere close it.
 * @param {Live} live
 * @param {HTMLElement} opener
 * @param {([string, string, () => void, string?] | null)[]} entries  icon, words, act, key; a rule
 */
function openMenu(live, opener, entries) {
  const close = () => {
    menu.remove();
    opener.ariaExpanded = "false";
    live.rows.removeEventListener("scroll", close);
  };
  const leave = () => {
    close();
    focusOn(opener);
  };
  const item = ([sign, words, act, key]) => {
    const made = press(
      () => {
        leave();
        act();
      },
      { icon: sign, word: words, role: "menuitem", tabIndex: -1 },
    );
    if (key) made.append(h("kbd", { textContent: key.toUpperCase(), ariaHidden: "true" }));
    return made;
  };
  const menu = h(
    ".ak-menu",
    {
      role: "menu",
      popover: "auto",
      ontoggle: ({ newState }) => newState === "closed" && menu.isConnected && close(),
      onkeydown: (event) => {
        event.stopPropagation();
        if (event.key === "Escape") leave();
        else rove(event, menu);
      },
    },
    entries.map((entry) => (entry ? item(entry) : h(".ak-rule", { role: "separator" }))),
  );
  live.root.append(menu);
  menu.showPopover();
  const at = opener.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = at.bottom + height + 4 < innerHeight || at.top < height;
  menu.style.left = `${Math.max(4, at.right - width)}px`;
  menu.style.top = `${below ? at.bottom + 2 : at.top - height - 2}px`;
  focusOn(menu.querySelector("button"));
  opener.ariaExpanded = "true";
  live.rows.addEventListener("scroll", close, { passive: true });
}
