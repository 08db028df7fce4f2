const numberOf = (head) => Number(/^turn-(\d+)$/.exec(head.dataset.key)?.[1]);
const blockOf = (head) => head.closest(".ak-turn") ?? head.parentElement;
const HEAD = ".ak-turn-head[data-turn]";

/**
 * Gives each head its tabs and actions when its block comes near the view, and takes them from it
 * when that goes away: what a browser does for each frame grows with what is in the page. What
 * changes meanwhile, a head is told when it comes back.
 * @param {Live} live
 * @param {(turn: number) => [number, number, number]} marksOf  errors, warnings, tokens
 * @param {(head: HTMLElement, turn: number) => void} built
 */
function heads(live, marksOf, built) {
  let model = null;
  let running = false;
  const ready = (head) => {
    const turn = numberOf(head);
    model ??= h(".ak-turn-tools", live.state.in_head.map(made));
    head.akTools ??= own(model.cloneNode(true));
    adapt(head, turn);
    if (head.akTools.parentNode === head) return;
    head.append(head.akTools);
    live.rest(head);
    built(head, turn);
  };
  const putAway = ({ akTools }) =>
    akTools && !akTools.contains(document.activeElement) && akTools.remove();
  const adapt = (head, turn) => {
    const [errors, warnings, tokens] = marksOf(turn);
    const tab = (name) => head.akTools.querySelector(`[data-tab="${name}"]`);
    tab("tokens").hidden = !tokens;
    const problems = tab("problems");
    problems.hidden = !(errors + warnings);
    problems.textContent = `Problems ${errors + warnings}`;
    problems.className = `ak-tab ${errors ? "ak-bad" : "ak-warn"}`;
    const { gone, running: waits } = live.state;
    for (const button of head.akTools.lastChild.children)
      button.ariaDisabled = String(Boolean(gone || (waits && button.dataset.act !== "more")));
  };
  const near = new Set();
  /** Tells the heads near the view, from a turn on. */
  const tell = (start) => {
    for (const head of foundIn([...near], HEAD)) if (!(numberOf(head) < start)) ready(head);
  };
  const watcher = new IntersectionObserver(
    (seen) => {
      for (const { target, isIntersecting } of seen) {
        if (near.has(target) === isIntersecting) continue;
        near[isIntersecting ? "add" : "delete"](target);
        target.querySelectorAll(HEAD).forEach(isIntersecting ? ready : putAway);
      }
    },
    { rootMargin: "800px" },
  );
  const watched = new WeakSet();
  return {
    find: (turn) => {
      const head = live.row(`turn-${turn}`);
      if (!head?.matches(HEAD)) return null;
      ready(head);
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
