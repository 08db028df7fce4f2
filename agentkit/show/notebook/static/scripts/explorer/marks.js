/** The bar below the table, whose room is kept: what to do with the marked rows, or the keys. */
function marksOf(live) {
  const number = h("strong");
  const compare = press(() => live.send("compare"), { word: "Compare", kind: "ak-main" });
  const label = h("input", { placeholder: "label", "aria-label": "label for the marked rollouts" });
  const known = h("datalist", { id: `ak-labels-${(Math.random() * 1e9) | 0}` });
  label.setAttribute("list", known.id);
  const name = (on) => () => label.value.trim() && live.send("label", { label: label.value, on });
  label.addEventListener("keydown", (event) => event.key === "Enter" && name(true)());
  const some = h(
    "div",
    { className: "ak-xrow" },
    number,
    compare,
    label,
    known,
    press(name(true), { icon: "label", word: "Add", label: "add the label", kind: "ak-line" }),
    press(name(false), { word: "Remove", label: "remove the label", kind: "ak-line" }),
  );
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
    ].flatMap(([key, word]) => [h("kbd", { textContent: key }), ` ${word} `]),
  );
  const unmark = press(() => live.send("mark_all", { on: false }), {
    icon: "close",
    label: "unmark all",
  });
  return {
    node: h(
      "div",
      { className: "ak-marks ak-xrow" },
      some,
      h("span", { className: "ak-grow" }),
      keys,
      unmark,
    ),
    draw({ marked = [], labels = [], grouped }) {
      some.hidden = unmark.hidden = !marked.length || grouped;
      number.textContent = `${counted(marked.length)} marked`;
      compare.setAttribute("aria-disabled", String(marked.length !== 2));
      compare.title = marked.length === 2 ? "" : "mark two rollouts to compare them";
      known.replaceChildren(...labels.map((value) => h("option", { value })));
    },
  };
}
