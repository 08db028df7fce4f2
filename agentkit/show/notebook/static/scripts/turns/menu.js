/**
 * A menu that lies over what follows: arrows move in it, Esc and a click elsewhere close it.
 * @param {Live} live
 * @param {HTMLElement} opener
 * @param {([string, string, () => void, string?] | null)[]} entries  icon, words, act, key; a rule
 */
function openMenu(live, opener, entries) {
  const close = () => {
    menu.remove();
    opener.setAttribute("aria-expanded", "false");
    live.rows.removeEventListener("scroll", close);
  };
  const menu = h(
    "div",
    { className: "ak-menu", role: "menu", popover: "auto" },
    entries.map((entry) => {
      if (!entry) return h("div", { className: "ak-rule", role: "separator" });
      const [sign, words, act, key] = entry;
      return h(
        "button",
        {
          type: "button",
          role: "menuitem",
          tabIndex: -1,
          onclick: () => {
            close();
            opener.focus({ preventScroll: true });
            act();
          },
        },
        icon(sign),
        h("span", { textContent: words }),
        key ? h("kbd", { textContent: key.toUpperCase(), "aria-hidden": "true" }) : null,
      );
    }),
  );
  live.root.append(menu);
  menu.showPopover();
  const at = opener.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = at.bottom + height + 4 < innerHeight || at.top < height;
  menu.style.left = `${Math.max(4, at.right - width)}px`;
  menu.style.top = `${below ? at.bottom + 2 : at.top - height - 2}px`;
  const items = [...menu.querySelectorAll("button")];
  items[0].focus({ preventScroll: true });
  opener.setAttribute("aria-expanded", "true");
  live.rows.addEventListener("scroll", close, { passive: true });
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "closed" && menu.isConnected) close();
  });
  menu.addEventListener("keydown", (event) => {
    event.stopPropagation();
    const on = items.indexOf(document.activeElement);
    const to = { ArrowDown: on + 1, ArrowUp: on - 1 + items.length, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape") {
      close();
      opener.focus({ preventScroll: true });
    }
    if (to === undefined) return;
    event.preventDefault();
    items.at(to % items.length).focus();
  });
}
