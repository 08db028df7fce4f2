/**
 * A tap on other agents: facts, rules, requests in flight, what waits, the list of rollouts and the
 * open one beside it. The kernel describes all of it; the page lets clocks run and keeps drafts.
 */
PARTS.push((live) => {
  const { root, inner } = live;
  root.classList.add("ak-watch");
  root.role = "group";
  root.ariaLabel = "Watch";
  const head = h(".ak-wfacts", { role: "group", ariaLabel: "facts" });
  const bar = h(".ak-wbar", { role: "group", ariaLabel: "hold" });
  const rules = h(".ak-wpanel", { hidden: true });
  const flight = h(".ak-wflights", { role: "group", ariaLabel: "in flight" });
  const pending = h(".ak-wpending", { role: "group", ariaLabel: "what waits for you" });
  const list = h(".ak-wlist", { role: "listbox", ariaLabel: "rollouts, newest first" });
  const earlier = h("small.ak-wmore", { hidden: true });
  const follow = press(() => live.send("newest"), { word: "Follow the newest", kind: "ak-line" });
  const words = [h("small", "newest first"), follow, h("small.ak-wwords", "turns · tokens · time")];
  const title = h(".ak-wtitle", h("strong", "Rollouts"), ...words);
  const side = h(".ak-wside", title, list, earlier);
  const body = h(".ak-wbody", side, h(".ak-wopen", live.rows, inner.node));
  root.firstChild.after(head, bar, rules, flight, pending, body);
  const decide = decisionsOf(live, pending);
  const clocks = clocksOf(root);
  /** @type {Map<number, HTMLElement>} */
  const rows = new Map();

  /** Says so where the kernel does not hear, as a cell keeps it busy. */
  root.addEventListener("click", async ({ target }) => {
    const action = target.closest("button[data-do]");
    if (action?.closest(".ak-root") !== root) return;
    const deaf = setTimeout(() => live.say(BUSY, true), 1500);
    await live.ask("hear");
    clearTimeout(deaf);
  });
  bar.addEventListener("click", ({ target }) => {
    const opener = target.closest("[data-panel]");
    if (!opener) return;
    rules.hidden = !rules.hidden;
    opener.ariaExpanded = !rules.hidden;
    if (!rules.hidden) focusOn(rules.querySelector("select"));
  });

  /** Puts the line of a rollout where it belongs, the newest first. */
  function put(number, part) {
    const was = rows.get(number);
    if (!part) {
      was?.remove();
      return void rows.delete(number);
    }
    const now = made(part);
    if (was) return morph(was, now);
    const older = [...rows.keys()].filter((each) => each < number);
    const next = older.length ? rows.get(Math.max(...older)) : null;
    list.insertBefore(now, next);
    rows.set(number, now);
  }

  function step(by) {
    const all = [...list.children];
    const at = all.findIndex((row) => row.ariaSelected === "true");
    const to = all[Math.max(0, Math.min(all.length - 1, at + by))];
    if (!to) return;
    to.click();
    focusOn(to);
  }

  return {
    op(name, key, part) {
      if (name === "clock") clocks.set(key);
      if (name === "rollout") put(key, part);
    },
    state(state) {
      fill(head, state.in_head ?? []);
      fill(bar, state.in_bar ?? []);
      fill(rules, state.in_rules ?? []);
      fill(flight, state.in_flight ?? []);
      decide.fill(state.in_pending ?? []);
      const opener = bar.querySelector("[data-panel]");
      if (opener) opener.ariaExpanded = !rules.hidden;
      flight.hidden = !flight.firstChild;
      live.rows.hidden = Boolean(state.begun);
      side.hidden = !state.begun;
      follow.hidden = !state.picked;
      earlier.hidden = !state.earlier;
      earlier.textContent = state.earlier ? `${state.earlier} earlier` : "";
      inner.show(state.inner ?? 0);
      clocks.run(!state.gone);
    },
    keydown(event) {
      const { key, target } = event;
      if (inner.node.contains(target) || isShortcut(event)) return;
      if (target.closest("textarea, input, select")) return;
      if (key === "j" || (key === "ArrowDown" && list.contains(target))) step(1);
      else if (key === "k" || (key === "ArrowUp" && list.contains(target))) step(-1);
      else if (key === "h") focusOn(pending.querySelector("textarea, summary"));
      else return;
      event.preventDefault();
    },
    dispose: () => clocks.run(false),
  };
});
