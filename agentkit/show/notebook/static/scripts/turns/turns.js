/**
 * The tabs and actions of each turn. Everything is heard at the rows, so that a turn costs nothing
 * until somebody looks at it.
 */
PARTS.push((live) => {
  const { rows } = live;
  const { ask, heard } = asking(live);
  let marks = [];
  const dress = {};
  const shown = panels(live, { ask, dress });
  const turns = heads(
    live,
    (turn) => marks[turn] ?? [0, 0, 0],
    (head, turn) => shown.settle(head, turn),
  );
  const doc = { live, ask, turns, shown };
  Object.assign(dress, dresses(doc));
  const edits = rowEdits(doc);
  const calls = waitingCalls(doc);
  const vain = attempts({ ...doc, edits });
  const remarks = remarksOf(doc);
  Object.assign(doc, { edits, remarks });
  const acts = {
    goto: (turn) => live.send("goto", { turn }),
    fork: (turn) => live.send("fork", { turn }),
    rerun: (turn) => shown.show(turns.find(turn), turn, "rerun"),
    edit: (turn, opener) => able(live, "edit") && edits.choose(turn, opener),
    more: (turn, opener) => openMenu(live, opener, menuOf(doc, turn)),
  };
  rows.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-tab], [data-act]");
    const head = button?.closest(".ak-turn-head");
    if (!head || !button.matches("button")) return;
    const turn = numberOf(head);
    if (button.dataset.tab) shown.show(head, turn, button.dataset.tab);
    else act(button.dataset.act, turn, button);
  });
  const act = (name, turn, opener) => {
    if (live.state.running && name !== "more") live.say("not while a step is under way");
    else acts[name](turn, opener);
  };
  rows.addEventListener("keydown", (event) => {
    const group = event.target.closest?.(".ak-tabs, .ak-turn-acts");
    const to = group && rove(event, group);
    if (to?.dataset.tab) to.click();
  });
  /** Does with a turn what its head offers, as a key asks for. */
  live.turn = (name, turn) => {
    const head = turns.find(turn);
    const opener = head?.akTools.querySelector(`[data-act="${name}"]`);
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
      remarks.drawn();
      edits.drawn();
    },
    drawn(keys) {
      turns.drawn();
      if (!isLinked) linked();
      isLinked = true;
      for (const turn of shown.open.keys())
        if (keys.some((key) => key === `turn-${turn}` || key?.startsWith?.(`turn-${turn}/`)))
          shown.refresh(turn);
    },
    message(message) {
      if (message.type === "told" || message.type === "failed") heard(message);
    },
    keydown(event) {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const act = KEYS_OF_A_TURN[event.key];
      const block = event.target.closest?.(".ak-turn");
      if (!act || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.nodeName)) return;
      event.preventDefault();
      const turn = Number(block?.dataset.turn ?? live.chosen?.() ?? 0);
      act(doc, turn);
    },
    dispose() {
      turns.end();
      removeEventListener("hashchange", linked);
    },
  };
});
