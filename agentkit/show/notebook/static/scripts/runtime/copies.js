/** A button that copies the text of what it stands in. */
function copyButton(pre) {
  const button = h("button", {
    className: "ak-copy",
    type: "button",
    textContent: "copy",
    "aria-label": "copy this text",
  });
  button.akOwn = true;
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    const text = [...pre.childNodes]
      .filter((node) => !node.akOwn)
      .map((node) => node.textContent)
      .join("");
    button.textContent = (await copied(text)) ? "copied" : "not allowed";
    setTimeout(() => {
      button.textContent = "copy";
    }, 1500);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { value: text, "aria-hidden": "true", className: "ak-away" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

/** Texts that can be copied get their button when pointed at, or when their fold is opened. */
function offerCopies(rows) {
  const offer = (pre) => {
    if (![...pre.childNodes].some((node) => node.akOwn)) pre.append(copyButton(pre));
  };
  rows.addEventListener("pointerover", (event) => {
    const pre = event.target.closest?.("pre");
    if (pre && rows.contains(pre)) offer(pre);
  });
  rows.addEventListener(
    "toggle",
    (event) => {
      if (event.target.open) event.target.querySelectorAll("pre").forEach(offer);
    },
    true,
  );
}
