/**
 * What a tab shows in place of the conversation of its turn: asked for when it is opened, and again
 * when the turn has changed.
 */
function panels(live) {
  /** @type {Map<number, {tab: string, node: HTMLElement, body: HTMLElement}>} */
  const open = new Map();
  const refresh = async (turn) => {
    const shown = open.get(turn);
    if (!shown) return;
    shown.again = shown.asked;
    if (shown.asked) return;
    shown.asked = true;
    const { html, acts } = await live.ask("panel", { turn, tab: shown.tab }, (why) => {
      shown.asked = false;
      arrived(shown.node);
      shown.body.replaceChildren(h("p.ak-note", `✕ ${why}`));
    });
    shown.asked = false;
    if (open.get(turn) !== shown) return;
    if (shown.again) refresh(turn);
    const had = shown.body.contains(document.activeElement);
    for (const node of shown.body.querySelectorAll(".ak-dress")) node.remove();
    morph(shown.body, h("div", { className: shown.body.className }, nodesOf(html)));
    dress(shown.body, acts);
    offerViews(shown.body);
    if (had && !shown.body.contains(document.activeElement))
      focusOn(shown.body.querySelector("button:not([aria-disabled='true'])"));
    arrived(shown.node);
  };
  const arrived = (node) => {
    node.ariaBusy = null;
    node.style.minHeight = "";
  };
  /** Puts the open panel of a turn where its head is. */
  const settle = (head, turn) => {
    const block = blockOf(head);
    const shown = open.get(turn);
    const tab = shown?.tab ?? "talk";
    block.dataset.tab = tab;
    const tabs = [...(head.akTools.querySelectorAll?.(".ak-tab") ?? [])];
    const chosen = tabs.find((button) => button.dataset.tab === tab);
    for (const button of tabs) {
      button.ariaSelected = button === chosen;
      button.tabIndex = button === (chosen ?? tabs[0]) ? 0 : -1;
    }
    if (shown && shown.node.parentElement !== block) block.append(shown.node);
  };
  return {
    open,
    refresh,
    settle,
    /** @param {HTMLElement} head  @returns {Promise<void>?} until it is there */
    show(head, turn, tab) {
      const was = open.get(turn);
      if (was?.tab !== tab) {
        was?.node.remove();
        open.delete(turn);
        if (tab !== "talk") {
          const body = h("div", { className: `ak-panel-of ak-of-${tab}` });
          const label = { ariaLabel: `${tab} of turn ${turn}`, ariaBusy: "true" };
          const props = { className: "ak-turn-panel", role: "tabpanel", ...label };
          const panel = { tab, body, node: own(h("div", props, body)) };
          // the room of what it replaces, until it is there: nothing moves meanwhile
          panel.node.style.minHeight = `${blockOf(head).offsetHeight - head.offsetHeight}px`;
          open.set(turn, panel);
          panel.drawn = refresh(turn);
        }
      }
      settle(head, turn);
      return open.get(turn)?.drawn;
    },
  };
}
