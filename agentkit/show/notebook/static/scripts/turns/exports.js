/** The request of a turn as code: copied, or saved as a file. */
async function copyCode({ live, ask }, turn, kind) {
  const { text } = await ask("code", { turn, kind });
  live.say((await copied(text)) ? `${kind} copied` : "the page may not copy", true);
}

async function saveCode({ live, ask }, turn, kind) {
  const { text, name } = await ask("code", { turn, kind });
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  live.say(`${name} is among your downloads`, true);
}

/** The address of this page, with the turn that a view of it goes to. */
const linkOf = (turn) => `${location.href.split("#")[0]}#agentkit-turn-${turn}`;

/** What a letter does with a turn; those of the actions in its head are heard elsewhere. */
const KEYS_OF_A_TURN = {
  l: ({ live }, turn) => copied(linkOf(turn)).then(() => live.say("link copied", true)),
  m: ({ live, remarks }, turn) => live.state.can && remarks.edit(turn),
  c: (doc, turn) => copyCode(doc, turn, "curl"),
  d: ({ shown, turns }, turn) => shown.show(turns.find(turn), turn, "compare"),
};

function menuOf(doc, turn) {
  const by = (key) => () => KEYS_OF_A_TURN[key](doc, turn);
  const acting = Boolean(doc.live.state.can);
  return [
    ["link", "Copy a link to this turn", by("l"), "l"],
    ...(acting ? [["note", "Note or label…", by("m"), "m"]] : []),
    null,
    ["copy", "Copy as curl", by("c"), "c"],
    ["save", "Save as a test for pytest", () => saveCode(doc, turn, "pytest")],
    ["save", "Save a bug report of this turn", () => saveCode(doc, turn, "report")],
    ...(acting ? [null, ["branches", "Compare with the branch it left", by("d"), "d"]] : []),
  ];
}

/** What the page adds to what Python draws of a tab. */
function dresses(doc) {
  const line = (...nodes) => h("div", { className: "ak-dress ak-panel-acts" }, ...nodes);
  return {
    request(body, turn) {
      const acts = [
        ["curl", "Copy as curl", "copy"],
        ["python", "Python"],
        ["pytest", "pytest"],
      ].map(([kind, word, sign]) =>
        press(() => copyCode(doc, turn, kind), {
          icon: sign,
          word,
          label: `Copy as ${kind}`,
          kind: "ak-line",
        }),
      );
      body.prepend(line(...acts));
      if (!able(doc.live, "edit")) return;
      for (const what of ["sampling", "tools"]) {
        const pencil = press(() => doc.edits.open(turn, what), {
          icon: "edit",
          label: `Edit the ${what}, and ask again`,
          kind: "ak-dress ak-pencil",
        });
        body.querySelector(`.ak-${what}`)?.append(pencil);
      }
    },
    rerun(body, turn) {
      const { live, shown, turns } = doc;
      const again = (n) =>
        press(() => able(live, "rerun") && live.send("again", { turn, n }), {
          icon: "rerun",
          word: n === 1 ? "Ask once more" : `Ask ${n} times`,
          kind: n === 3 ? "ak-main" : "ak-line",
          label: able(live, "rerun") ? undefined : live.state.can?.rerun,
          "aria-disabled": String(!able(live, "rerun")),
        });
      const close = press(() => shown.show(turns.find(turn), turn, "talk"), {
        icon: "close",
        label: "Back to the conversation",
      });
      body.prepend(line(again(1), again(3), close));
      for (const card of body.querySelectorAll(".ak-card[data-key]")) {
        const branch = card.dataset.key.slice("sample-".length);
        const here = card.classList.contains("ak-here");
        const use = press(() => !here && live.send("switch", { branch }), {
          word: here ? "in use" : "Use",
          label: here ? `This answer is in use` : `Use this answer: go to ${branch}`,
          kind: "ak-line ak-dress",
          "aria-disabled": String(here),
        });
        card.querySelector(".ak-card-foot").append(use);
      }
    },
    response(body) {
      const views = ["events", "raws"];
      const show = (name) => {
        views.forEach((view, i) => {
          body.querySelector(`.ak-${view}`).hidden = view !== name;
          buttons[i].setAttribute("aria-pressed", String(view === name));
        });
        body.akView = name;
      };
      const buttons = views.map((view, i) =>
        press(() => show(view), { word: ["Events", "Raw"][i], kind: "ak-line" }),
      );
      body.prepend(line(...buttons));
      show(body.akView ?? (body.querySelector(".ak-waterfall") ? "events" : "raws"));
    },
  };
}
