/**
 * The headings of the table: each sorts by its column, its edge makes it wider, a double click fits
 * it to what it holds; with Shift, the arrows and Enter do so.
 */
function headingsOf(live, view, head, ask) {
  /** What a person made of the widths, by column. @type {Map<string, number>} */
  const own = new Map();
  let drawn = "";

  const widthOf = ([name, , , width]) => own.get(name) ?? width;
  function layOut() {
    const columns = live.state.columns ?? [];
    const widths = columns.map((column) => widthOf(column));
    view.style.setProperty(
      "--ak-columns",
      `26px ${widths.map((width) => (width ? `${width}px` : "minmax(140px, 1fr)")).join(" ")}`,
    );
    const least = widths.reduce((sum, width) => sum + (width || 140) + 8, 58);
    view.style.setProperty("--ak-least", `${least}px`);
  }
  function resize(name, width) {
    own.set(name, Math.max(30, Math.min(900, Math.round(width))));
    layOut();
  }
  /** As wide as the widest cell in sight. */
  function fit(place, name) {
    const cells = [...view.querySelectorAll("[role=row]")].map((row) => row.children[place + 1]);
    const range = document.createRange();
    const wide = cells.filter(Boolean).map((cell) => {
      range.selectNodeContents(cell.querySelector(".ak-sort") ?? cell);
      return range.getBoundingClientRect().width;
    });
    resize(name, Math.max(...wide) + 10);
  }

  function heading(state, [name, text, kind], place) {
    const sorted = name === state.sort;
    const first = !["prompt", "text", "mono", "ended"].includes(kind); // numbers from the greatest
    const next = !sorted
      ? { sort: name, descending: first }
      : state.descending === first
        ? { sort: name, descending: !first }
        : { sort: "" };
    const sort = h("button", {
      type: "button",
      className: "ak-sort",
      textContent: text + (sorted ? (state.descending ? " ▼" : " ▲") : ""),
      title: `sort by ${text}`,
      onclick: () => ask(next),
    });
    const cell = h("span", {
      role: "columnheader",
      className: `ak-k-${kind}`,
      "aria-sort": sorted ? (state.descending ? "descending" : "ascending") : "none",
    });
    sort.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -12, ArrowRight: 12 }[event.key];
      if (!event.shiftKey || (!step && event.key !== "Enter")) return;
      if (step) resize(name, cell.offsetWidth + step);
      else fit(place, name);
      taken(event);
    });
    const edge = h("i", {
      className: "ak-rz",
      title: "drag to resize, double click to fit",
      ondblclick: () => fit(place, name),
    });
    edge.addEventListener("pointerdown", (event) => {
      const begun = cell.offsetWidth - event.clientX;
      edge.setPointerCapture(event.pointerId);
      edge.onpointermove = (move) => resize(name, begun + move.clientX);
      edge.onpointerup = () => (edge.onpointermove = null);
      event.preventDefault();
    });
    cell.append(sort, edge);
    return cell;
  }

  return (state) => {
    const now = JSON.stringify([state.columns, state.sort, state.descending, state.grouped]);
    if (now === drawn) return;
    drawn = now;
    const at = [...head.children].findIndex((cell) => cell.contains(document.activeElement));
    const all = h("input", { type: "checkbox", "aria-label": "mark all" });
    all.addEventListener("click", () => live.send("mark_all", { on: all.checked }));
    head.replaceChildren(
      h(
        "span",
        { role: "columnheader" },
        state.grouped ? h("span", { className: "ak-away" }, "open") : all,
      ),
      ...(state.columns ?? []).map((column, i) => heading(state, column, i)),
    );
    if (at > 0) head.children[at]?.querySelector("button")?.focus();
    layOut();
  };
}
