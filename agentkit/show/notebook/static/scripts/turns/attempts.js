/** What can be done about a request that gave no answer, in the row of its attempt. */
function attempts({ live, edits }) {
  let node = null;
  const isNew = changes();
  const made = ({ turn, said }) => {
    const word = (word, act, icon, kind = "ak-line") => press(act, { word, icon, kind });
    const edit = async () =>
      edits.open(turn, "message", {
        words: "The answer",
        text: said ? (await live.ask("partial")).text : "",
      });
    const post = (action) => () => live.send(action);
    return own(
      h(
        ".ak-ed-acts.ak-vain",
        { role: "group", ariaLabel: "What to do about it" },
        word("Ask again", post("step"), "rerun", "ak-main"),
        said ? word("Use as the answer", post("use")) : null,
        word(said ? "Edit, then use" : "Answer by hand…", edit, said && "edit"),
        word("Copy as curl", () => copyCode({ live }, turn, "curl"), "copy"),
        said ? word("Discard", post("discard")) : null,
      ),
    );
  };
  return {
    draw() {
      const { vain } = live.state;
      if (isNew(vain)) {
        node?.remove();
        node = vain ? made(vain) : null;
      }
      const row = vain && live.row(vain.key);
      if (row && node.parentElement !== row) row.append(node);
    },
  };
}
