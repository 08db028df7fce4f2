/**
 * What lies over the bars of a chart says more of them and goes to their turn: by the pointer, or
 * by arrows and Enter.
 * @param {Live} live
 */
function chartBars(live, body, within) {
  const tip = h("div", { className: "ak-tip", hidden: true, "aria-hidden": "true" });
  body.append(tip);
  const hitOf = (event) => event.target.closest?.(".ak-hit");
  const hits = (svg) => [...svg.querySelectorAll(".ak-hit")];

  function offer() {
    show(null);
    for (const svg of within.querySelectorAll("svg.ak-chart")) {
      svg.setAttribute("role", "group");
      hits(svg).forEach((hit, i) => {
        hit.setAttribute("role", hit.dataset.turn === undefined ? "img" : "button");
        hit.setAttribute("aria-label", hit.textContent);
        hit.setAttribute("tabindex", i ? "-1" : "0");
        hit.setAttribute(QUIET, "true");
      });
    }
  }
  function show(hit) {
    tip.hidden = !hit;
    if (!hit) return;
    tip.textContent = hit.textContent;
    const [at, of] = [hit.getBoundingClientRect(), body.getBoundingClientRect()];
    const within = at.width > 300 ? at.width / 4 : 12; // right of what the rows are called
    const left = Math.min(at.left - of.left + within, of.width - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${at.bottom - of.top + 4}px`;
  }
  const go = (hit) => hit?.dataset.turn !== undefined && live.goto?.(Number(hit.dataset.turn));

  within.addEventListener("click", (event) => go(hitOf(event)));
  within.addEventListener("focusin", (event) => show(hitOf(event)));
  within.addEventListener("focusout", () => show(null));
  within.addEventListener("keydown", (event) => {
    const hit = hitOf(event);
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!hit || !(by || event.key === "Enter" || event.key === " ")) return;
    event.preventDefault();
    event.stopPropagation();
    if (!by) return void go(hit);
    const all = hits(hit.closest(".ak-chart"));
    const next = all[all.indexOf(hit) + by] ?? hit;
    hit.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
  return { offer };
}
