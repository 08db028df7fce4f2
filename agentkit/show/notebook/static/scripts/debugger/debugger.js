/**
 * The frame around a rollout: controls, facts, outline and conversation, and what is opened from
 * them. All of it is drawn from the state that Python sends; a control posts what it wants.
 */
PARTS.push((live) => {
  const { root, rows } = live;
  root.classList.add("ak-debugger");
  root.setAttribute("role", "region");
  const { bar, tool, keyed, state: showTools } = toolbar(live);
  live.tool = tool;
  const line = factLine(live);
  const outline = outlineOf(live);
  const search = searchBar(live, bar);
  const panels = {};
  for (const name of ["breakpoints", "branches", "charts"]) panels[name] = panel(live, name);
  const keys = keyList(live);
  const flow = following(live, outline);
  const say = sayBox(live);
  root.prepend(
    root.querySelector(":scope > .ak-alerts"),
    h(".ak-top", bar, search.bar, line.line),
    ...Object.values(panels).map(({ body }) => body),
    outline.strip,
    h(".ak-stage", outline.node, h(".ak-pane", flow.earlier, rows, flow.later)),
    say.node,
    keys.dialog,
  );
  rows.setAttribute("role", "log");
  rows.ariaLabel = "conversation";
  rows.tabIndex = 0;
  let pausing = false;
  let since = -Infinity;
  let going = null;
  let ran = false;

  live.panels = panels;
  live.turnNode = flow.turnNode;
  live.reveal = flow.reveal;
  live.goto = (turn, call = null) => {
    outline.pick(turn, call);
    flow.reveal(flow.turnNode(turn, call));
  };
  /** The turn that was chosen last, else the one in view. */
  live.chosen = () => outline.chosen?.[0] ?? flow.seen() ?? 0;
  /** Goes to the next problem, or the first of a kind. */
  live.problem = (by, word) => {
    const all = outline.turns.flatMap(({ entry }, turn) => {
      const [, , errors, warnings, calls] = entry;
      const of = calls.flatMap(([, state], call) => (state > FINE ? [[turn, call, state]] : []));
      const own = errors || warnings ? [[turn, null, errors ? FAILED : WARNED]] : [];
      return of.length ? of : own;
    });
    const fit = all.filter(([, , tone]) => !word || (tone === FAILED) === (word === "error"));
    if (!fit.length) return live.say("no problem");
    const [turn, call] = outline.chosen ?? [word ? -1 : (flow.seen() ?? -1), null];
    const where = fit.findIndex(([t, c]) => t === turn && c === call);
    const after = fit.findIndex(([t, c]) => t > turn || (t === turn && (c ?? -1) > (call ?? -1)));
    const start = by > 0 ? Math.max(0, after) : (after < 0 ? fit.length : after) - 1;
    const found = fit.at((where < 0 ? start : where + by) % fit.length);
    live.goto(found[0], found[1]);
    live.say(`turn ${found[0]}${found[1] === null ? "" : `, call ${found[1]}`}`);
  };
  live.act = (action, args) => {
    if (action === "search") return search.open();
    if (action === "keys") return keys.open();
    if (panels[action]) return panels[action].open(panels[action].body.hidden);
    if (tool(action)?.ariaDisabled === "true") return;
    if (OF_A_TURN.includes(action)) {
      if (live.state.can?.[action] !== "") return;
      if (action === "fork" && !args) return live.send("fork");
      return live.turn?.(action, args?.turn ?? live.chosen());
    }
    if (action === "to") return live.send("run_to", { turn: live.chosen() });
    if (action === "pause" || action === "resume") {
      pausing = action === "pause";
      since = performance.now();
      showTools(live.state, pausing);
      line.state(toldOf(live.state), pausing);
      return live.send(pausing ? action : "go_on");
    }
    if (tool(action)) outline.pick(null);
    live.send(action, args);
  };
  /** What is shown of a pause is what was asked for last, whatever is known there yet. */
  const toldOf = (state) => {
    const what = state.here?.[1] ?? null;
    const word = `Pausing after this ${what === null ? "answer" : "call"}`;
    if (pausing) return { ...state, status: { kind: "pausing", word, name: "", more: "" } };
    return state.status?.kind === "pausing" && going ? { ...state, status: going } : state;
  };

  return {
    state(told) {
      const state = told.gone ? gone(told) : told;
      if (told.gone) live.state = { ...live.state, can: state.can };
      const running = Boolean(state.running);
      // what was asked for a moment ago is not known there yet
      pausing = running && Boolean(performance.now() - since < 1500 ? pausing : state.pausing);
      root.classList.toggle("ak-running", running);
      root.classList.toggle("ak-drives", Boolean(state.can));
      root.ariaLabel = state.can ? "Debugger" : "Rollout";
      if (ran && !running) {
        live.say(`${state.status?.word} ${state.status?.name}. ${flow.said().slice(0, 400)}`);
      }
      ran = running;
      rows.ariaLive = running ? "off" : "polite";
      showTools(state, pausing);
      if (state.status?.kind !== "pausing") going = state.status;
      line.state(toldOf(state), pausing);
      outline.state(state);
      say.state(state);
    },
    op(name, ...args) {
      if (name === "outline") outline.take(...args);
      if (name === "clock") line.since(args[0]);
    },
    drawn: flow.drawn,
    message(message) {
      if (message.type === "found") search.found(message);
    },
    keydown: keysOf(live, {
      keyed,
      args: () => (outline.chosen ? { turn: outline.chosen[0] } : undefined),
      escape: () =>
        search.close() ||
        Object.values(panels).some((one) => !one.body.hidden && (one.open(false), true)),
      turn: (by) => {
        const last = outline.turns.length - 1;
        const to = Math.min(last, Math.max(0, live.chosen() + (outline.chosen ? by : 0)));
        if (last >= 0) live.goto(to);
      },
      stop: () => live.state.can && live.send("point", { turn: live.chosen() }),
    }),
    dispose() {
      line.end();
      search.end();
      flow.end();
    },
  };
});

/** What is known once the kernel is gone: the last of it, and nothing can be done. */
const gone = (told) => ({
  ...told,
  running: false,
  pausing: false,
  can: told.can && {},
  status: {
    kind: "gone",
    word: "Disconnected",
    name: "",
    more: "",
  },
});
