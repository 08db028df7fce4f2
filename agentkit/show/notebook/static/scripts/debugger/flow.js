/**
 * Where the reader is in the conversation. It follows what is new while its end is in view, and not
 * beyond the start of a row; a reader who went up stays there.
 * @param {Live} live
 */
function following(live, outline) {
  const { rows } = live;
  const over = (sign, className, onclick) => {
    const made = press(onclick, { icon: sign, word: "…", kind: `ak-line ${className}` });
    made.hidden = true;
    return made;
  };
  const earlier = over("up", "ak-earlier", () => {
    rows.scrollTop = 0;
    rows.focus({ preventScroll: true });
  });
  const later = over("down", "ak-later", () => {
    atEnd = true;
    follow(3, true);
    rows.focus({ preventScroll: true });
  });
  let atEnd = true;
  let first = true;
  let height = 0;
  let seen = null;
  let known = 0;
  /** Room above what was gone to, so that the button for what is earlier lies over none of it. */
  const ROOM = 40;
  const bottom = () => rows.scrollHeight - rows.clientHeight;

  const turns = () => [...rows.querySelectorAll(".ak-turn, .ak-block > [data-turn]")];
  function turnNode(turn, call = null) {
    const key = (name) => rows.querySelector(`[data-key="${name}"]`);
    const of = `turn-${turn}`;
    return (
      (call === null ? null : key(`${of}/call-${call}`)) ??
      rows.querySelector(`.ak-turn[data-turn="${turn}"]`) ??
      key(of) ??
      rows.querySelector(`[data-key^="growing-${turn}/"]`)
    );
  }

  /** A call with its turn's head, where both fit. */
  function withHead(call) {
    const turn = call?.closest(".ak-turn");
    if (!turn) return call;
    const height = call.getBoundingClientRect().bottom - turn.getBoundingClientRect().top;
    return height + ROOM < rows.clientHeight ? turn : call;
  }

  /** Scrolls to a node; what was out of sight gets its real height on the way. */
  function reveal(node, range) {
    if (!node) return;
    atEnd = false;
    const go = (times) => {
      const box = (range ?? node).getBoundingClientRect(),
        pane = rows.getBoundingClientRect();
      const off = box.top - pane.top - (range ? pane.height / 3 : ROOM);
      const was = rows.scrollTop;
      rows.scrollTop += off;
      const still = Math.abs(rows.scrollTop - was) < 2;
      if (times > 0) requestAnimationFrame(() => go(still ? times - 4 : times - 1));
    };
    go(12);
    const box = rows.getBoundingClientRect();
    if (box.top < 0 || box.top > innerHeight - 80) live.root.scrollIntoView({ block: "nearest" });
  }

  /** The newest row: following never passes its start. */
  const newest = () => rows.querySelector(":scope > :last-child")?.lastElementChild;
  function follow(times, whole) {
    if (!atEnd) return;
    const row = newest();
    let to = bottom();
    if (row && !whole) {
      const start = row.getBoundingClientRect().top - rows.getBoundingClientRect().top;
      to = Math.min(to, rows.scrollTop + start);
    }
    rows.scrollTop = Math.max(to, whole ? 0 : rows.scrollTop);
    if (times) requestAnimationFrame(() => follow(times - 1, whole));
    else look();
  }

  /** Notes which turn is in view, and how many lie above and below. */
  function look() {
    const top = rows.getBoundingClientRect().top;
    const all = turns();
    let low = 0,
      high = all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle].getBoundingClientRect().bottom > top + ROOM + 4) high = middle;
      else low = middle + 1;
    }
    const first = all[low];
    seen = first ? Number(first.dataset.turn ?? /\d+/.exec(first.dataset.key)[0]) : null;
    outline.viewed(seen);
    const above = rows.scrollTop > 8 ? low : 0;
    earlier.hidden = !above;
    earlier.lastChild.textContent = `${above} earlier`;
    const more = bottom() - rows.scrollTop > 40;
    const fresh = all.length - known;
    later.hidden = !(more && (fresh > 0 || live.state.running));
    later.lastChild.textContent = fresh > 0 ? `${fresh} new turn${fresh > 1 ? "s" : ""}` : "follow";
    if (!more) known = all.length;
  }
  let asked = false;
  rows.addEventListener(
    "scroll",
    () => {
      if (bottom() - rows.scrollTop < 40) atEnd = true;
      // rows above may take another height once they are drawn; only a person scrolls up
      else if (rows.scrollTop < height) atEnd = false;
      height = rows.scrollTop;
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        look();
      });
    },
    { passive: true },
  );
  return {
    earlier,
    later,
    turnNode,
    withHead,
    reveal,
    seen: () => seen,
    drawn() {
      // what nobody drives is read from its start
      if (first) atEnd = Boolean(live.state.can) && !/^#agentkit-turn-/.test(location.hash);
      first = false;
      if (atEnd) follow(3);
      else look();
    },
  };
}
