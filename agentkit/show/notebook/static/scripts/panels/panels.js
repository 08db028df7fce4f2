/** The branches as lanes; each is gone to, or shown beside the one it left. @param {Live} live */
function branches(live, { within, about }) {
  const lanes = h("div");
  const beside = h(".ak-differs", { hidden: true });
  within.append(lanes, beside);
  return {
    take(html, acts) {
      lanes.replaceChildren(nodesOf(html));
      dress(lanes, acts);
      about.textContent = `${acts.length}; a lane is a branch, a column a turn`;
    },
    differs({ branch, html }) {
      const close = () => {
        beside.hidden = true;
      };
      beside.hidden = false;
      beside.replaceChildren(
        h("strong", `${branch} and the branch it left`),
        press(close, { icon: "close", label: "Close the difference" }),
        html ? nodesOf(html) : h("p", "it is the first branch"),
      );
    },
  };
}

/** The charts, one at a time, which Python draws while they are open. @param {Live} live */
function charts(live, { within, body }) {
  const tabs = h(".ak-tabs", { role: "tablist", ariaLabel: "charts" });
  const drawn = h("div", { role: "tabpanel", tabIndex: 0 });
  within.append(tabs, drawn);
  const bars = chartBars(live, body, drawn);
  /** @type {Map<string, string>} */
  const known = new Map();
  let chosen = "";
  const choose = (name) => {
    chosen = name;
    drawn.replaceChildren(nodesOf(known.get(name)));
    drawn.ariaLabel = name;
    bars.offer();
    for (const tab of tabs.children) {
      const on = tab.textContent.toLowerCase() === name;
      tab.ariaSelected = on;
      if (on) tabStop(tabs, tab);
    }
  };
  tabs.addEventListener("keydown", (event) => rove(event, tabs)?.click());
  return {
    take(name, html) {
      if (body.hidden) return;
      if (!known.has(name)) {
        const textContent = name[0].toUpperCase() + name.slice(1);
        const onclick = () => choose(name);
        const props = { type: "button", className: "ak-tab", role: "tab", textContent, onclick };
        tabs.append(h("button", props));
      }
      known.set(name, html);
      if (!chosen || chosen === name) choose(name);
    },
    opened() {
      known.clear();
      tabs.replaceChildren();
      drawn.replaceChildren();
      chosen = "";
    },
  };
}

PARTS.push((live) => {
  const { panels } = live;
  const points = breakpoints(live, panels.breakpoints);
  const tree = branches(live, panels.branches);
  const graphs = charts(live, panels.charts);
  panels.breakpoints.changed = (on) => on && points.opened();
  panels.branches.changed = (on) => live.send("branches", { open: on });
  panels.charts.changed = (on) => {
    if (on) graphs.opened();
    live.send("charts", { open: on });
  };
  return {
    state: points.state,
    op(name, ...args) {
      if (name === "chart") graphs.take(...args);
      if (name === "branches") tree.take(...args);
    },
    message(message) {
      points.message(message);
      if (message.type === "differs") tree.differs(message);
    },
  };
});
