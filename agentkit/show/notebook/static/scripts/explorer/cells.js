/** The icon of how something went. */
const TONES = { good: "ok", warn: "warn", bad: "error", quiet: "info" };
const toned = (tone, text) => h(`span.ak-${tone}`, icon(TONES[tone]), text);

/** What a cell shows, by the kind of its column. All of it is text. */
const CELLS = {
  reward: ([text, share]) =>
    share < 0
      ? [h("span.ak-quiet", text)]
      : [h("span.ak-rw", h("i", { style: `width: ${share}%` })), text],
  ended: ([text, tone]) => [toned(tone, text)],
  prompt: ([differs, rest]) => [h("b", differs), rest],
  shape(counts) {
    const ariaLabel = `rewards in ten steps: ${counts.join(", ")}`;
    const most = Math.max(1, ...counts);
    const barOf = (number) => h("i", { style: `height: ${Math.ceil((18 * number) / most)}px` });
    return [h("span.ak-steps", { role: "img", ariaLabel }, counts.map(barOf))];
  },
  ends: (ends) => ends.map(([tone, number]) => toned(tone, `${number} `)),
};
const cellOf = (kind, cell) =>
  typeof cell === "string" ? [cell] : (CELLS[kind] ?? ((parts) => [parts.join(" ")]))(cell);
