/** A button of the table. */
const button = (text, onclick, props = {}) =>
  h("button", { type: "button", className: "ak-button", textContent: text, onclick, ...props });

/** The heading of a column, whose button sorts by it. */
function heading(state, [name, text, kind], ask) {
  const sorted = name === state.sort;
  const first = kind === "number"; // numbers from the greatest
  const click = () =>
    ask(
      !sorted
        ? { sort: name, descending: first }
        : state.descending === first
          ? { sort: name, descending: !first }
          : { sort: "" },
    );
  const arrow = sorted ? (state.descending ? " ↓" : " ↑") : "";
  return h(
    "span",
    {
      role: "columnheader",
      className: `ak-${kind}`,
      "aria-sort": sorted ? (state.descending ? "descending" : "ascending") : "none",
    },
    h("button", {
      type: "button",
      className: "ak-sort",
      textContent: text + arrow,
      onclick: click,
      title: `sort by ${text}`,
    }),
  );
}

/** The widths of the columns, and the least that they take together, in px. */
function widthsOf(state) {
  const wide = {
    prompt: "minmax(100px, 3fr)",
    label: "minmax(60px, 1fr)",
    rollout: "44px",
    stop_reason: "minmax(76px, 1fr)",
    stop_reasons: "minmax(110px, 2fr)",
    count: "56px",
    problems: "minmax(56px, .6fr)",
  };
  const widths = (state.columns ?? []).map(
    ([name, , kind]) =>
      wide[name] ??
      (state.grouped
        ? name === "reward"
          ? "minmax(200px, 2fr)"
          : "minmax(96px, 1.2fr)"
        : kind === "number"
          ? "minmax(44px, .6fr)"
          : "minmax(60px, 1fr)"),
  );
  const least = widths.reduce(
    (sum, width) => sum + Number(/\d+/.exec(width)[0]) + 8,
    state.grouped ? 98 : 50,
  );
  return { widths, least };
}
