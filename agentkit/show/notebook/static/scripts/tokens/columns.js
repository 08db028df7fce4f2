/** The columns of numbers that are sent, and the strip of all tokens. */
const TOKENS_A_BLOCK = 500;
/** Parts of the strip, and what they can look like, the more telling later. */
const PARTS_OF_STRIP = 480;
const LOOKS = ["given", "sampled", "off", "1", "2", "3", "4"];
const [TRAINED, UNKNOWN, OFF, SAMPLED] = [8, 16, 32, 64];

/** How many of the rising limits a value has reached; 5 for a value that is not known. */
function stepOf(value, limits) {
  if (value !== value) return 5;
  let step = 0;
  while (step < limits.length && value >= limits[step]) step++;
  return step;
}

/** 0 for the prompt, 1 trained, 2 trained and off policy, 3 sampled and not trained. */
const maskOf = (flag) => (flag & TRAINED ? (flag & OFF ? 2 : 1) : flag & SAMPLED ? 3 : 0);

const unpacked = (buffer) =>
  new Response(
    new Blob([buffer]).stream().pipeThrough(new DecompressionStream("deflate")),
  ).arrayBuffer();

/** The columns, as Python laid them out. */
async function columnsOf(arrays) {
  const [table, which, logprobs, entropies, flags, sizes] = await Promise.all(arrays.map(unpacked));
  return {
    table: JSON.parse(new TextDecoder().decode(table)),
    which: new Uint32Array(which),
    logprobs: new Float32Array(logprobs),
    entropies: new Float32Array(entropies),
    flags: new Uint8Array(flags),
    sizes: new Uint32Array(sizes),
  };
}

const percent = (logprob) => {
  const value = 100 * Math.exp(Math.min(0, logprob));
  return value < 0.01 ? "<0.01 %" : `${Number(value.toPrecision(value < 1 ? 2 : 3))} %`;
};
/** Draws the strip: each part as its most telling token. */
function sketch(strip, { columns, shown, unlikely, starts, state }) {
  const { flags, logprobs, entropies } = columns;
  const total = flags.length;
  const parts = Math.min(total, PARTS_OF_STRIP);
  const width = PARTS_OF_STRIP / parts;
  const drawn = LOOKS.map(() => "");
  for (let part = 0; part < parts; part++) {
    const counts = LOOKS.map(() => 0);
    const begin = Math.floor((part * total) / parts);
    const end = Math.floor(((part + 1) * total) / parts);
    for (let i = begin; i < end; i++) {
      let look = flags[i] & SAMPLED ? (flags[i] & OFF ? 2 : 1) : 0;
      const likely = shown === "logprob";
      const step = likely ? stepOf(-logprobs[i], unlikely) : stepOf(entropies[i], state.entropies);
      if (look && shown !== "mask" && step > 0 && step < 5) look = step + 2;
      counts[look]++;
    }
    // the most telling look that a tenth of the tokens have: one of a hundred is no colour
    let look = LOOKS.length - 1;
    for (let seen = counts[look]; look && seen < (end - begin) / 10; seen += counts[look]) look--;
    drawn[look] += `M${part * width} 0h${width}v12h${-width}z`;
  }
  const marks = drawn.map((d, i) => (d ? shape("path", { d, class: `ak-strip-${LOOKS[i]}` }) : ""));
  for (const r of Object.keys(state.breaks)) {
    const x = (starts[r] / total) * PARTS_OF_STRIP;
    marks.push(shape("path", { d: `M${x - 1} 0h2v12h-2z`, class: "ak-strip-broken" }));
  }
  strip.replaceChildren(...marks.filter(Boolean));
}
