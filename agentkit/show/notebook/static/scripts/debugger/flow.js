const NEAR = 40; // pixels from the end that count as at the end
/** What lets a row grow because somebody reads on in it. */
const UNFOLDS = "details:not([open]) > summary, button[data-tab]:not([data-tab='talk']), .ak-all";

const FOLDS = "details[open] > summary, button[data-tab='talk']";

/** The first of some elements, in order, that ends below a height. */
function firstBelow(all, height) {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (all[middle].getBoundingClientRect().bottom > height) high = middle;
    else low = middle + 1;
  }
  return all[low] ?? null;
}

/** The number of the turn of what stands in a block; undefined for what is of none. */
const turnIn = ({ dataset }) => dataset?.turn && Number(dataset.turn);

/**
 * Where the reader is in the conversation. It follows what is new while its end is in view, and not
 * beyond the start of a turn; a reader who went up stays there. Heights are read when the browser
 * has laid out, whatever made them change: a row, a picture, a font, a window.
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
    whole = true;
    unfolded = -Infinity;
    laidOut();
  });
  let atEnd = true;
  let went = false;
  let first = true;
  /** Whether it was asked for the very end, beyond the start of a turn. */
  let whole = false;
  /** When somebody let a row grow. */
  let unfolded = -Infinity;
  /** Whether it would follow on, had nothing been unfolded. */
  let rests = false;
  /** Rows at the end, and how far below the pane's top they stood. @type {[Element, number][]} */
  let stood = [];
  let seen = null;
  let known = null;
  let due = false;
  const left = () => rows.scrollHeight - rows.clientHeight - rows.scrollTop;
  const heightOf = (node) => node.getBoundingClientRect().top - rows.getBoundingClientRect().top;
  const newest = () => rows.lastElementChild?.lastElementChild;

  function turnNode(turn, call = null) {
    const key = (name) => live.row(`turn-${turn}${name}`);
    return (
      (call === null ? null : key(`/call-${call}`)) ??
      rows.querySelector(`.ak-turn[data-turn="${turn}"]`) ??
      key("") ??
      rows.querySelector(`[data-key^="growing-${turn}/"]`)
    );
  }

  /** Scrolls to a place; what was out of sight gets its real height on the way, until it stands. */
  async function reveal(node, range) {
    if (!node) return;
    atEnd = false;
    went = true;
    const block = node.closest(".ak-turn") ?? node;
    const go = () => {
      const pane = rows.getBoundingClientRect();
      const { top: start } = block.getBoundingClientRect();
      const box = (range ?? node).getBoundingClientRect();
      const whole = !range && box.bottom - start < pane.height; // with the head of its turn
      const top = whole ? start : box.top;
      const was = rows.scrollTop;
      rows.scrollTop += top - pane.top - (range ? pane.height / 3 : 0);
      return Math.abs(rows.scrollTop - was) < 2 ? 4 : 1;
    };
    let times = 12 - go();
    const { top } = rows.getBoundingClientRect();
    if (top < 0 || top > innerHeight - 80) live.root.scrollIntoView({ block: "nearest" });
    for (let done = false; !done; times -= go()) {
      await new Promise(requestAnimationFrame);
      done = times <= 0;
    }
  }

  /** Goes to the end, but not beyond the start of the newest turn or row. */
  function follow() {
    const row = newest();
    const by = row && !whole ? Math.min(left(), heightOf(row)) : left();
    if (by >= 1) rows.scrollTop += by;
  }

  /** Follows what is there now; not what somebody has unfolded to read it. */
  function laidOut() {
    if (!rows.clientHeight) return; // it is not shown: it comes back with its size
    const reads = performance.now() - unfolded < 1000;
    if (atEnd && !reads) {
      follow();
    } else if (atEnd && left() > NEAR) {
      atEnd = false;
      rests = true;
    }
    look();
  }

  /** Notes which turn is in view, and how many lie above and below. */
  function look() {
    due = false;
    const last = newest();
    const near = last ? [last.previousElementSibling, last] : [];
    stood = near.filter(Boolean).map((node) => [node, heightOf(node)]);
    const more = left() > NEAR;
    seen = inView();
    outline.viewed(seen);
    // who went somewhere knows what is above, and would have the button over its head
    const above = (atEnd && !went && rows.scrollTop > 8 && seen) || 0;
    label(earlier, above > 0, `${above} earlier`);
    let at = last;
    while (at && turnIn(at) === undefined) at = nextTo(at, "previousSibling");
    const all = at ? turnIn(at) + 1 : 0;
    known ??= all || null; // what is there at first is not new
    const fresh = all - known;
    const word = fresh > 0 ? `${fresh} new turn${fresh > 1 ? "s" : ""}` : "follow";
    label(later, more && (fresh > 0 || live.state.running), word);
    if (!more) known = all;
  }

  function inView() {
    const height = rows.getBoundingClientRect().top + 12;
    const block = firstBelow(rows.children, height);
    let at = block && firstBelow(block.children, height);
    while (at && turnIn(at) === undefined) at = nextTo(at, "nextSibling");
    return at ? turnIn(at) : null;
  }

  function label(button, shown, word) {
    if (button.hidden === shown) button.hidden = !shown;
    if (button.lastChild.textContent !== word) button.lastChild.textContent = word;
  }

  /**
   * Only a person moves the rows down in the pane: where rows above get another height, the browser
   * scrolls along.
   */
  function scrolled() {
    if (!rows.clientHeight) return;
    const at = stood.find(([row]) => row.isConnected);
    const by = at ? heightOf(at[0]) - at[1] : 0;
    if (left() < 2) atEnd = true;
    else if (by > 1) atEnd = rests = false;
    else if (by < -1 && left() < NEAR) atEnd = true;
    if (by) soon();
  }

  /** Looks once the next frame is drawn, when nothing has to be laid out for it. */
  function soon() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => setTimeout(() => due && look()));
  }
  rows.addEventListener("scroll", scrolled, { passive: true });
  rows.addEventListener(
    "click",
    ({ target }) => {
      if (target.closest?.(UNFOLDS)) unfolded = performance.now();
      else if (target.closest?.(FOLDS)) {
        unfolded = -Infinity;
        atEnd ||= rests;
      }
      if (atEnd) rests = false;
    },
    true,
  );
  const sizes = new ResizeObserver(laidOut);
  sizes.observe(rows);
  const measured = new WeakSet();
  return {
    earlier,
    later,
    turnNode,
    reveal,
    seen: () => seen,
    /** The text of the last answer. */
    said() {
      for (let at = rows.lastElementChild; at; at = at.previousElementSibling) {
        const texts = at.querySelectorAll("[data-key$='/text']");
        if (texts.length) return texts[texts.length - 1].innerText;
      }
      return "";
    },
    drawn() {
      // what nobody drives is read from its start
      if (first) atEnd = Boolean(live.state.can) && !/^#agentkit-turn-/.test(location.hash);
      first = false;
      whole = false;
      for (const block of rows.children) {
        if (measured.has(block)) continue;
        measured.add(block);
        sizes.observe(block);
      }
      soon();
    },
    end: () => sizes.disconnect(),
  };
}
