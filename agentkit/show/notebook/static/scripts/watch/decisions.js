const BUSY = "the kernel is busy with a cell: it hears this when the cell has ended";

/** What waits: drafts stay in the page until they are sent; the kernel says what they change. */
function decisionsOf(live, place) {
  const WAIT = 1500; // ms in which a kernel that hears has answered
  const draftsIn = (card) =>
    Object.fromEntries(
      [...card.querySelectorAll("[data-field]")]
        .filter((field) => field.value !== field.defaultValue)
        .map((field) => [field.dataset.field, field.value]),
    );
  /** Says on the buttons what they do now. */
  function adapt(card) {
    const changed = Object.keys(draftsIn(card)).length > 0;
    const send = card.querySelector('[data-act="send"] > span');
    if (send) send.textContent = changed ? "Send as changed" : "Send";
    const plain = card.querySelector('[data-act="release"]');
    if (plain) plain.hidden = !(changed || "changed" in plain.dataset);
  }
  async function check(field) {
    const card = field.closest("[data-number]");
    const shown = field.parentNode.querySelector(".ak-wdiff");
    if (field.value === field.defaultValue) return shown.replaceChildren();
    const { number } = card.dataset;
    const asked = { number: Number(number), field: field.dataset.field, text: field.value };
    const { html, wrong, fits } = await live.ask("draft", asked);
    const words = wrong ? h("span.ak-bad", icon("error"), ` ${wrong}`) : "";
    const fine = fits ? h("span.ak-good", icon("ok"), " fits the schema") : "";
    const diff = html ? [h("small", "changed: "), nodesOf(html)] : [];
    shown.replaceChildren(...[words, fine, ...diff].filter(Boolean));
  }
  async function act(card, { act: name }, value) {
    const says = card.querySelector(".ak-wsays");
    let answered = false;
    says.textContent = "";
    says.classList.remove("ak-bad");
    setTimeout(() => {
      if (!answered) says.textContent = BUSY;
    }, WAIT);
    const asked = { number: Number(card.dataset.number), act: name, value };
    const { wrong } = await live.ask("decide", { ...asked, drafts: draftsIn(card) });
    answered = true;
    says.textContent = wrong;
    says.classList.toggle("ak-bad", Boolean(wrong));
  }
  function press_(card, button) {
    const hand = card.querySelector("[data-hand]");
    act(card, button.dataset, button.dataset.act === "answer" ? hand.value : button.value);
  }
  place.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-act]");
    if (button && button.ariaDisabled !== "true") press_(button.closest("[data-number]"), button);
  });
  let edited = null;
  const soon = later(() => check(edited), 250);
  place.addEventListener("input", ({ target }) => {
    if (!("field" in target.dataset)) return;
    edited = target;
    adapt(target.closest("[data-number]"));
    soon();
  });
  place.addEventListener("keydown", (event) => {
    if (!event.target.matches("textarea") || !isDone(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const card = event.target.closest("[data-number]");
    const name = "hand" in event.target.dataset ? "answer" : "send";
    press_(card, card.querySelector(`[data-act="${name}"]`));
  });
  return {
    /** Shows what waits: a card that stays keeps its drafts, its folds and the focus. */
    fill(parts) {
      const now = JSON.stringify(parts);
      if (place.akParts === now) return;
      place.akParts = now;
      const known = new Map([...place.children].map((card) => [card.dataset.number, card]));
      const had = place.contains(document.activeElement);
      const cards = parts.map((part) => {
        const fresh = made(part);
        const was = known.get(fresh.dataset.number);
        if (!was) return fresh;
        if (was.akPart !== JSON.stringify(part)) keepIn(was, fresh);
        return was;
      });
      cards.forEach((card, i) => (card.akPart = JSON.stringify(parts[i])));
      let gone = false; // the one that was open has been decided: the next one opens
      for (const card of [...place.children]) {
        if (cards.includes(card)) continue;
        gone ||= Boolean(card.open);
        card.remove();
      }
      cards.forEach((card, i) => {
        if (place.children[i] !== card) place.insertBefore(card, place.children[i] ?? null);
      });
      place.hidden = !cards.length;
      if (had && !place.contains(document.activeElement)) focusOn(live.root);
      const fresh = cards.find((card) => gone || !known.has(card.dataset.number));
      if (fresh?.matches("details") && !place.querySelector(":scope > [open]")) fresh.open = true;
    },
  };
  /** The head and the patience of a card change while it waits, and a text that code changed;
   * never one that somebody writes in. */
  function keepIn(was, fresh) {
    for (const part of [":scope > summary", ".ak-wpatience"]) {
      const [old, now] = [was, fresh].map((card) => card.querySelector(part));
      if (old && now) morph(old, now);
    }
    for (const now of fresh.querySelectorAll("[data-field]")) {
      const old = was.querySelector(`[data-field="${now.dataset.field}"]`);
      if (old && old.value === old.defaultValue) old.value = old.defaultValue = now.value;
    }
    const [plain, now] = [was, fresh].map((card) => card.querySelector('[data-act="release"]'));
    if (plain && now) plain.toggleAttribute("data-changed", "changed" in now.dataset);
    adapt(was);
  }
}
