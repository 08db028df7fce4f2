/**
 * The tabs and actions of each turn. Everything is heard at the rows, so that a turn costs nothing
 * until somebody looks at it.
 */
PARTS.push((live) => {
  const { rows } = live;
  let marks = [];
  const dress = {};
  const shown = panels(live, dress);
  const turns = heads(live, (turn) => marks[turn] ?? [0, 0, 0], shown.settle);
  const doc = { live, turns, shown };
  doc.edits = rowEdits(doc);
  doc.remarks = remarksOf(doc);
  Object.assign(dress, dresses(doc));
  const calls = waitingCalls(doc);
  const vain = attempts(doc);
  const acts = {
    goto: (turn) => live.send("goto", { turn }),
    fork: (turn) => live.send("fork", { turn }),
    rerun: async (turn) => {
      await shown.show(turns.find(turn), turn, "rerun");
      focusOn(shown.open.get(turn)?.body.querySelector(".ak-main"));
    },
    edit: (turn, opener) => able(live, "edit") && doc.edits.choose(turn, opener),
    more: (turn, opener) => openMenu(live, opener, menuOf(doc, turn)),
  };
  const act = (name, turn, opener) => {
    if (live.state.running && name !== "more") live.say("not while a step is under way");
    else acts[name](turn, opener);
  };
  rows.addEventListener("click", (event) => {
    const button = event.target.closest?.("button:is([data-tab], [data-act])");
    const head = button?.closest(".ak-turn-head");
    if (!head) return;
    const { tab, act: name } = button.dataset;
    if (tab) shown.show(head, numberOf(head), tab);
    else act(name, numberOf(head), button);
  });
  rows.addEventListener("keydown", (event) => {
    const group = event.target.closest?.(".ak-tabs, .ak-turn-acts");
    const to = group && rove(event, group);
    if (to?.dataset.tab) to.click();
  });
  /** Does with a turn what its head offers, as a key asks for. */
  live.turn = (name, turn) => {
    const opener = turns.find(turn)?.akTools.querySelector(`[data-act="${name}"]`);
    if (opener) act(name, turn, opener);
  };
  const linked = () => {
    const turn = /^#agentkit-turn-(\d+)$/.exec(location.hash)?.[1];
    if (turn) turns.find(Number(turn))?.scrollIntoView({ block: "start" });
  };
  addEventListener("hashchange", linked);
  let isLinked = false;
  return {
    op(name, start, told) {
      if (name === "turns") marks = [...marks.slice(0, start), ...told];
      if (name === "stale")
        for (const [turn, { tab }] of shown.open) if (tab === "rerun") shown.refresh(turn);
    },
    state() {
      calls.draw();
      vain.draw();
      doc.remarks.drawn();
      doc.edits.drawn();
    },
    drawn(keys) {
      turns.drawn();
      if (!isLinked) linked();
      isLinked = true;
      for (const turn of shown.open.keys())
        if (keys.some((key) => key === `turn-${turn}` || key?.startsWith?.(`turn-${turn}/`)))
          shown.refresh(turn);
    },
    keydown(event) {
      if (event.defaultPrevented || isShortcut(event) || isTyped(event)) return;
      const act = KEYS_OF_A_TURN[event.key];
      if (!act) return;
      event.preventDefault();
      act(doc, Number(event.target.closest(".ak-turn")?.dataset.turn ?? live.chosen?.() ?? 0));
    },
    dispose() {
      turns.end();
      removeEventListener("hashchange", linked);
    },
  };
});
