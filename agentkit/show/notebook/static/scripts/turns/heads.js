const numberOf = (head) => Number(/^turn-(\d+)$/.exec(head.dataset.key)?.[1]);
const blockOf = (head) => head.closest(".ak-turn") ?? head.parentElement;
const HEAD = ".ak-turn-head[data-turn]";

/**
 * Gives each head its tabs and actions when its block comes near the view; what changes while it
 * is away, it is told when it comes back.
 * @param {Live} live
 * @param {(turn: number) => [number, number, number]} marksOf  errors, warnings, tokens
 * @param {(head: HTMLElement, turn: number) => void} built
 */
function heads(live, marksOf, built) {
  let model = null;
  let running = false;
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
  const near = new Set();
  const ready = (head) => {
    if (head.akTools?.isConnected) adapt(head, numberOf(head));
    else build(head);
  };
  /** Tells the heads near the view, from a turn on. */
  const tell = (start) => {
    for (const head of foundIn([...near], HEAD)) if (!(numberOf(head) < start)) ready(head);
  };
  const watcher = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) {
        if (!isIntersecting) near.delete(target);
        else if (!near.has(target)) {
          near.add(target);
          for (const head of target.querySelectorAll(HEAD)) ready(head);
        }
      }
    },
    { rootMargin: "800px" },
  );
  const watched = new WeakSet();
  return {
    find: (turn) => {
      const head = live.row(`turn-${turn}`);
      if (!head?.matches(HEAD)) return null;
      build(head);
      return head;
    },
    marked: tell,
    drawn(rows) {
      for (const head of foundIn(rows, HEAD)) {
        const block = head.closest(".ak-block");
        if (near.has(block)) ready(head);
        if (watched.has(block)) continue;
        watched.add(block);
        watcher.observe(block);
      }
      if (running !== (running = Boolean(live.state.running))) tell(0);
    },
    end: () => watcher.disconnect(),
  };
}
