/**
 * The facets: each value is a button with how many there are of it, under a bar; the numbers of
 * the reward are steps that are dragged over. What they choose is written into the filter.
 */
function facetsOf(live, panel) {
  let drawn = "";
  let from = -1;
  let clears = 0;

  const clear = (column, word) => link(() => live.send("any", { column }), word, `clear ${column}`);
  const group = (heading, column, ...inside) => {
    const head = div("ak-xrow", h("b", heading), column && clear(column, "clear"));
    return h("fieldset.ak-fc", { ariaLabel: heading }, head, inside);
  };

  function choiceOf(column, [value, text, tone, number, chosen]) {
    const words = h("span", { className: `ak-cut ${tone ? `ak-${tone}` : ""}` }, text);
    if (tone) words.prepend(icon(TONES[tone]));
    return h(
      "button",
      {
        type: "button",
        className: "ak-fr",
        title: text.length > 20 ? text : undefined,
        ariaPressed: chosen,
        "data-facet": `${column} ${value}`,
        onclick: () => live.send("choose", { column, value, on: !chosen }),
      },
      words,
      h("span.ak-xn", counted(number)),
      barOf("width", `${(100 * number) / live.state.total}%`),
    );
  }

  function facetOf({ column, heading, choices, more }) {
    const chosen = choices.some((choice) => choice[4]);
    const word = more > 0 ? `${counted(more)} more` : choices.length > 6 && "fewer";
    const rows = choices.map((choice) => choiceOf(column, choice));
    if (word) rows.push(link(() => live.send("unfold", { column }), word, `more ${column}`));
    return group(heading, chosen ? column : null, ...rows);
  }

  /** Steps: a click takes one, a drag or Shift with an arrow several. */
  function histogramOf({ column, heading, edges, counts, chosen }) {
    const most = Math.max(1, ...counts);
    const last = counts.length - 1;
    const at = (event) => {
      const { left, width } = steps.getBoundingClientRect();
      return clamp(Math.floor(((event.clientX - left) / width) * counts.length), 0, last);
    };
    const mark = (a, b) =>
      all.forEach((step, i) =>
        step.setAttribute("aria-pressed", i >= Math.min(a, b) && i <= Math.max(a, b)),
      );
    const take = (to) => {
      live.send("range", { column, first: from, last: to });
      from = -1;
    };
    const all = counts.map((number, i) => {
      const title = `${edges[i]} to ${edges[i + 1]}: ${counted(number)}`;
      const props = {
        type: "button",
        tabIndex: i === Math.max(0, chosen.indexOf(true)) ? 0 : -1,
        title,
        ariaLabel: `${heading} ${title}`,
        ariaPressed: Boolean(chosen[i]),
        "data-facet": `${column} ${i}`,
      };
      const height = number && Math.max(2, Math.round((40 * number) / most));
      return h("button", props, barOf("height", `${height}px`));
    });
    const steps = h(
      ".ak-steps.ak-hist",
      {
        role: "group",
        ariaLabel: "drag to choose a range",
        onpointerdown(event) {
          from = at(event);
          steps.setPointerCapture(event.pointerId);
          mark(from, from);
        },
        onpointermove: (event) => from >= 0 && mark(from, at(event)),
        onpointerup: (event) => from >= 0 && take(at(event)),
      },
      all,
    );
    steps.addEventListener("keydown", (event) => {
      const place = all.indexOf(event.target);
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) {
        const next = clamp(place + step, 0, last);
        all.forEach((one, i) => (one.tabIndex = i === next ? 0 : -1));
        all[next].focus();
        from = !event.shiftKey ? -1 : from < 0 ? place : from;
        if (event.shiftKey) mark(from, next);
      } else if (event.key === "Enter" || event.key === " ") {
        if (from < 0) from = place;
        take(place);
      } else return;
      taken(event);
    });
    const ends = div("ak-ends", ...[0, 5, 10].map((i) => h("span", edges[i])));
    const said = chosen.length ? chosenWords(heading, edges, chosen) : heading;
    return group(said, chosen.length ? column : null, steps, ends);
  }

  function chosenWords(heading, edges, chosen) {
    const first = chosen.indexOf(true);
    if (first < 0) return `${heading}: none`;
    const end = edges[chosen.lastIndexOf(true) + 1];
    return first === 0 ? `${heading} < ${end}` : `${heading} ≥ ${edges[first]}`;
  }

  return {
    /** How many columns the filter asks something of. */
    chosen: () => clears,
    draw({ facets, histogram, unread = [], query }) {
      const now = JSON.stringify([facets, histogram, unread, query]);
      if (now === drawn || from >= 0) return;
      drawn = now;
      const focused = document.activeElement;
      const at = panel.contains(focused) && focused.dataset.facet;
      const asked = (facets ?? []).filter(({ choices }) => choices.some((choice) => choice[4]));
      clears = asked.length + (histogram?.chosen.length ? 1 : 0);
      const read = (column) =>
        link(() => live.send("read", { column }), "read the file to count", `read ${column}`);
      panel.replaceChildren(
        div("ak-facets-head", h("span", "Facets"), query ? clear("", "clear all") : ""),
        ...(histogram ? [histogramOf(histogram)] : []),
        ...(facets ?? []).map(facetOf),
        ...unread.map(([column, heading]) => group(heading, null, read(column))),
        facets ? "" : h("p", "counting …"),
      );
      if (at) panel.querySelector(`[data-facet="${CSS.escape(at)}"]`)?.focus();
    },
  };
}
