/** The branches as lanes; each is gone to, or shown beside the one it left. @param {Live} live */
function branches(live, { within, about }) {
  const lanes = h("div");
  const beside = h("div", { className: "ak-differs", hidden: true });
  within.append(lanes, beside);
  return {
    take(html, labels) {
      lanes.replaceChildren(nodesOf(html));
      [...lanes.querySelectorAll("tbody tr")].forEach((row, i) => {
        const label = labels[i];
        const acts = [
          press(() => live.send("differs", { branch: label }), {
            word: "Diff",
            label: `Diff of ${label}`,
          }),
          press(() => live.send("switch", { branch: label }), {
            word: "Open",
            label: `Open ${label}`,
            "aria-current": row.classList.contains("ak-here") ? "true" : null,
          }),
        ];
        row.querySelector(".ak-does").replaceChildren(...acts);
      });
      about.textContent = `${labels.length}; a lane is a branch, a column a turn`;
    },
    differs({ branch, html }) {
      beside.hidden = false;
      const close = () => {
        beside.hidden = true;
      };
      beside.replaceChildren(
        h("strong", { textContent: `${branch} and the branch it left` }),
        press(close, { icon: "close", label: "Close the difference" }),
        html ? nodesOf(html) : h("p", { textContent: "it is the first branch" }),
      );
    },
  };
}

/** The charts, one at a time, which Python draws while they are open. @param {Live} live */
function charts(live, { within, body }) {
  const tabs = h("div", { className: "ak-tabs", role: "tablist", "aria-label": "charts" });
  const drawn = h("div", { role: "tabpanel", tabIndex: 0 });
  within.append(tabs, drawn);
  const bars = chartBars(live, body, drawn);
  /** @type {Map<string, string>} */
  const known = new Map();
  let chosen = "";
  const choose = (name) => {
    chosen = name;
    drawn.replaceChildren(nodesOf(known.get(name)));
    bars.offer();
    drawn.setAttribute("aria-label", name);
    for (const tab of tabs.children) {
      const on = tab.textContent.toLowerCase() === name;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
    }
  };
  tabs.addEventListener("keydown", (event) => {
    const all = [...tabs.children];
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const to = all[(all.indexOf(event.target) + by + all.length) % all.length];
    to.click();
    to.focus();
  });
  return {
    take(name, html) {
      if (body.hidden) return;
      if (!known.has(name))
        tabs.append(
          h("button", {
            type: "button",
            className: "ak-tab",
            role: "tab",
            textContent: name[0].toUpperCase() + name.slice(1),
            onclick: () => choose(name),
          }),
        );
      known.set(name, html);
      if (!chosen || chosen === name) choose(name);
    },
    opened(on) {
      if (!on) return;
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
    graphs.opened(on);
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
