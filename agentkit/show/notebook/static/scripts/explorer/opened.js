/**
 * What is opened: a bar with its name, next and previous; what Python draws of it, or a view with a
 * script of its own; and beside a rollout its labels and notes.
 */
function openedOf(live) {
  const bar = h(".ak-xrow.ak-open-bar");
  const side = h(".ak-open-side", {
    /** What is written at once is about what was chosen, too. */
    onchange({ target }) {
      if (!target.matches("select")) return;
      for (const { dataset } of side.querySelectorAll("[data-args]"))
        dataset.args = JSON.stringify({ ...JSON.parse(dataset.args), where: target.value });
    },
    onkeydown(event) {
      if (!event.target.matches("textarea") || !(event.key === "Escape" || isDone(event))) return;
      event.target.blur();
      event.stopPropagation();
    },
  });
  const inner = live.inner;
  const cell = h("div", bar, h(".ak-open", h("div", live.rows, inner.node), side));
  const node = h(".ak-detail", cell);
  return {
    node,
    inner,
    places: { bar, side },
    /** Goes where its bar is: what had the focus is hidden by it. */
    focus: () => focusOn(bar.lastChild),
    /** Stands in a table as a row of one cell, or by itself. */
    within(table) {
      node.role = table ? "row" : null;
      cell.role = table ? "gridcell" : null;
    },
    draw(open) {
      inner.show(open.inner ?? 0);
      side.hidden = open.how !== "short";
    },
  };
}
