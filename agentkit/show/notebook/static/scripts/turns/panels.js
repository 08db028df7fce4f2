/**
 * Questions to Python: a reply goes to who asked, and only to the last question of its kind.
 * @param {Live} live
 */
function asking(live) {
  const open = new Map();
  let last = 0;
  return {
    /** @returns {Promise<any>} what Python replies; where it fails, `failed` is told why */
    ask: (action, args = {}, failed = undefined) =>
      new Promise((resolve) => {
        last += 1;
        open.set(last, { resolve, failed });
        live.send(action, { ...args, ask: last });
      }),
    heard(message) {
      const asked = open.get(message.ask);
      open.delete(message.ask);
      if (message.type === "failed") asked?.failed?.(message.message);
      else asked?.resolve(message);
    },
  };
}

/** Calls a function once nothing more comes for a while. */
function later(act, pause = 150) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...args), pause);
  };
}
/**
 * What a tab shows in place of the conversation of its turn: asked for when it is opened, and again
 * when the turn has changed.
 */
function panels(live, { ask, dress }) {
  /** @type {Map<number, {tab: string, node: HTMLElement, body: HTMLElement}>} */
  const open = new Map();
  const refresh = async (turn) => {
    const shown = open.get(turn);
    if (!shown) return;
    shown.again = shown.asked;
    if (shown.asked) return;
    shown.asked = true;
    const { html } = await ask("panel", { turn, tab: shown.tab }, (why) => {
      shown.asked = false;
      shown.node.removeAttribute("aria-busy");
      shown.body.replaceChildren(h("p", { className: "ak-note", textContent: `✕ ${why}` }));
    });
    shown.asked = false;
    if (open.get(turn) !== shown) return;
    if (shown.again) refresh(turn);
    const was = shown.body.querySelectorAll(".ak-dress");
    was.forEach((node) => node.remove());
    morph(shown.body, h("div", { className: shown.body.className }, nodesOf(html)));
    dress[shown.tab]?.(shown.body, turn);
    shown.node.removeAttribute("aria-busy");
  };
  const close = (turn) => {
    const shown = open.get(turn);
    open.delete(turn);
    shown?.node.remove();
  };
  /** Puts the open panel of a turn where its head is. */
  const settle = (head, turn) => {
    const block = blockOf(head);
    const shown = open.get(turn);
    const tab = shown?.tab ?? "talk";
    block.dataset.tab = tab;
    for (const button of head.akTools.querySelectorAll?.(".ak-tab") ?? []) {
      const on = button.dataset.tab === tab;
      button.setAttribute("aria-selected", String(on));
      button.tabIndex = on || (tab === "rerun" && button.dataset.tab === "talk") ? 0 : -1;
    }
    if (shown && shown.node.parentElement !== block) block.append(shown.node);
  };
  return {
    open,
    refresh,
    settle,
    /** Waits until what a tab shows is there. */
    ready: (turn) => open.get(turn)?.drawn ?? Promise.resolve(),
    /** @param {HTMLElement} head */
    show(head, turn, tab) {
      if (open.get(turn)?.tab === tab) return settle(head, turn);
      close(turn);
      if (tab !== "talk") {
        const body = h("div", { className: `ak-panel-of ak-of-${tab}` });
        const node = own(
          h(
            "div",
            {
              className: "ak-turn-panel",
              role: "tabpanel",
              "aria-label": `${tab} of turn ${turn}`,
              "aria-busy": "true",
            },
            body,
          ),
        );
        const panel = { tab, node, body };
        open.set(turn, panel);
        panel.drawn = refresh(turn);
      }
      settle(head, turn);
    },
  };
}
