/** A text that can be copied: a line with room at its side, or any other block of text. */
const TEXTS = ".ak-line:has(> .ak-side), [data-source], pre";

/** What one button is made of; the others are copies of it, and their icon is drawn by the sheet,
 * as there are more of them than of all else. @type {HTMLButtonElement?} */
let copyButton = null;

/** Puts a button beside each text that can be copied; it is the page's own. */
function offerCopies(row) {
  copyButton ??= press(null, { label: "Copy", kind: "ak-copy" });
  for (const text of foundIn([row], TEXTS)) {
    const line = text.matches(".ak-line");
    if (!line && text.parentNode.closest(".ak-line:has(> .ak-side), [data-source]")) continue;
    const place = line ? text.querySelector(":scope > .ak-side") : text;
    if (place.lastChild?.akOwn) continue;
    place.append(own(copyButton.cloneNode(true), { title: "Copy" }));
  }
}

/** The texts in a node, without what the page has put in. @returns {Text[]} */
function textsOf(node) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_ALL, (each) =>
    each.akOwn ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  const found = [];
  while (walker.nextNode())
    if (walker.currentNode.nodeType === Node.TEXT_NODE) found.push(walker.currentNode);
  return found;
}

const plainText = (node) =>
  textsOf(node)
    .map(({ data }) => data)
    .join("");

/** The text beside a copy button as it is shown, and where the kernel has it where it is not. */
function textBeside(button) {
  const place = button.parentNode;
  if ("source" in place.dataset) return [plainText(place), place.dataset.source];
  if (place.matches("pre")) return [plainText(place) + foldedRest(place), cutAt(place.parentNode)];
  const shown = place.previousElementSibling;
  const texts = [...shown.querySelectorAll("pre")];
  const text = texts.length ? texts.map(plainText).join("") : plainText(shown);
  const drawn = texts.length !== 1 || shown.querySelector(".ak-json");
  return [text, (drawn && sentAt(place)) || cutAt(shown)];
}

/** The rest of a text that is behind a fold. */
function foldedRest(pre) {
  const fold = pre.nextElementSibling;
  const rest = fold?.matches("details") && /^[\d,]+ more character/.test(fold.textContent);
  return rest ? plainText(fold.querySelector("pre") ?? fold.lastElementChild) : "";
}

/** Where a text is of which not all is shown; "" for one that is whole. */
const cutAt = (node) => node.querySelector(".ak-more[data-more]")?.dataset.more ?? "";

/** Where the arguments or the result are of which a line shows a tree or a table. */
function sentAt(side) {
  const call = side.closest(".ak-call[data-key][data-call]");
  const turn = call && turnOf(call.dataset.key);
  if (turn === undefined || turn === null) return "";
  const asked = side.parentNode.firstElementChild.textContent.trim() === "→";
  const part = asked ? "response.tool_calls" : "results";
  const text = asked ? "raw_arguments" : "content";
  return `trajectory.all_turns[${turn}].${part}[${call.dataset.call}].${text}`;
}

/** Copies what the pressed button stands beside, and says whether that was allowed. */
async function copyBeside(event, say, source) {
  const button = event.target.closest?.(".ak-copy");
  if (!button) return;
  event.stopPropagation();
  event.preventDefault();
  const [shown, at] = textBeside(button);
  const done = await copied((at && (await source(at))) || shown);
  say(done ? "copied" : "copying is not allowed here");
  button.replaceChildren(icon(done ? "ok" : "error"));
  setTimeout(() => button.replaceChildren(), 1500);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focus = document.activeElement;
    const field = h("textarea.ak-away", { wrap: "off", ariaHidden: "true" });
    field.value = text; // on its own lines, or a long one is laid out letter by letter
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    focusOn(focus);
    return done;
  }
}
