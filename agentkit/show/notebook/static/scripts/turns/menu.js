/**
 * A menu that lies over what follows: arrows move in it, Esc and a click elsewhere close it.
 * @param {Live} live
 * @param {HTMLElement} opener
 * @param {any[]} items  buttons, and what parts them
 * @param {(button: HTMLElement) => void} act  what a button does that the kernel has described
 */
function openMenu(live, opener, items, act = () => {}) {
  const at = opener.getBoundingClientRect();
  const leave = () => close(true);
  const close = (back = menu.contains(document.activeElement)) => {
    menu.remove();
    opener.ariaExpanded = "false";
    live.rows.removeEventListener("scroll", moved);
    if (back) giveBack(live, opener);
  };
  const moved = () => Math.abs(opener.getBoundingClientRect().top - at.top) > 1 && close();
  const menu = h(".ak-menu.ak-over", {
    role: "menu",
    popover: "auto",
    ontoggle: ({ newState }) => newState === "closed" && menu.isConnected && close(),
    onkeydown: (event) => {
      event.stopPropagation();
      if (event.key === "Escape") leave();
      else rove(event, menu);
    },
  });
  menu.append(...items.map(made));
  for (const item of menu.querySelectorAll("button")) {
    Object.assign(item, { role: "menuitem", tabIndex: -1 });
    item.addEventListener("click", () => act(item));
  }
  menu.addEventListener("click", ({ target }) => target.closest("button") && leave(), true);
  live.root.append(menu);
  menu.showPopover();
  const { width, height } = menu.getBoundingClientRect();
  const below = at.bottom + height + 4 < innerHeight || at.top < height;
  menu.style.left = `${Math.max(4, at.right - width)}px`;
  menu.style.top = `${below ? at.bottom + 2 : at.top - height - 2}px`;
  focusOn(menu.querySelector("button"));
  opener.ariaExpanded = "true";
  live.rows.addEventListener("scroll", moved, { passive: true });
}
