/** The bar below the table, whose room is kept: what to do with the marked rows, or the keys. */
function marksOf(live) {
  const number = h("strong");
  const compare = press(() => live.send("compare"), { word: "Compare", kind: "ak-main" });
  const known = h("datalist", { id: uniqueId() });
  const label = entry("label", { ariaLabel: "label for the marked rollouts" });
  label.setAttribute("list", known.id);
  const name = (on) => () => label.value.trim() && live.send("label", { label: label.value, on });
  onEnter(label, name(true));
  const both = [
    press(name(true), { icon: "label", word: "Add label", kind: "ak-line" }),
    press(name(false), { word: "Remove label", kind: "ak-line" }),
  ];
  const some = div("ak-xrow", number, compare, label, known, both);
  const hints = h("small.ak-hints");
  const unmark = closing(() => live.send("mark_all", { on: false }), "unmark all");
  let said = "";
  return {
    node: div("ak-marks ak-xrow", some, div("ak-grow"), hints, unmark),
    draw({ marked = [], labels = [], grouped, open, shown }) {
      some.hidden = unmark.hidden = !marked.length || grouped;
      number.textContent = `${counted(marked.length)} marked`;
      compare.ariaDisabled = marked.length !== 2;
      compare.title = marked.length === 2 ? "" : "mark two rollouts to compare them";
      known.replaceChildren(...labels.map((value) => h("option", { value })));
      const apart = open?.row < 0;
      const keys = [
        !grouped && !apart && shown && "Space mark",
        !apart && shown && "Enter open",
        open?.kind !== "compare" && shown && "J/K next, previous",
        open?.kind && "Esc close",
        "/ filter",
        "? all keys",
      ].filter(Boolean);
      if (said === (said = keys.join())) return;
      const words = keys.map((key) => key.match(/(\S+) (.*)/));
      hints.replaceChildren(...words.flatMap(([, key, word]) => [h("kbd", key), ` ${word} `]));
    },
  };
}
