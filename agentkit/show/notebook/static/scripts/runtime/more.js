/**
 * Texts that are not all there: `more` puts a button after what a drawing says of the rest, which
 * the kernel sends when it is asked for, and `source` gets a text as it was written.
 */
function longTexts(live) {
  async function open(button, mark, start) {
    button.ariaDisabled = "true";
    const again = () => (button.ariaDisabled = null);
    const { html, next, of } = await live.ask("more", { at: mark.dataset.more, start }, again);
    const rest = own(h(".ak-rest", nodesOf(html)));
    button.before(rest);
    rest.childNodes.forEach((node) => offerCopies(node));
    live.say("the rest of the text is shown");
    if (next) offer(button, mark, next, `${counted(of - next)} more characters`);
    else button.remove();
    const first = rest.querySelector("pre");
    if (!next && first) focusOn(Object.assign(first, { tabIndex: -1 }));
  }

  function offer(button, mark, start, word) {
    const onclick = () => button.ariaDisabled !== "true" && open(button, mark, start);
    button.ariaDisabled = null;
    own(button, { onclick }).lastChild.textContent = word;
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
        live.ask("source", { at }).then(({ text }) => text),
        new Promise((resolve) => setTimeout(resolve, 2000)), // of a kernel that is busy: as shown
      ]),
  };
}
