/** What can be seen of a turn: name and label. @type {[string, string][]} */
const TABS = [
  ["talk", "Conversation"],
  ["request", "Request"],
  ["response", "Response"],
  ["tokens", "Tokens"],
  ["problems", "Problems"],
];
/** What can be done with a turn: name, icon, label. @type {string[][]} */
const ACTS = [
  ["goto", "here", "Go here"],
  ["fork", "fork", "Fork"],
  ["rerun", "rerun", "Rerun"],
  ["edit", "edit", "Edit"],
  ["more", "more", ""],
];
const numberOf = (head) => Number(/^turn-(\d+)$/.exec(head.dataset.key)?.[1]);
const blockOf = (head) => head.closest(".ak-turn") ?? head.parentElement;

/** The tabs and actions of a head, as they are cloned. */
function headTools(acting) {
  const tabs = TABS.map(([name, textContent], i) =>
    h("button", {
      type: "button",
      className: "ak-tab",
      role: "tab",
      textContent,
      tabIndex: i ? -1 : 0,
      ariaSelected: String(!i),
      "data-tab": name,
    }),
  );
  const acts = (acting ? ACTS : ACTS.slice(-1)).map(([name, icon, word], i) =>
    press(null, {
      icon,
      word,
      label: word || "More: link, note, label, export",
      tabIndex: i ? -1 : 0,
      "data-act": name,
      ariaHasPopup: word ? null : "menu",
    }),
  );
  const group = (className, role, label, nodes) =>
    h("div", { className, role, ariaLabel: label }, nodes);
  return h(
    ".ak-turn-tools",
    group("ak-tabs", "tablist", "What to show of this turn", tabs),
    group("ak-turn-acts", "toolbar", "Actions on this turn", acts),
  );
}

/**
 * Gives each head its tabs and actions when it comes near the view.
 * @param {Live} live
 * @param {(turn: number) => [number, number, number]} marksOf  errors, warnings, tokens
 * @param {(head: HTMLElement, turn: number) => void} built
 */
function heads(live, marksOf, built) {
  const models = {};
  const build = (head) => {
    if (head.akTools?.isConnected) return;
    const turn = numberOf(head);
    const acting = Boolean(live.state.can);
    head.akTools = own((models[acting] ??= headTools(acting)).cloneNode(true));
    head.append(head.akTools);
    adapt(head, turn);
    built(head, turn);
  };
  const adapt = (head, turn) => {
    const [errors, warnings, tokens] = marksOf(turn);
    const tab = (name) => head.akTools.querySelector(`[data-tab="${name}"]`);
    tab("tokens").hidden = !tokens;
    const problems = tab("problems");
    problems.hidden = !(errors + warnings);
    problems.textContent = `Problems ${errors + warnings}`;
    problems.className = `ak-tab ${errors ? "ak-bad" : "ak-warn"}`;
    const waits = String(Boolean(live.state.running));
    for (const button of head.akTools.lastChild.children)
      if (button.dataset.act !== "more") button.ariaDisabled = waits;
  };
  const watcher = new IntersectionObserver(
    (seen) => {
      for (const { target } of seen.filter(({ isIntersecting }) => isIntersecting)) {
        watcher.unobserve(target);
        build(target);
      }
    },
    { rootMargin: "800px" },
  );
  return {
    find: (turn) => {
      const head = live.rows.querySelector(`[data-key="turn-${turn}"].ak-turn-head`);
      if (head) build(head);
      return head;
    },
    drawn() {
      for (const head of live.rows.querySelectorAll(".ak-turn-head[data-turn]")) {
        if (head.akTools?.isConnected) adapt(head, numberOf(head));
        else if (!head.akTools) {
          head.akTools = document.createComment("");
          watcher.observe(head);
        }
      }
    },
    end: () => watcher.disconnect(),
  };
}
