/**
 * The facets: each value is a button with how many there are of it, under a bar; the numbers of
 * the reward are steps that are dragged over. What they choose is written into the filter.
 */
function facetsOf(live, panel) {
  let drawn = "";
  let from = -1;
  let clears = 0;

  const clear = (column, word) =>
    link(() => live.send("any", { column }), word, `clear ${column}`);

  function choiceOf(column, most, [value, text, tone, number, chosen]) {
    const bar = h("i");
    bar.style.width = `${(100 * number) / most}%`;
    const words = h("span", { className: `ak-cut ${tone ? `ak-${tone}` : ""}` }, text);
    if (tone) words.prepend(icon(TONES[tone]));
    return h(
      "button",
      {
        type: "button",
        className: "ak-fr",
        title: text.length > 20 ? text : undefined,
        "aria-pressed": String(chosen),
        "data-facet": `${column} ${value}`,
        onclick: () => live.send("choose", { column, value, on: !chosen }),
      },
      words,
      h("span", { className: "ak-xn", textContent: counted(number) }),
      bar,
    );
  }

  function facetOf({ column, heading, choices, more }) {
    const most = Math.max(1, ...choices.map((choice) => choice[3]));
    const chosen = choices.some((choice) => choice[4]);
    const all = choices.length > 6 || more > 0;
    return group(
      heading,
      chosen ? clear(column, "clear") : null,
      ...choices.map((choice) => choiceOf(column, most, choice)),
      all
        ? link(
            () => live.send("unfold", { column }),
            more ? `${counted(more)} more` : "fewer",
            `more ${column}`,
          )
        : null,
    );
  }

  const group = (heading, cleared, ...inside) =>
    h(
      "fieldset",
      { className: "ak-fc", "aria-label": heading },
      div("ak-xrow", h("b", {}, heading), cleared),
      inside,
    );

  /** Steps: a click takes one, a drag or Shift with an arrow several. */
  function histogramOf({ column, heading, edges, counts, chosen }) {
    const most = Math.max(1, ...counts);
    const at = (event) => {
      const box = steps.getBoundingClientRect();
      const place = Math.floor(((event.clientX - box.left) / box.width) * counts.length);
      return Math.max(0, Math.min(counts.length - 1, place));
    };
    const mark = (first, last) =>
      [...steps.children].forEach((step, i) => {
        step.setAttribute("aria-pressed", i >= Math.min(first, last) && i <= Math.max(first, last));
      });
    const take = (first, last) => live.send("range", { column, first, last });
    const steps = h(
      "div",
      { className: "ak-steps ak-hist", role: "group", "aria-label": "drag to choose a range" },
      counts.map((number, i) => {
        const bar = h("i");
        bar.style.height = `${number ? Math.max(2, Math.round((40 * number) / most)) : 0}px`;
        return h(
          "button",
          {
            type: "button",
            tabIndex: i === (chosen.indexOf(true) + 10) % 10 || (!chosen.length && !i) ? 0 : -1,
            title: `${edges[i]} to ${edges[i + 1]}: ${counted(number)}`,
            "aria-label": `${heading} ${edges[i]} to ${edges[i + 1]}: ${counted(number)}`,
            "aria-pressed": String(Boolean(chosen[i])),
            "data-facet": `${column} ${i}`,
          },
          bar,
        );
      }),
    );
    steps.addEventListener("pointerdown", (event) => {
      from = at(event);
      steps.setPointerCapture(event.pointerId);
      mark(from, from);
    });
    steps.addEventListener("pointermove", (event) => {
      if (from >= 0) mark(from, at(event));
    });
    steps.addEventListener("pointerup", (event) => {
      if (from >= 0) take(from, at(event));
      from = -1;
    });
    steps.addEventListener("keydown", (event) => {
      const all = [...steps.children];
      const place = all.indexOf(event.target);
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) {
        const next = Math.max(0, Math.min(counts.length - 1, place + step));
        all.forEach((one, i) => (one.tabIndex = i === next ? 0 : -1));
        all[next].focus();
        if (event.shiftKey) {
          if (from < 0) from = place;
          mark(from, next);
        } else from = -1;
      } else if (event.key === "Enter" || event.key === " ") {
        take(from < 0 ? place : from, place);
        from = -1;
      } else return;
      taken(event);
    });
    const said = chosen.length ? chosenWords(heading, edges, chosen) : heading;
    return group(
      said,
      chosen.length ? clear(column, "clear") : null,
      steps,
      div("ak-ends", ...[0, 5, 10].map((i) => h("span", {}, edges[i]))),
    );
  }

  function chosenWords(heading, edges, chosen) {
    const first = chosen.indexOf(true);
    const last = chosen.lastIndexOf(true);
    if (first < 0) return `${heading}: none`;
    return first === 0 ? `${heading} < ${edges[last + 1]}` : `${heading} ≥ ${edges[first]}`;
  }

  return {
    /** How many columns the filter asks something of. */
    chosen: () => clears,
    draw(state) {
      const { facets, histogram, unread = [], query } = state;
      const now = JSON.stringify([facets, histogram, unread, query]);
      if (now === drawn || from >= 0) return;
      drawn = now;
      const at = panel.contains(document.activeElement)
        ? document.activeElement.dataset.facet
        : null;
      clears =
        (facets ?? []).filter((facet) => facet.choices.some((choice) => choice[4])).length +
        (histogram?.chosen.length ? 1 : 0);
      panel.replaceChildren(
        div("ak-facets-head", h("span", {}, "Facets"), query ? clear("", "clear all") : null),
        ...(histogram ? [histogramOf(histogram)] : []),
        ...(facets ?? []).map(facetOf),
        ...unread.map(([column, heading]) =>
          group(
            heading,
            null,
            link(() => live.send("read", { column }), "read the file to count", `read ${column}`),
          ),
        ),
        ...(facets ? [] : [h("p", { className: "ak-quiet", textContent: "counting …" })]),
      );
      if (at) panel.querySelector(`[data-facet="${CSS.escape(at)}"]`)?.focus();
    },
  };
}
