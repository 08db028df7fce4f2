/** Clocks of what is under way: `data-started` counts up, `data-left` down, `data-first` marks. */
function clocksOf(root) {
  let timer = 0;
  /** Seconds by which the page's clock is ahead of the kernel's: the least that was seen. */
  let ahead = Infinity;
  const now = () => Date.now() / 1000 - (ahead === Infinity ? 0 : ahead);
  const counted = (seconds) =>
    seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min`;
  function tick() {
    const at = now();
    const lines = [...root.querySelectorAll(".ak-wflight")];
    const ages = lines.map(({ dataset }) => Math.max(0, at - dataset.started));
    const longest = Math.max(1, ...ages);
    lines.forEach((line, i) => {
      const first = line.dataset.first === undefined ? ages[i] : Number(line.dataset.first);
      const share = (seconds) => `${(100 * seconds) / longest}%`;
      const [waited, rest] = line.querySelector(".ak-wtrack").children;
      waited.style.width = share(Math.min(first, ages[i]));
      rest.style.width = share(Math.max(0, ages[i] - first));
    });
    for (const clock of root.querySelectorAll("[data-tick]")) {
      const from = clock.closest("[data-started]");
      if (from) clock.textContent = counted(Math.max(0, at - from.dataset.started));
    }
    for (const clock of root.querySelectorAll("[data-left]")) {
      const left = Math.max(0, clock.dataset.left - at);
      clock.textContent = `${left.toFixed(0)} s`;
      clock.classList.toggle("ak-bad", left < 15);
    }
  }
  return {
    set(kernel) {
      ahead = Math.min(ahead, Date.now() / 1000 - kernel);
    },
    run(on) {
      clearInterval(timer);
      if (!on) return;
      tick();
      timer = setInterval(tick, 100);
    },
  };
}
