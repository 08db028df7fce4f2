/** What the keys do, in the table. */
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
function menusOf(live, state) {
  const panel = h("div", { className: "ak-xmenu", hidden: true, tabIndex: 0 });
  const said = (rows, tag) =>
    rows.flatMap(([what, means]) => [h("dt", {}, h(tag, {}, what)), h("dd", {}, means)]);
  const fill = {
    columns() {
      const shown = new Set(live.state.columns.map(([name]) => name));
      const change = () =>
        live.send("columns", {
          names: boxes.filter((box) => box.checked).map((box) => box.value),
        });
      const boxes = live.state.names.map(([value]) =>
        h("input", { type: "checkbox", value, checked: shown.has(value), onchange: change }),
      );
      return [
        h("strong", {}, "Columns"),
        div("ak-xticks", ...boxes.map((box) => h("label", {}, box, ` ${box.value}`))),
        line(() => live.send("columns"), "The usual ones"),
      ];
    },
    views() {
      const name = h("input", { placeholder: "name", "aria-label": "name of the view" });
      const save = () => {
        if (name.value.trim()) live.send("save", { name: name.value });
      };
      onEnter(name, save);
      return [
        h("strong", {}, "Saved views"),
        ...live.state.views.map((view) =>
          div(
            "ak-xrow",
            press(() => live.send("saved", { name: view }), { word: view, kind: "ak-grow" }),
            closing(() => live.send("forget", { name: view }), `forget the view ${view}`),
          ),
        ),
        h("small", {}, `Filter, order, columns and mode; kept in ${live.state.kept || "memory"}`),
        div("ak-xrow", name, line(save, "Save")),
      ];
    },
    keys: () => [
      h("strong", {}, "Keys"),
      h("dl", { className: "ak-xkeys" }, said(KEYS, "kbd")),
      h("strong", {}, "Filter"),
      h("dl", { className: "ak-xkeys" }, said(FILTERS, "code")),
      h("small", {}, `Columns: ${live.state.names.map(([name]) => name).join(", ")}`),
    ],
  };
  let open = "";
  const buttons = {};
  const show = (which) => {
    open = open === which ? "" : which;
    draw();
    (open ? (panel.querySelector("input, button") ?? panel) : buttons[which])?.focus();
  };
  function draw() {
    for (const [name, button] of Object.entries(buttons))
      button.setAttribute("aria-expanded", String(name === open));
    panel.hidden = !open;
    const at = [...panel.querySelectorAll("input, button")].indexOf(document.activeElement);
    if (open) panel.replaceChildren(...fill[open]());
    if (open && at >= 0) panel.querySelectorAll("input, button")[at]?.focus();
  }
  for (const [name, iconName, label] of [
    ["columns", "columns", "Columns"],
    ["views", "save", "Saved views"],
    ["keys", "keys", "Keys and filter words  ?"],
  ])
    buttons[name] = press(() => show(name), { icon: iconName, label, "aria-expanded": "false" });
  live.root.addEventListener("focusin", ({ target }) => {
    if (!open || panel.contains(target) || Object.values(buttons).includes(target)) return;
    open = "";
    draw();
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    show(open);
    event.stopPropagation();
  });
  return { buttons: Object.values(buttons), panel, show, draw: () => open && draw() };
}
