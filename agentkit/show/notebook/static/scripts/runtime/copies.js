/** A text that can be copied: a line with room at its side, or any other block of text. */
const TEXTS = ".ak-line:has(> .ak-side), pre";

/** What one button is made of; the others are copies of it. @type {HTMLButtonElement?} */
let copyButton = null;

/** Puts a button beside each text that can be copied; it is the page's own. */
function offerCopies(row) {
  if (row.nodeType !== Node.ELEMENT_NODE) return;
  copyButton ??= press(null, { icon: "copy", label: "Copy", kind: "ak-copy" });
  for (const text of [...(row.matches(TEXTS) ? [row] : []), ...row.querySelectorAll(TEXTS)]) {
    const line = text.matches(".ak-line");
    if (!line && text.closest(".ak-line:has(> .ak-side)")) continue;
    const place = line ? text.querySelector(":scope > .ak-side") : text;
    if (place.lastChild?.akOwn) continue;
    place.append(Object.assign(copyButton.cloneNode(true), { akOwn: true, title: "Copy" }));
  }
}

/** The text that a copy button stands beside. */
function textBeside(button) {
  const place = button.parentNode;
  const text = place.matches("pre") ? place : place.previousElementSibling;
  const walker = document.createTreeWalker(text, NodeFilter.SHOW_ALL, (node) =>
    node.akOwn ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  let whole = "";
  while (walker.nextNode()) whole += walker.currentNode.data ?? "";
  return whole;
}

/** Copies what the pressed button stands beside, and says whether that was allowed. */
async function copyBeside(event, say) {
  const button = event.target.closest?.(".ak-copy");
  if (!button) return;
  event.stopPropagation();
  event.preventDefault();
  const done = await copied(textBeside(button));
  say(done ? "copied" : "copying is not allowed here");
  button.replaceChildren(icon(done ? "ok" : "error"));
  setTimeout(() => button.replaceChildren(icon("copy")), 1500);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focus = document.activeElement;
    const field = h("textarea", { value: text, "aria-hidden": "true", className: "ak-away" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    focus?.focus({ preventScroll: true });
    return done;
  }
}
