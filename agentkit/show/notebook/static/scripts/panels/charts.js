/**
 * What lies over the bars of a chart says more of them and goes to their turn: by the pointer, or
 * by arrows and Enter.
 * @param {Live} live
 */
function chartBars(live, body, within) {
  const tip = h(".ak-tip.ak-over", { hidden: true, ariaHidden: "true" });
  body.append(tip);
  const hitOf = (event) => event.target.closest(".ak-hit");

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
    if (!hit || rove(event, hit.closest("svg"), ".ak-hit")) return;
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    go(hit);
  });
  return {
    offer() {
      show(null);
      for (const svg of within.querySelectorAll("svg.ak-chart")) {
        svg.setAttribute("role", "group");
        for (const hit of svg.querySelectorAll(".ak-hit")) {
          hit.setAttribute("role", hit.dataset.turn === undefined ? "img" : "button");
          hit.ariaLabel = hit.textContent;
          hit.setAttribute(QUIET, "true");
        }
        tabStop(svg, svg.querySelector(".ak-hit"), ".ak-hit");
      }
    },
  };
}
