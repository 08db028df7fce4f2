const numberOf = (head) => Number(/^turn-(\d+)$/.exec(head.dataset.key)?.[1]);
const blockOf = (head) => head.closest(".ak-turn") ?? head.parentElement;

/**
 * Gives each head its tabs and actions when it comes near the view.
 * @param {Live} live
 * @param {(turn: number) => [number, number, number]} marksOf  errors, warnings, tokens
 * @param {(head: HTMLElement, turn: number) => void} built
 */
function heads(live, marksOf, built) {
  let model = null;
  const build = (head) => {
    if (head.akTools?.isConnected) return;
    const turn = numberOf(head);
    model ??= h(".ak-turn-tools", live.state.in_head.map(made));
    head.akTools = own(model.cloneNode(true));
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
