/**
 * The steps of a histogram, the points along a column: a click takes one, a drag or Shift with an
 * arrow several. What they choose is written into the filter. Says whether they are being dragged
 * over.
 */
function steppedRanges(live, panel) {
  let from = -1;
  const mark = (steps, to) =>
    [...steps.children].forEach((step, i) => {
      step.ariaPressed = i >= Math.min(from, to) && i <= Math.max(from, to);
    });
  const take = (steps, to) => {
    const { asks = "range", column } = steps.dataset;
    live.send(asks, { column, first: from, last: to });
    from = -1;
  };
  const hear = (kind, act) =>
    panel.addEventListener(kind, (event) => {
      const steps = event.target.closest(".ak-hist");
      if (!steps) return;
      const { left, width } = steps.getBoundingClientRect();
      const many = steps.childElementCount;
      act(steps, clamp(Math.floor(((event.clientX - left) / width) * many), 0, many - 1), event);
    });
  hear("pointerdown", (steps, at, event) => {
    from = at;
    steps.setPointerCapture(event.pointerId);
    mark(steps, at);
  });
  hear("pointermove", (steps, at) => from >= 0 && mark(steps, at));
  hear("pointerup", (steps, at) => from >= 0 && take(steps, at));
  hear("keydown", (steps, _, event) => {
    const place = [...steps.children].indexOf(event.target);
    const next = [...steps.children].indexOf(rove(event, steps));
    if (next >= 0) {
      from = !event.shiftKey ? -1 : from < 0 ? place : from;
      if (event.shiftKey) mark(steps, next);
    } else if (event.key === "Enter" || event.key === " ") {
      if (from < 0) from = place;
      take(steps, place);
      taken(event);
    }
  });
  return () => from >= 0;
}
