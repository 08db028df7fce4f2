/** What can be done about a request that gave no answer, in the row of its attempt. */
function attempts({ live, ask, edits }) {
  let node = null;
  let was = "";
  const made = ({ turn, said }) => {
    const word = (word, act, icon, kind = "ak-line") => press(act, { word, icon, kind });
    const edit = async () =>
      edits.open(turn, "message", {
        words: "The answer",
        text: said ? (await ask("partial")).text : "",
      });
    const post = (action) => () => live.send(action);
    return own(
      h(
        "div",
        { className: "ak-ed-acts ak-vain", role: "group", "aria-label": "What to do about it" },
        word("Ask again", post("step"), "rerun", "ak-main"),
        said ? word("Use as the answer", post("use")) : null,
        word(said ? "Edit, then use" : "Answer by hand…", edit, said && "edit"),
        word("Copy as curl", () => copyCode({ live, ask }, turn, "curl"), "copy"),
        said ? word("Discard", post("discard")) : null,
      ),
    );
  };
  return {
    draw() {
      const { vain } = live.state;
      const now = JSON.stringify(vain ?? null);
      if (now !== was) {
        node?.remove();
        node = vain ? made(vain) : null;
        was = now;
      }
      const row = vain && live.rows.querySelector(`[data-key="${vain.key}"]`);
      if (row && node.parentElement !== row) row.append(node);
    },
  };
}
