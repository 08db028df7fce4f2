/** The bar below the table, whose room is kept: what to do with the marked rows, or the keys. */
function marksOf(live) {
  const number = h("strong");
  const compare = press(() => live.send("compare"), { word: "Compare", kind: "ak-main" });
  const label = h("input", { placeholder: "label", "aria-label": "label for the marked rollouts" });
  const known = h("datalist", { id: `ak-labels-${(Math.random() * 1e9) | 0}` });
  label.setAttribute("list", known.id);
  const name = (on) => () => label.value.trim() && live.send("label", { label: label.value, on });
  onEnter(label, name(true));
  const add = { icon: "label", word: "Add", label: "add the label", kind: "ak-line" };
  const take = { word: "Remove", label: "remove the label", kind: "ak-line" };
  const both = [press(name(true), add), press(name(false), take)];
  const some = div("ak-xrow", number, compare, label, known, both);
  const keys = h(
    "small",
    { className: "ak-hints" },
    [
      ["Space", "mark"],
      ["Enter", "open"],
      ["J", ""],
      ["K", "next, previous"],
      ["/", "filter"],
      ["?", "all keys"],
    ].flatMap(([key, word]) => [h("kbd", {}, key), ` ${word} `]),
  );
  const unmark = closing(() => live.send("mark_all", { on: false }), "unmark all");
  return {
    node: div("ak-marks ak-xrow", some, div("ak-grow"), keys, unmark),
    draw({ marked = [], labels = [], grouped }) {
      some.hidden = unmark.hidden = !marked.length || grouped;
      number.textContent = `${counted(marked.length)} marked`;
      compare.setAttribute("aria-disabled", String(marked.length !== 2));
      compare.title = marked.length === 2 ? "" : "mark two rollouts to compare them";
      known.replaceChildren(...labels.map((value) => h("option", { value })));
    },
  };
}
