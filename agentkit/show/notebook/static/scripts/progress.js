/**
 * The button that stops a batch. A kernel that is at the very cell hears nothing of it: then it
 * offers to interrupt the cell, where the host lets a page do so.
 */
PARTS.push((live) => {
  live.root.classList.add("ak-batches");
  const WAIT = 1500; // ms in which a kernel that hears has answered
  let busy = false;
  const end = () => {
    if (busy) return live.kernel().interrupt();
    live.send("stop");
    stop.ariaDisabled = true;
    told.textContent = "asked to stop";
    setTimeout(() => {
      if (live.state.stopping || bar.hidden) return;
      busy = Boolean(live.kernel());
      const how = busy ? "Interrupt" : "interrupting the kernel";
      told.textContent = `the kernel is busy with this cell: ${how} keeps what had begun`;
      if (!busy) return;
      stop.ariaDisabled = false;
      stop.lastChild.textContent = "Interrupt";
    }, WAIT);
  };
  const stop = press(end, { icon: "stop", word: "Stop", kind: "ak-line" });
  const told = h("small", { role: "status" });
  const bar = h(".ak-batch-bar", told, stop);
  live.rows.after(bar);
  return {
    state({ running, stopping, gone }) {
      bar.hidden = !running || Boolean(gone);
      if (stopping) told.textContent = "";
    },
  };
});
