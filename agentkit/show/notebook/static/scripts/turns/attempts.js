/** What can be done about a request that gave no answer, in the row of its attempt. */
function attempts({ live, ask, edits }) {
  let node = null;
  let was = "";
  const made = ({ turn, said }) => {
    const word = (text, kind, act, sign) => press(act, { word: text, kind, icon: sign });
    const take = async () => (await ask("partial")).text;
    const edit = async () =>
      edits.open(turn, "message", { words: "The answer", text: said ? await take() : "" });
    return own(
      h(
        "div",
        { className: "ak-ed-acts ak-vain", role: "group", "aria-label": "What to do about it" },
        word("Ask again", "ak-main", () => live.send("step"), "rerun"),
        said
          ? word("Use as the answer", "ak-line", () => live.send("use"))
          : null,
        word(said ? "Edit, then use" : "Answer by hand…", "ak-line", edit, said ? "edit" : null),
        word("Copy as curl", "ak-line", () => copyCode({ live, ask }, turn, "curl"), "copy"),
        said ? word("Discard", "ak-line", () => live.send("discard")) : null,
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
