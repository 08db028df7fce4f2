/** The request of a turn as code: copied, or saved as a file. */
async function copyCode({ live }, turn, kind) {
  const { text } = await live.ask("code", { turn, kind });
  live.say((await copied(text)) ? `${kind} copied` : "the page may not copy", true);
}

async function saveCode({ live }, turn, kind) {
  const { text, name } = await live.ask("code", { turn, kind });
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  live.say(`${name} is among your downloads`, true);
}

/** The address of this page, with the turn that a view of it goes to. */
const linkOf = (turn) => `${location.href.split("#")[0]}#agentkit-turn-${turn}`;

/** Offers the two views of an answer. */
function offerViews(body) {
  const [Events, Raw] = [".ak-events", ".ak-raws"].map((name) => body.querySelector(name));
  if (!Raw) return;
  const views = { Events, Raw };
  const show = (word) => {
    body.akView = word;
    for (const [name, view] of Object.entries(views)) view.hidden = name !== word;
    choice.show(word);
  };
  const choice = choiceOf(Object.keys(views), show);
  choice.node.className = "ak-dress ak-panel-acts";
  body.prepend(choice.node);
  show(body.akView ?? (body.querySelector(".ak-waterfall") ? "Events" : "Raw"));
}
