/** The columns of numbers that are sent. */
const TOKENS_A_BLOCK = 500;
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
