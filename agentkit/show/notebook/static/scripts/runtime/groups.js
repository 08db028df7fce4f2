/** Makes one control of a group the one at which Tab stops. */
function tabStop(group, to, select = "button") {
  for (const one of group.querySelectorAll(select)) one.tabIndex = one === to ? 0 : -1;
}

/** What a selector finds among rows and in them. @returns {HTMLElement[]} */
const foundIn = (rows, select) =>
  rows
    .filter((row) => row.nodeType === Node.ELEMENT_NODE)
    .flatMap((row) => [...(row.matches(select) ? [row] : []), ...row.querySelectorAll(select)]);

/** Gives one node of a group a mark that only one has. */
function markOnly(group, mark, node) {
  group.querySelector(`[${mark}]`)?.removeAttribute(mark);
  node?.setAttribute(mark, "true");
}

/** Buttons of which one is chosen: `show` tells which. */
function choiceOf(words, choose, label) {
  const buttons = words.map((word) => press(() => choose(word), { word, kind: "ak-line" }));
  return {
    node: h("span.ak-choice", { role: "group", ariaLabel: label }, buttons),
    show: (chosen) => buttons.forEach((one, i) => (one.ariaPressed = words[i] === chosen)),
  };
}

/** Moves by arrows in a group that is one stop for Tab; returns what has the focus then. */
function rove(event, group, select = "button") {
  const all = [...group.querySelectorAll(select)].filter((one) => one.getClientRects().length);
  const at = all.indexOf(event.target.closest(select));
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const end = { Home: 0, End: -1 }[event.key];
  if (at < 0 || (by ?? end) === undefined) return null;
  taken(event);
  const to = all.at(end ?? (at + by) % all.length);
  tabStop(group, to, select);
  to.focus();
  return to;
}

/** Gives the focus to what is there, and scrolls nothing for it. */
const focusOn = (node) => node?.focus({ preventScroll: true });

/** Gives the focus back, to the view where that node cannot be seen: the notebook has no key. */
const giveBack = (live, node) =>
  focusOn(live.root.contains(node) && node.checkVisibility() ? node : live.root);

/** Does not let the notebook have it. */
function taken(event) {
  event.preventDefault();
  event.stopPropagation();
}

/** Whether a key is pressed together with one that makes a shortcut of it. */
const isShortcut = (event) => event.ctrlKey || event.metaKey || event.altKey;

/** Whether a key is typed into a field. */
const isTyped = ({ target }) => target.matches("input:not([type=checkbox]), textarea, select");

/** Whether a field is done with: Ctrl or Cmd with Enter. */
const isDone = ({ key, ctrlKey, metaKey }) => key === "Enter" && (ctrlKey || metaKey);

const clamp = (number, least, most) => Math.max(least, Math.min(most, number));

/** A thousand as 1,000. */
const counted = (number) => Number(number ?? 0).toLocaleString("en-US");

/** Calls a function once nothing more comes for a while. */
function later(act, wait = 150) {
  let timer = 0;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  };
  return Object.assign(soon, { never: () => clearTimeout(timer) });
}

/** Tells whether what is given is other than it was the last time. */
function changes() {
  let was;
  return (...now) => was !== (was = JSON.stringify(now));
}
