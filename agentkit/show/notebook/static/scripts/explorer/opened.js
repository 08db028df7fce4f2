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
  const inner = innerOf(live);
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

/** A place for another view: its script comes from the kernel, its messages go through this one. */
function innerOf(live) {
  const node = h(".ak-inner", { hidden: true });
  let number = 0;
  let end = null;
  let hears = new Set();
  return {
    node,
    /** Makes room for the view of this number; 0: for none. */
    show(now) {
      if (now === number) return;
      number = now;
      end?.();
      end = null;
      hears = new Set();
      node.replaceChildren();
      node.hidden = !now;
      if (now) live.send("module");
    },
    async hear({ number: of, module, content }, arrays) {
      if (of !== number) return;
      const views = arrays.map((array) => new DataView(array));
      if (!module) return hears.forEach((hear) => hear(content, views));
      const url = URL.createObjectURL(new Blob([module], { type: "text/javascript" }));
      const widget = (await import(url)).default();
      URL.revokeObjectURL(url);
      const mine = new Set();
      if (of !== number) return;
      hears = mine;
      const model = {
        on: (name, hear) => name === "msg:custom" && mine.add(hear),
        off: (name, hear) => mine.delete(hear),
        get: (name) => (name === "packed" ? views[0] : undefined),
        send: (sent) => live.send("inner", { content: sent }),
      };
      const forget = widget.initialize({ model });
      const hide = await widget.render({ model, el: node });
      end = () => [hide, forget].forEach((act) => act?.());
    },
  };
}
