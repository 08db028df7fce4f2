/** The icon of how something went. */
const TONES = { good: "ok", warn: "warn", bad: "error", quiet: "info" };
const div = (className, ...inside) => h("div", { className }, ...inside);
const line = (act, word) => press(act, { word, kind: "ak-line" });
const closing = (act, label) => press(act, { icon: "close", label });
const link = (act, word, name) =>
  h("button", {
    type: "button",
    className: "ak-xlink",
    textContent: word,
    "data-facet": name,
    onclick: act,
  });
const onEnter = (node, act) => node.addEventListener("keydown", (e) => e.key === "Enter" && act());
/** Does not let the notebook have it. */
const taken = (event) => {
  event.preventDefault();
  event.stopPropagation();
};
/** A thousand as 1,000. */
const counted = (number) => Number(number ?? 0).toLocaleString("en-US");
const toned = (tone, text) => h("span", { className: `ak-${tone}` }, icon(TONES[tone]), text);

/**
 * What a cell shows, by the kind of its column. All of it is text.
 * @type {Object<string, (cell: any) => (Node|string|null)[]>}
 */
const CELLS = {
  reward: ([text, share]) => {
    const bar = h("i");
    bar.style.width = `${share}%`;
    return [share < 0 ? null : h("span", { className: "ak-rw" }, bar), text];
  },
  ended: ([text, tone]) => [toned(tone, text)],
  prompt: ([differs, rest]) => [h("b", { textContent: differs }), rest],
  shape: (counts) => [shapeOf(counts)],
  ends: (ends) => ends.map(([tone, number]) => toned(tone, `${number} `)),
};

const cellOf = (kind, cell) =>
  typeof cell === "string" ? [cell] : (CELLS[kind] ?? ((parts) => [parts.join(" ")]))(cell);

/** Ten small bars. */
function shapeOf(counts) {
  const made = h("span", { className: "ak-steps", role: "img" });
  const most = Math.max(1, ...counts);
  made.setAttribute("aria-label", `rewards in ten steps: ${counts.join(", ")}`);
  made.append(
    ...counts.map((number) => {
      const bar = h("i");
      bar.style.height = `${Math.ceil((18 * number) / most)}px`;
      return bar;
    }),
  );
  return made;
}
