/**
 * The three menus at the right of the toolbar: columns, views that were saved, words and keys. One
 * is open at a time, over the table, which does not move.
 */
function menusOf(live) {
  const panel = h(".ak-xmenu.ak-over", { hidden: true, tabIndex: 0 });
  let open = -1;
  const labels = ["Columns", "Saved views", "Keys and filter words  ?"];
  const buttons = ["columns", "save", "keys"].map((name, i) =>
    press(() => show(i), { icon: name, label: labels[i], ariaExpanded: false }),
  );
  const show = (which) => {
    const last = open;
    draw(open === which ? -1 : which);
    (open < 0 ? buttons[last] : (panel.querySelector("input, button") ?? panel)).focus();
  };
  function draw(which = open) {
    open = which;
    buttons.forEach((button, i) => (button.ariaExpanded = i === open));
    panel.hidden = open < 0;
    if (open >= 0) fill(panel, live.state.menus[open]);
  }
  live.root.addEventListener("focusin", ({ target }) => {
    if (open >= 0 && !panel.contains(target) && !buttons.includes(target)) draw(-1);
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    show(open);
    event.stopPropagation();
  });
  return { buttons, panel, keys: () => show(2), draw };
}
