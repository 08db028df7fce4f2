/**
 * The tabs and actions of each turn. Everything is heard at the rows, so that a turn costs nothing
 * until somebody looks at it.
 */
PARTS.push((live) => {
  const { rows } = live;
  let marks = [];
  const shown = panels(live);
  const turns = heads(live, (turn) => marks[turn] ?? [0, 0, 0], shown.settle);
  const doc = { live, turns, shown };
  doc.edits = rowEdits(doc);
  doc.remarks = remarksOf(doc);
  const calls = waitingCalls(doc);
  const named = { role: "group", ariaLabel: "What to do about it" };
  const vain = own(h(".ak-ed-acts.ak-vain", named));
  /** Brings a turn into view, where a key acts on one that is out of it. */
  const bring = async (turn) => {
    const head = turns.find(turn);
    if (!head) return;
    const [{ top, bottom }, pane] = [head, rows].map((node) => node.getBoundingClientRect());
    if (top < pane.top - 1 || bottom > pane.bottom + 1) await live.reveal?.(blockOf(head));
  };
  const acts = {
    goto: (turn) => live.send("goto", { turn }),
    fork: (turn) => live.send("fork", { turn }),
    rerun: async (turn) => {
      await bring(turn);
      await shown.show(turns.find(turn), turn, "rerun");
      focusOn(shown.open.get(turn)?.body.querySelector(".ak-main"));
    },
    async edit(turn, opener) {
      if (!able(live, "edit")) return;
      const { slots } = await live.ask("slots", { turn });
      await bring(turn);
      openMenu(live, opener, slots, (item) => actOf(item, turn, opener));
    },
    more: (turn, opener) =>
      openMenu(live, opener, live.state.in_menu, (item) => actOf(item, turn, opener)),
    talk: (turn) => shown.show(turns.find(turn), turn, "talk"),
    compare: async (turn) => {
      await bring(turn);
      shown.show(turns.find(turn), turn, "compare");
    },
    link: (turn) => copied(linkOf(turn)).then(() => live.say("link copied", true)),
    note: (turn) => live.state.can && doc.remarks.edit(turn),
    save: (turn, _, { kind }) => saveCode(doc, turn, kind),
    code: (turn, _, { kind }) => copyCode(doc, turn, kind),
    slot: (turn, _, { what }) => doc.edits.open(turn, what),
    mend: (turn, back, { what, words }) => doc.edits.show(turn, what, { words, back }),
    where(turn, _, { key }) {
      acts.talk(turn);
      live.row(key)?.scrollIntoView({ block: "nearest" });
    },
    async answer(turn) {
      const { text } = await live.ask("partial");
      doc.edits.open(turn, "message", { words: "The answer", text });
    },
  };
  const act = (name, turn, opener, args) => {
    if (live.state.running && /goto|fork|rerun|edit/.test(name))
      live.say("not while a step is under way");
    else acts[name](turn, opener, args);
  };
  const actOf = ({ dataset: { act: name, args = "{}" } }, turn, opener) =>
    act(name, turn, opener, JSON.parse(args));
  rows.addEventListener("click", ({ target }) => {
    const button = target.closest?.("button:is([data-tab], [data-act])");
    if (!button) return;
    const turn = Number(button.closest(".ak-turn")?.dataset.turn ?? live.state.vain?.turn);
    const { tab } = button.dataset;
    if (tab) shown.show(turns.find(turn), turn, tab);
    else actOf(button, turn, button);
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
  const isOf = (key, turn) => typeof key === "string" && turnOf(key) === String(turn);
  return {
    op(name, start, told) {
      if (name === "turns") {
        marks = [...marks.slice(0, start), ...told];
        turns.marked(start);
      }
      if (name === "stale")
        for (const [turn, { tab }] of shown.open) if (tab === "rerun") shown.refresh(turn);
    },
    state() {
      calls.draw();
      const { key, parts = [] } = live.state.vain ?? {};
      fill(vain, parts);
      const row = key && live.row(key);
      if (!row) vain.remove();
      else if (vain.parentNode !== row) row.append(vain);
      doc.edits.settle();
    },
    drawn(keys, fresh) {
      turns.drawn(fresh);
      if (live.state.can) {
        doc.remarks.drawn(fresh);
        doc.edits.drawn(fresh);
      }
      if (!isLinked) linked();
      isLinked = true;
      for (const turn of shown.open.keys())
        if (live.row(`turn-${turn}`) && keys.some((key) => isOf(key, turn))) shown.refresh(turn);
    },
    keydown(event) {
      if (event.defaultPrevented || isShortcut(event) || isTyped(event)) return;
      const name = { l: "link", m: "note", c: "code", d: "compare" }[event.key];
      if (!name) return;
      event.preventDefault();
      const turn = event.target.closest(".ak-turn")?.dataset.turn ?? live.chosen?.() ?? 0;
      acts[name](Number(turn), undefined, { kind: "curl" });
    },
    dispose() {
      turns.end();
      removeEventListener("hashchange", linked);
    },
  };
});
