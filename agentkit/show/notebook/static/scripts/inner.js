/** A place for another view: its script comes from the kernel, its messages go through this one. */
function innerOf(live) {
  const node = h(".ak-inner", { hidden: true });
  let number = 0;
  let end = null;
  let hears = new Set();
  /** What it says before its script is there; null once it is. @type {any[]?} */
  let early = [];
  let loading = 0;
  return {
    node,
    /** Makes room for the view of this number; 0: for none. */
    show(now) {
      if (now === number) return;
      number = now;
      end?.();
      end = null;
      hears = new Set();
      early = [];
      node.replaceChildren();
      node.hidden = !now;
      // the script may come unasked, as from a kernel that is busy with a cell
      if (now) setTimeout(() => number === now && loading !== now && live.send("module"), 50);
    },
    async hear({ number: of, module, content }, arrays) {
      if (of !== number) return;
      const views = arrays.map((array) => new DataView(array));
      if (!module && early) return void early.push([content, views]);
      if (!module) return hears.forEach((hear) => hear(content, views));
      if (loading === of) return;
      loading = of;
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
      for (const told of early) mine.forEach((hear) => hear(...told));
      early = null;
      const hide = await widget.render({ model, el: node });
      end = () => [hide, forget].forEach((act) => act?.());
    },
  };
}

/** A view that holds another has a place for it: `live.inner`. */
PARTS.push((live) => {
  live.inner = innerOf(live);
  return {
    message(message, arrays) {
      if (message.type === "inner") live.inner.hear(message, arrays);
    },
  };
});
