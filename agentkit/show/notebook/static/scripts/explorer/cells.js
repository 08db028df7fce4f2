/** The icon of how something went. */
const TONES = { good: "ok", warn: "warn", bad: "error", quiet: "info" };
const div = (className, ...inside) => h("div", { className }, ...inside);
const line = (act, word) => press(act, { word, kind: "ak-line" });
const closing = (act, label) => press(act, { icon: "close", label });
const link = (act, word, name) =>
  h("button", { type: "button", className: "ak-xlink", "data-facet": name, onclick: act }, word);
const entry = (label, more) => h("input", { placeholder: label, ariaLabel: label, ...more });
const onEnter = (node, act) => node.addEventListener("keydown", (e) => e.key === "Enter" && act());
const uniqueId = () => `ak-x${(Math.random() * 1e9) | 0}`;
const toned = (tone, text) => h("span", { className: `ak-${tone}` }, icon(TONES[tone]), text);
/** Bars beside each other, or one: of each its share of the height, or of the width. */
const barOf = (side, size) => {
  const bar = h("i");
  bar.style[side] = size;
  return bar;
};

/** What a cell shows, by the kind of its column. All of it is text. */
const CELLS = {
  reward: ([text, share]) =>
    share < 0 ? [h("span.ak-quiet", text)] : [h("span.ak-rw", barOf("width", `${share}%`)), text],
  ended: ([text, tone]) => [toned(tone, text)],
  prompt: ([differs, rest]) => [h("b", differs), rest],
  shape(counts) {
    const label = `rewards in ten steps: ${counts.join(", ")}`;
    const most = Math.max(1, ...counts);
    const bars = counts.map((number) => barOf("height", `${Math.ceil((18 * number) / most)}px`));
    return [h("span.ak-steps", { role: "img", ariaLabel: label }, bars)];
  },
  ends: (ends) => ends.map(([tone, number]) => toned(tone, `${number} `)),
};
const cellOf = (kind, cell) =>
  typeof cell === "string" ? [cell] : (CELLS[kind] ?? ((parts) => [parts.join(" ")]))(cell);
