/** What can be seen of a turn: name and label. @type {[string, string][]} */
const TABS = [
  ["talk", "Conversation"],
  ["request", "Request"],
  ["response", "Response"],
  ["tokens", "Tokens"],
  ["problems", "Problems"],
];
/** What can be done with a turn: name, icon, label and key. @type {string[][]} */
const ACTS = [
  ["goto", "here", "Go here"],
  ["fork", "fork", "Fork", "f"],
  ["rerun", "rerun", "Rerun", "r"],
  ["edit", "edit", "Edit", "e"],
  ["more", "more", ""],
];
/** Beyond the view at which heads get their tabs, so that they are there when they are seen. */
const MARGIN = "800px";

const numberOf = (head) => Number(/^turn-(\d+)$/.exec(head.dataset.key)?.[1]);
const blockOf = (head) => head.closest(".ak-turn") ?? head.parentElement;

/** A node of the page's own in a row that Python draws: it stays when the row is drawn again. */
function own(node) {
  node.akOwn = true;
  return node;
}

/** The tabs and actions of a head, as they are cloned. */
function headTools(acting) {
  const tabs = h(
    "div",
    { className: "ak-tabs", role: "tablist", "aria-label": "What to show of this turn" },
    TABS.map(([name, label], i) =>
      h("button", {
        type: "button",
        className: "ak-tab",
        role: "tab",
        textContent: label,
        tabIndex: i ? -1 : 0,
        "aria-selected": String(!i),
        "data-tab": name,
      }),
    ),
  );
  const acts = h(
    "div",
    { className: "ak-turn-acts", role: "toolbar", "aria-label": "Actions on this turn" },
    (acting ? ACTS : ACTS.slice(-1)).map(([name, sign, word], i) =>
      press(null, {
        icon: sign,
        word,
        label: word || "More: link, note, label, export",
        tabIndex: i ? -1 : 0,
        "data-act": name,
        "aria-haspopup": word ? null : "menu",
      }),
    ),
  );
  return h("div", { className: "ak-turn-tools" }, tabs, acts);
}

/** Moves within a group of buttons of which one is in the order of Tab. */
function rove(event, group) {
  const all = [...group.children].filter((button) => !button.hidden);
  const at = all.indexOf(event.target.closest("button"));
  const forth = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  const ends = { Home: 0, End: all.length - 1 }[event.key];
  if (at < 0 || (forth === undefined && ends === undefined)) return null;
  event.preventDefault();
  event.stopPropagation();
  const to = all[ends ?? (at + forth + all.length) % all.length];
  for (const button of group.children) button.tabIndex = button === to ? 0 : -1;
  to.focus();
  return to;
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
    const acting = String(Boolean(live.state.can));
    head.akTools = own((models[acting] ??= headTools(acting === "true")).cloneNode(true));
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
  };
  const watcher = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen)
        if (isIntersecting) {
          watcher.unobserve(target);
          build(target);
        }
    },
    { rootMargin: MARGIN },
  );
  return {
    build,
    find: (turn) => {
      const head = live.rows.querySelector(`[data-key="turn-${turn}"].ak-turn-head`);
      if (head) build(head);
      return head;
    },
    drawn() {
      for (const head of live.rows.querySelectorAll(".ak-turn-head[data-turn]")) {
        if (!head.akTools) {
          head.akTools = document.createComment("");
          watcher.observe(head);
        } else if (head.akTools.isConnected) {
          adapt(head, numberOf(head));
        }
      }
    },
    end: () => watcher.disconnect(),
  };
}
