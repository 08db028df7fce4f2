/**
 * What is opened: a bar with its name, next and previous; what Python draws of it, or a view with a
 * script of its own; and beside a rollout its labels and notes.
 */
function openedOf(live, go) {
  const title = h("strong");
  const facts = h("small.ak-cut");
  const ways = Object.entries({
    short: "In short",
    whole: "Whole conversation",
    debug: "Open in the debugger",
  }).map(([how, word]) => line(() => live.send(how), word));
  const others = () => live.state.marked.filter((mark) => mark !== live.state.open.key);
  const pair = line(() => {
    live.send("mark", { key: live.state.open.key, on: true });
    if (others().length === 1) live.send("compare");
    else live.say("marked; mark another row, then Compare below the table", true);
  }, " ");
  const steps = [
    press(() => go(-1), { icon: "up", label: "Previous  K", kind: "ak-line" }),
    press(() => go(1), { icon: "down", label: "Next  J", kind: "ak-line" }),
  ];
  const close = closing(() => live.send("close"), "Close  Esc");
  const bar = div("ak-xrow ak-open-bar", ...steps, title, facts, div("ak-grow"), ways, pair, close);
  const tags = div("ak-xrow ak-tags");
  const label = entry("label", { ariaLabel: "new label" });
  const where = h("select", { ariaLabel: "what it is about" });
  const note = h("textarea", { rows: 3, ariaLabel: "note", placeholder: "note" });
  const notes = div("ak-notes");
  const saved = h("small");
  const labels = div("ak-xrow", label, line(name, "Add"));
  const side = div("ak-open-side", where, tags, labels, note, notes, saved);
  const inner = innerOf(live);
  const cell = div("", bar, div("ak-open", div("", live.rows, inner.node), side));
  const node = div("ak-detail", cell);
  let key = "";
  let at = ""; // what the note that is shown is about

  const about = () => ({ key, where: at });
  const here = (labelled) =>
    live.state.open.remarks.filter(([on, is]) => on === at && is === labelled);
  function name() {
    if (label.value.trim()) live.send("label", { label: label.value, ...about() });
    label.value = "";
  }
  onEnter(label, name);
  const written = () => here(false).find((remark) => remark[3])?.[2] ?? "";
  const keep = () => {
    if (written() !== note.value.trim()) live.send("note", { text: note.value, ...about() });
  };
  note.addEventListener("change", keep);
  note.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && !isDone(event)) return;
    note.blur();
    event.stopPropagation();
  });
  where.addEventListener("change", () => {
    keep();
    at = where.value;
    note.value = written();
    said(live.state);
  });
  const placed = (place) => (place ? `on ${place}` : "on the rollout");

  /** Labels and note of what is chosen, and what was said of the rest. */
  function said({ open: { remarks }, kept }) {
    const tagOf = ([, , text, own]) => {
      const take = () => live.send("label", { label: text, on: false, ...about() });
      const away = own ? closing(take, `Remove the label ${text}`) : null;
      return h("span.ak-chip", icon("label"), text, away);
    };
    tags.replaceChildren(...here(true).map(tagOf));
    if (document.activeElement !== note) note.value = written();
    const rest = remarks.filter(([on, is, , own]) => on !== at || (!is && !own));
    const saying = ([on, is, text]) =>
      h("p", h("small", `${is ? "label" : "note"} ${placed(on)}: `), text);
    notes.replaceChildren(...rest.map(saying));
    saved.textContent = kept
      ? `${remarks.length ? "✓ saved" : "kept"} in ${kept}`
      : "in memory; table.labels.save(path) keeps them";
  }

  return {
    node,
    inner,
    /** Goes where its bar is: what had the focus is hidden by it. */
    focus: () => focusOn(close),
    /** Stands in a table as a row of one cell, or by itself. */
    within(table) {
      for (const [part, role] of Object.entries({ row: node, gridcell: cell }))
        if (table) role.setAttribute("role", part);
        else role.removeAttribute("role");
    },
    draw(state) {
      const { open } = state;
      inner.show(open?.inner ?? 0);
      if (!open?.kind) return;
      const one = open.kind === "rollout";
      title.textContent = open.title;
      facts.textContent = open.facts;
      ways.forEach((way, i) => {
        way.hidden = !one || open.how === ["short", "whole", "debugger"][i];
      });
      pair.hidden = !one;
      side.hidden = open.how !== "short";
      steps.forEach((step) => (step.hidden = open.kind === "compare"));
      if (!one) return;
      const marked = others();
      pair.lastChild.textContent =
        marked.length === 1 ? `Compare with ${marked[0]}` : "Mark to compare";
      if (key !== open.key) {
        key = open.key;
        at = "";
        where.replaceChildren(...open.places.map((value) => h("option", { value }, placed(value))));
      }
      said(state);
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
