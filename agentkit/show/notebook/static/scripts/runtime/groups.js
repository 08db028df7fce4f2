/** Makes one control of a group the one at which Tab stops. */
function tabStop(group, to, select = "button") {
  for (const one of group.querySelectorAll(select)) one.tabIndex = one === to ? 0 : -1;
}

/** Moves by arrows in a group that is one stop for Tab; returns what has the focus then. */
function rove(event, group, select = "button") {
  const all = [...group.querySelectorAll(select)].filter((one) => one.getClientRects().length);
  const at = all.indexOf(event.target.closest(select));
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const end = { Home: 0, End: -1 }[event.key];
  if (at < 0 || (by ?? end) === undefined) return null;
  event.preventDefault();
  event.stopPropagation();
  const to = all.at(end ?? (at + by) % all.length);
  tabStop(group, to, select);
  to.focus();
  return to;
}

/** Gives the focus to what is there, and scrolls nothing for it. */
const focusOn = (node) => node?.focus({ preventScroll: true });

/** An element that holds a text. */
const worded = (tag, textContent, className) => h(tag, { textContent, className });
