/**
 * The debugger's controls: a toolbar, what waits for an answer, the edit form, breakpoints and
 * branches. All of it is drawn from the state that Python sends; every text goes in as text. A
 * control posts what it wants and returns.
 */
PARTS.push((live) => {
  const { root, rows } = live;
  root.classList.add("ak-debugger");
  const { bar, tools } = toolbar(live);
  const edit = panel(bar, "edit", "Edit");
  edit.opener.remove();
  const breaks = panel(bar, "breakpoints", "Breakpoints");
  const tree = panel(bar, "branches", "Branches");
  const graphs = panel(bar, "charts", "Charts");
  const status = h("div", { className: "ak-state", role: "status" });
  const waiting = h("div", { className: "ak-waiting" });
  const say = sayForm(live);
  const top = h("div", { className: "ak-top" }, bar, status, breaks.body, tree.body, graphs.body);
  root.prepend(top);
  rows.after(h("div", { className: "ak-dock" }, edit.body, waiting, say));
  rows.setAttribute("role", "log");
  rows.setAttribute("aria-label", "conversation");
  rows.tabIndex = 0;
  const closeEdit = () => {
    if (!edit.body.hidden) {
      edit.open(false);
      tools.get("edit").focus();
    }
  };
  const form = editForm(live, edit.body, closeEdit);
  const showBreaks = breakpoints(live, breaks.body),
    showTree = branches(live, tree.body);
  const showWaiting = keyed(waiting, (call) =>
    call.found ? foundCall(live, call) : pendingCall(live, call),
  );
  const showChart = charts(live, graphs);
  let atEnd = true;

  live.act = (action, args) => {
    if (tools.get(action)?.getAttribute("aria-disabled") === "true") return;
    if (action !== "edit") return live.send(action, args);
    edit.open(true);
    form.open(args?.turn);
  };
  let height = 0;
  rows.addEventListener(
    "scroll",
    () => {
      if (rows.scrollHeight - rows.scrollTop - rows.clientHeight < 40) atEnd = true;
      // rows above may take another height once they are drawn; only a person scrolls up
      else if (rows.scrollTop < height) atEnd = false;
      height = rows.scrollTop;
    },
    { passive: true },
  );
  const follow = (times) => {
    if (!atEnd) return;
    rows.scrollTop = rows.scrollHeight;
    if (times) requestAnimationFrame(() => follow(times - 1));
  };

  const turnOf = (row) => /^turn-(\d+)$/.exec(row?.dataset.key ?? "")?.[1];
  const offer = (row) => {
    if (row.querySelector(":scope > .ak-acts")) return;
    const turn = Number(turnOf(row));
    const acts = h(
      "div",
      { className: "ak-acts" },
      ...[
        ["goto", "go here"],
        ["fork", "fork"],
        ["rerun", "rerun"],
        ["edit", "edit"],
      ].map(([action, label]) =>
        button(label, () => live.act(action, { turn }), { "aria-label": `${label}, turn ${turn}` }),
      ),
    );
    acts.akOwn = true;
    row.append(acts);
  };
  rows.addEventListener("pointerover", (event) => {
    const row = event.target.closest?.(".ak-row");
    if (row && turnOf(row) !== undefined) offer(row);
  });

  const keys = {};
  for (const tool of TOOLS)
    if (tool) {
      keys[tool[2]] = tool[0];
      if (tool[3]) keys[tool[3]] = tool[0];
    }
  return {
    state(told) {
      const state = told.gone
        ? {
            ...told,
            running: false,
            can: {},
            status: "disconnected",
            tone: "warn",
            detail: "the kernel is gone; this is the last that was known",
          }
        : told;
      for (const [action, tool] of tools) enabled(tool, Boolean(state.can?.[action]));
      const ran = root.classList.contains("ak-running");
      root.classList.toggle("ak-running", Boolean(state.running));
      if (ran && !state.running) {
        const answer =
          [...rows.querySelectorAll(".ak-assistant > .ak-body")].at(-1)?.innerText ?? "";
        live.say(`${state.status}, ${state.detail}. ${answer.slice(0, 400)}`);
      }
      rows.setAttribute("aria-live", state.running ? "off" : "polite");
      status.replaceChildren(
        h("strong", {
          className: `ak-tone-${state.tone ?? "quiet"}`,
          textContent: state.status ?? "",
        }),
        " ",
        h("span", { textContent: state.detail ?? "" }),
      );
      breaks.count(state.breakpoints?.length ?? 0);
      tree.count((state.tree?.length ?? 1) > 1 ? state.tree.length : 0);
      showBreaks(state.breakpoints ?? [], state.approval);
      showTree(state.tree ?? []);
      showWaiting(state.waiting ?? []);
      waiting.hidden = !(state.waiting ?? []).length;
      say.hidden = !state.can?.say;
    },
    op: (name, key, html) => {
      if (name === "chart") showChart(key, html);
    },
    drawn: () => follow(3),
    message(message) {
      if (message.type === "loaded") form.loaded(message);
    },
    keydown(event) {
      if (event.key === "Escape") return closeEdit();
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.nodeName)
      ) {
        if (!/^F\d+$/.test(event.key)) return;
      }
      const action =
        keys[
          (event.shiftKey && event.key.length > 1 ? "Shift+" : "") +
            (event.key.length > 1 ? event.key : event.key.toLowerCase())
        ];
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      live.act(action);
    },
  };
});
