/**
 * Questions to Python: a reply goes to who asked, and only to the last question of its kind.
 * @param {Live} live
 */
function asking(live) {
  const open = new Map();
  let last = 0;
  return {
    /** @returns {Promise<any>} what Python replies */
    ask: (action, args = {}) =>
      new Promise((resolve) => {
        last += 1;
        open.set(last, resolve);
        live.send(action, { ...args, ask: last });
      }),
    heard(message) {
      open.get(message.ask)?.(message);
      open.delete(message.ask);
    },
  };
}

/** Calls a function once nothing more comes for a while. */
function later(act, pause = 150) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...args), pause);
  };
}
