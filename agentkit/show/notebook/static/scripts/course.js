/**
 * Where a rollout's time goes, on one line that grows with it: the model above, the tools under it.
 * Python sends the seconds of each new turn.
 */
PARTS.push((live) => {
  const WIDTH = 720;
  const COLUMNS = 240; // turns drawn one by one; of more, neighbours are put together
  const KINDS = [
    ["#6a9bd3", 9, 6],
    ["#d99a2b", 4, 14],
  ]; // colour, height and middle of the model's and the tools' bars
  /** @type {[number, number][]} seconds of the model and of the tools */
  let turns = [];
  const svg = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const title = svg("title", {});
  const paths = KINDS.map(([stroke, width]) =>
    svg("path", { fill: "none", stroke, "stroke-width": width }),
  );
  const chart = svg("svg", {
    viewBox: `0 0 ${WIDTH} 18`,
    preserveAspectRatio: "none",
    role: "img",
    class: "ak-chart ak-course",
  });
  chart.append(title, ...paths);
  live.rows.before(chart);

  function draw() {
    const step = Math.ceil(turns.length / COLUMNS) || 1;
    const bars = [];
    for (let i = 0; i < turns.length; i += step) {
      bars.push(
        turns.slice(i, i + step).reduce(([a, b], [model, tools]) => [a + model, b + tools], [0, 0]),
      );
    }
    const [model, tools] = bars.reduce(([a, b], [m, t]) => [a + m, b + t], [0, 0]);
    const total = model + tools;
    chart.toggleAttribute("hidden", !total);
    if (!total) return;
    const marks = ["", ""];
    let at = 0;
    for (const bar of bars) {
      bar.forEach((length, kind) => {
        const width = (length * WIDTH) / total;
        if (length > 0)
          marks[kind] +=
            `M${at.toFixed(1)} ${KINDS[kind][2]}h${Math.max(0.8, width - 1).toFixed(1)}`;
        at += width;
      });
    }
    paths.forEach((path, kind) => path.setAttribute("d", marks[kind]));
    const share = Math.round((100 * model) / total);
    const turn = turns.length === 1 ? "turn" : "turns";
    const shares = `the model ${share} %, tools ${100 - share} %`;
    const told = `timeline of ${turns.length} ${turn}, ${total.toPrecision(3)} s: ${shares}`;
    title.textContent = told;
    chart.setAttribute("aria-label", told);
  }

  draw();
  return {
    op(name, start, seconds) {
      if (name !== "times") return;
      turns = [...turns.slice(0, start), ...seconds];
      draw();
    },
  };
});
