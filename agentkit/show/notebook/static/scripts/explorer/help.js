/** What a filter can hold, behind a question mark; the names of the columns go into `columnsOf`. */
function filterHelp(columnsOf) {
  const summary = h("summary", {
    textContent: "?",
    "aria-label": "how to write a filter",
    title: "how to write a filter",
  });
  const text = h(
    "div",
    { className: "ak-help-text" },
    h("p", {
      textContent:
        "Conditions and words; all of them must hold. Words stand anywhere in a rollout's texts, " +
        "whatever their case.",
    }),
    ...[
      ["reward<0.5 turns>=3", "signs: = != < <= > >= and ~ (holds this text)"],
      ["stop_reason=error,length", "either of two"],
      ["reward=none", "not known"],
      ['label="wrong city"', "with this label; a text with a space stands in quotes"],
      ["Oslo get_weather", "both words"],
    ].map(([code, said]) => h("p", {}, h("code", { textContent: code }), ` ${said}`)),
    h("p", { textContent: "Columns:" }),
    columnsOf,
  );
  return h("details", { className: "ak-help" }, summary, text);
}
