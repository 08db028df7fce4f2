/** The button that stops a batch. Where the kernel is at a cell it hears nothing of it. */
PARTS.push((live) => {
  const stop = press(
    () => {
      live.send("stop");
      stop.setAttribute("aria-disabled", "true");
      told.textContent = "asked to stop; if the kernel does not hear, interrupt it: all is kept";
    },
    { icon: "stop", word: "Stop", kind: "ak-line" },
  );
  const told = h("small", { role: "status" });
  const bar = h("div", { className: "ak-batch-bar" }, told, stop);
  live.rows.after(bar);
  return {
    state({ running, stopping, gone }) {
      bar.hidden = !running || Boolean(gone);
      if (stopping) told.textContent = "";
    },
  };
});
