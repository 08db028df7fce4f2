/**
 * The headings of the table: each sorts by its column, its edge makes it wider, a double click fits
 * it to what it holds; with Shift, the arrows and Enter do so.
 */
function headingsOf(live, view, head) {
  /** What a person made of the widths, by column. @type {Map<string, number>} */
  const own = new Map();
  const isNew = changes();

  /** All columns, and those of a narrow cell: there, what gives way has no room. */
  function layOut() {
    const columns = live.state.columns ?? [];
    for (const narrow of [false, true]) {
      const widths = columns
        .filter(([, , , , less]) => !narrow || !less)
        .map(([name, , kind, width]) => {
          return own.get(name) ?? (narrow && kind === "reward" ? Math.max(64, width - 50) : width);
        });
      const least = narrow ? 110 : 140;
      const tracks = widths.map((width) => (width ? `${width}px` : `minmax(${least}px, 1fr)`));
      const sum = widths.reduce((before, width) => before + (width || least) + 8, 48);
      view.style.setProperty(narrow ? "--ak-few" : "--ak-all", `26px ${tracks.join(" ")}`);
      view.style.setProperty(narrow ? "--ak-few-w" : "--ak-all-w", `${sum}px`);
    }
  }
  function resize(name, width) {
    own.set(name, clamp(Math.round(width), 30, 900));
    layOut();
  }
  /** As wide as the widest cell in sight. */
  function fit(place, name) {
    const range = document.createRange();
    const wide = [...view.querySelectorAll("[role=row]")].map(({ children }) => {
      const cell = children[place + 1];
      if (!cell) return 0;
      range.selectNodeContents(cell.querySelector(".ak-sort") ?? cell);
      return range.getBoundingClientRect().width;
    });
    resize(name, Math.max(...wide) + 10);
  }

  function heading([name, , kind, , less, order, button], place) {
    const sort = made(button);
    const edge = h("i.ak-rz", {
      title: "drag to resize, double click to fit",
      ondblclick: () => fit(place, name),
    });
    const given = { role: "columnheader", ariaSort: order };
    const cell = h(`span.ak-k-${kind}${less ? ".ak-less" : ""}`, given, sort, edge);
    sort.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -12, ArrowRight: 12 }[event.key];
      if (!event.shiftKey || (!step && event.key !== "Enter")) return;
      if (step) resize(name, cell.offsetWidth + step);
      else fit(place, name);
      taken(event);
    });
    edge.addEventListener("pointerdown", (event) => {
      const begun = cell.offsetWidth - event.clientX;
      edge.setPointerCapture(event.pointerId);
      edge.onpointermove = (move) => resize(name, begun + move.clientX);
      edge.onpointerup = () => (edge.onpointermove = null);
      event.preventDefault();
    });
    return cell;
  }

  return (state) => {
    if (!isNew(state.columns, state.grouped)) return;
    const at = [...head.children].findIndex((cell) => cell.contains(document.activeElement));
    const onclick = () => live.send("mark_all", { on: all.checked });
    const all = h("input", { type: "checkbox", ariaLabel: "mark all", onclick });
    const first = state.grouped ? h("span.ak-away", "open") : all;
    const cells = (state.columns ?? []).map(heading);
    head.replaceChildren(h("span", { role: "columnheader" }, first), ...cells);
    if (at > 0) head.children[at]?.querySelector("button")?.focus();
    layOut();
  };
}
