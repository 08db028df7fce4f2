/** What a status of JupyterLab's means for all that the kernel has made. */
const ENDS = { autorestarting: "died", dead: "died", terminating: "gone" };

const ENDED = {
  restarted: "The kernel was restarted",
  died: "The kernel has died",
  gone: "No kernel runs for this any more",
};
const lastSeen = (how) => `${ENDED[how]}: this is how it looked last. Run the cell again.`;

/** What is left to say of what was never shown in this page: how much there was. */
function unseen(counted) {
  const numbers = Object.entries(counted ?? {}).map(([name, number]) => `${number} ${name}`);
  const had = numbers.length ? ` It showed ${numbers.join(", ")}.` : "";
  return `The kernel that made this is gone.${had} Run the cell again.`;
}

const sessionOf = (model) => model.widget_manager?.context?.sessionContext;

/**
 * Calls `end` when the kernel is no more, and returns what ends the watch. A host that lets us see
 * its session tells at once; else the widget's model does, which hears of a restart alone.
 */
function watchKernel(model, end) {
  const session = sessionOf(model);
  const kernel = session?.session?.kernel?.id;
  const restarted = () => setTimeout(end, 300, "restarted"); // unless it has died: told next
  const status = (_, now) => ENDS[now] && end(ENDS[now]);
  const other = (_, { newValue }) => newValue?.id !== kernel && end("gone");
  model.on("comm_live_update", restarted);
  session?.statusChanged?.connect(status);
  session?.kernelChanged?.connect(other);
  return () => {
    session?.statusChanged?.disconnect(status);
    session?.kernelChanged?.disconnect(other);
  };
}

/** Calls `end` unless it was answered by then: looks again while the kernel is busy or unseen. */
function unlessAnswered(model, end) {
  const look = () => {
    const session = sessionOf(model);
    if (!session) return;
    const status = session.session?.kernel?.status;
    if (status === undefined || status === "idle") end();
    else setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
}
