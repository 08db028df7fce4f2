/**
 * Texts that are not all there: `more` puts a button after what a drawing says of the rest, which
 * the kernel sends when it is asked for, and `source` gets a text as it was written.
 */
function longTexts(live) {
  /**
   * What waits for an answer, by its question, which no part's has the number of.
   * @type {Map<number, Function>}
   */
  const waiting = new Map();
  let asked = 0;
  const ask = (action, args) =>
    new Promise((resolve) => {
      waiting.set(--asked, resolve);
      live.send(action, { ...args, ask: asked });
    });

  async function open(button, mark, start) {
    button.setAttribute("aria-disabled", "true");
    const told = await ask("more", { at: mark.dataset.more, start });
    if (told.type === "failed") return button.removeAttribute("aria-disabled");
    const { html, next, of } = told;
    const rest = Object.assign(h("div", { className: "ak-rest" }, nodesOf(html)), { akOwn: true });
    button.before(rest);
    rest.childNodes.forEach((node) => offerCopies(node));
    live.say("the rest of the text is shown");
    if (next) offer(button, mark, next, `${(of - next).toLocaleString("en")} more characters`);
    else button.remove();
    const first = rest.querySelector("pre");
    if (!next && first) Object.assign(first, { tabIndex: -1 }).focus({ preventScroll: true });
  }

  function offer(button, mark, start, word) {
    const onclick = () => button.ariaDisabled !== "true" && open(button, mark, start);
    button.removeAttribute("aria-disabled");
    Object.assign(button, { onclick, akOwn: true }).lastChild.textContent = word;
  }

  return {
    more(row) {
      if (row.nodeType !== Node.ELEMENT_NODE) return;
      for (const mark of row.querySelectorAll(".ak-more[data-more]")) {
        if (mark.nextSibling?.akOwn) continue;
        const button = press(null, { word: "Open all", kind: "ak-line ak-all" });
        offer(button, mark, 0, "Open all");
        mark.after(button);
      }
    },
    source: (at) =>
      Promise.race([
        ask("source", { at }).then(({ text }) => text),
        new Promise((resolve) => setTimeout(resolve, 2000)), // of a kernel that is busy: as shown
      ]),
    heard(message) {
      waiting.get(message.ask)?.(message);
      waiting.delete(message.ask);
    },
  };
}
