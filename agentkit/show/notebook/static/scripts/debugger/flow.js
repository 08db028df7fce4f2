/**
 * Where the reader is in the conversation. It follows what is new while its end is in view, and not
 * beyond the start of a row; a reader who went up stays there.
 * @param {Live} live
 */
function following(live, outline) {
  const { rows } = live;
  const over = (sign, className, go) => {
    const act = () => {
      go();
      focusOn(rows);
    };
    const made = press(act, { icon: sign, word: "…", kind: `ak-line ${className}` });
    made.hidden = true;
    return made;
  };
  const earlier = over("up", "ak-earlier", () => {
    rows.scrollTop = 0;
  });
  const later = over("down", "ak-later", () => {
    atEnd = true;
    went = false;
    follow(3, true);
  });
  let atEnd = true;
  let went = false;
  let first = true;
  let height = 0;
  let seen = null;
  let known = 0;
  let asked = false;
  const bottom = () => rows.scrollHeight - rows.clientHeight;

  function turnNode(turn, call = null) {
    const key = (name) => live.row(`turn-${turn}${name}`);
    return (
      (call === null ? null : key(`/call-${call}`)) ??
      rows.querySelector(`.ak-turn[data-turn="${turn}"]`) ??
      key("") ??
      rows.querySelector(`[data-key^="growing-${turn}/"]`)
    );
  }

  /** Scrolls to a place; what was out of sight gets its real height on the way. */
  function reveal(node, range) {
    if (!node) return;
    atEnd = false;
    went = true;
    const block = node.closest(".ak-turn") ?? node;
    const go = (times) => {
      const pane = rows.getBoundingClientRect();
      const { top: start } = block.getBoundingClientRect();
      const box = (range ?? node).getBoundingClientRect();
      const whole = !range && box.bottom - start < pane.height; // with the head of its turn
      const top = whole ? start : box.top;
      const was = rows.scrollTop;
      rows.scrollTop += top - pane.top - (range ? pane.height / 3 : 0);
      const still = Math.abs(rows.scrollTop - was) < 2;
      if (times > 0) requestAnimationFrame(() => go(still ? times - 4 : times - 1));
    };
    go(12);
    const { top } = rows.getBoundingClientRect();
    if (top < 0 || top > innerHeight - 80) live.root.scrollIntoView({ block: "nearest" });
  }

  /** Goes to the end, but not beyond the start of the newest row. */
  function follow(times, whole) {
    if (!atEnd) return;
    const row = rows.querySelector(":scope > :last-child")?.lastElementChild;
    let to = bottom();
    if (row && !whole) {
      const start = row.getBoundingClientRect().top - rows.getBoundingClientRect().top;
      to = Math.max(rows.scrollTop, Math.min(to, rows.scrollTop + start));
    }
    rows.scrollTop = to;
    if (times) requestAnimationFrame(() => follow(times - 1, whole));
    else look();
  }

  /** Notes which turn is in view, and how many lie above and below. */
  function look() {
    const top = rows.getBoundingClientRect().top + 12;
    const all = [...rows.querySelectorAll(".ak-turn, .ak-block > [data-turn]")];
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    const first = all[low];
    seen = first ? Number(first.dataset.turn ?? /\d+/.exec(first.dataset.key)[0]) : null;
    outline.viewed(seen);
    // who went somewhere knows what is above, and would have the button over its head
    const above = atEnd && !went && rows.scrollTop > 8 ? low : 0;
    earlier.hidden = !above;
    earlier.lastChild.textContent = `${above} earlier`;
    const more = bottom() - rows.scrollTop > 40;
    const fresh = all.length - known;
    later.hidden = !(more && (fresh > 0 || live.state.running));
    later.lastChild.textContent = fresh > 0 ? `${fresh} new turn${fresh > 1 ? "s" : ""}` : "follow";
    if (!more) known = all.length;
  }
  const scrolled = () => {
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
  };
  rows.addEventListener("scroll", scrolled, { passive: true });
  return {
    earlier,
    later,
    turnNode,
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
