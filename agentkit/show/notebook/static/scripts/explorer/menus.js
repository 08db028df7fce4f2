/** What the keys do, in the table, and what a filter can say. */
const KEYS = [
  ["/", "filter"],
  ["↑ ↓", "go through the rows; Page, Home and End too"],
  ["Enter", "open the row, close it"],
  ["J K", "open the next, the previous"],
  ["Space", "mark the row"],
  ["C", "compare the two that are marked"],
  ["Shift ← →", "on a heading: narrower, wider; Shift Enter fits"],
  ["Esc", "close what is open"],
];
const FILTERS = [
  ["reward<0.5 turns>=3", "= != < <= > >= and ~ (holds this text); all must hold"],
  ["ended=error,length", "either of two"],
  ["tools=get_weather", "called this tool"],
  ["reward=none", "not known"],
  ['label="wrong city"', "a text with a space stands in quotes"],
  ["Oslo get_weather", "both words, anywhere in the texts"],
];

/**
 * The three menus at the right of the toolbar: columns, views that were saved, words and keys. One
 * is open at a time, over the table, which does not move.
 */
function menusOf(live) {
  const panel = h(".ak-xmenu", { hidden: true, tabIndex: 0 });
  const said = (title, rows, tag) => [
    h("strong", title),
    h(
      "dl.ak-xkeys",
      rows.flatMap(([what, means]) => [h("dt", h(tag, {}, what)), h("dd", means)]),
    ),
  ];
  const MENUS = {
    Columns() {
      const shown = new Set(live.state.columns.map(([name]) => name));
      const onchange = () =>
        live.send("columns", { names: boxes.filter((box) => box.checked).map((b) => b.value) });
      const boxes = live.state.names.map(([value]) =>
        h("input", { type: "checkbox", value, checked: shown.has(value), onchange }),
      );
      return [
        h("strong", "Columns"),
        div("ak-xticks", ...boxes.map((box) => h("label", box, ` ${box.value}`))),
        line(() => live.send("columns"), "The usual ones"),
      ];
    },
    "Saved views"() {
      const name = entry("name", { ariaLabel: "name of the view" });
      const save = () => name.value.trim() && live.send("save", { name: name.value });
      onEnter(name, save);
      const viewOf = (view) =>
        div(
          "ak-xrow",
          press(() => live.send("saved", { name: view }), { word: view, kind: "ak-grow" }),
          closing(() => live.send("forget", { name: view }), `forget the view ${view}`),
        );
      return [
        h("strong", "Saved views"),
        ...live.state.views.map(viewOf),
        h("small", `Filter, order, columns and mode; kept in ${live.state.kept || "memory"}`),
        div("ak-xrow", name, line(save, "Save")),
      ];
    },
    "Keys and filter words  ?": () => [
      ...said("Keys", KEYS, "kbd"),
      ...said("Filter", FILTERS, "code"),
      h("small", `Columns: ${live.state.names.map(([name]) => name).join(", ")}`),
    ],
  };
  const names = Object.keys(MENUS);
  let open = -1;
  const buttons = ["columns", "save", "keys"].map((name, i) =>
    press(() => show(i), { icon: name, label: names[i], ariaExpanded: false }),
  );
  const show = (which) => {
    const last = open;
    open = open === which ? -1 : which;
    draw();
    (open < 0 ? buttons[last] : (panel.querySelector("input, button") ?? panel)).focus();
  };
  function draw() {
    buttons.forEach((button, i) => button.setAttribute("aria-expanded", i === open));
    panel.hidden = open < 0;
    if (open < 0) return;
    const at = [...panel.querySelectorAll("input, button")].indexOf(document.activeElement);
    panel.replaceChildren(...MENUS[names[open]]());
    if (at >= 0) panel.querySelectorAll("input, button")[at]?.focus();
  }
  live.root.addEventListener("focusin", ({ target }) => {
    if (open < 0 || panel.contains(target) || buttons.includes(target)) return;
    open = -1;
    draw();
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    show(open);
    event.stopPropagation();
  });
  return { buttons, panel, keys: () => show(2), draw: () => open >= 0 && draw() };
}
