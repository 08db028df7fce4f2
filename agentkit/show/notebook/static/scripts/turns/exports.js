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

/** What a letter does with a turn; those of the actions in its head are heard elsewhere. */
const KEYS_OF_A_TURN = {
  l: ({ live }, turn) => copied(linkOf(turn)).then(() => live.say("link copied", true)),
  m: ({ live, remarks }, turn) => live.state.can && remarks.edit(turn),
  c: (doc, turn) => copyCode(doc, turn, "curl"),
  d: ({ shown, turns }, turn) => shown.show(turns.find(turn), turn, "compare"),
};

function menuOf(doc, turn) {
  const by = (sign, words, key) => [sign, words, () => KEYS_OF_A_TURN[key](doc, turn), key];
  const save = (words, kind) => ["save", words, () => saveCode(doc, turn, kind)];
  const acting = Boolean(doc.live.state.can);
  return [
    by("link", "Copy a link to this turn", "l"),
    ...(acting ? [by("note", "Note or label…", "m")] : []),
    null,
    by("copy", "Copy as curl", "c"),
    save("Save as a test for pytest", "pytest"),
    save("Save a bug report of this turn", "report"),
    ...(acting ? [null, by("branches", "Compare with the branch it left", "d")] : []),
  ];
}

/** What the page adds to what Python draws of a tab. */
function dresses(doc) {
  const { live } = doc;
  const line = (body, ...nodes) => body.prepend(h(".ak-dress.ak-panel-acts", nodes));
  const dressed = (word, act, more) => press(act, { word, kind: "ak-line ak-dress", ...more });
  return {
    request(body, turn) {
      const copy = (kind, word, icon) =>
        press(() => copyCode(doc, turn, kind), {
          icon,
          word,
          label: `Copy as ${kind}`,
          kind: "ak-line",
        });
      line(
        body,
        copy("curl", "Copy as curl", "copy"),
        copy("python", "Python"),
        copy("pytest", "pytest"),
      );
      if (!able(live, "edit")) return;
      for (const what of ["sampling", "tools"])
        body.querySelector(`.ak-${what}`)?.append(
          press(() => doc.edits.open(turn, what), {
            icon: "edit",
            label: `Edit the ${what}, and ask again`,
            kind: "ak-dress ak-pencil",
          }),
        );
    },
    rerun(body, turn) {
      const can = able(live, "rerun");
      const again = (n, word, kind) =>
        press(() => can && live.send("again", { turn, n }), {
          icon: "rerun",
          word,
          kind,
          label: can ? undefined : live.state.can?.rerun,
          ariaDisabled: String(!can),
        });
      const close = () => doc.shown.show(doc.turns.find(turn), turn, "talk");
      line(
        body,
        again(1, "Ask once more", "ak-line"),
        again(3, "Ask 3 times", "ak-main"),
        press(close, { icon: "close", label: "Back to the conversation" }),
      );
      for (const card of body.querySelectorAll(".ak-card[data-key]")) {
        const branch = card.dataset.key.slice("sample-".length);
        const here = card.classList.contains("ak-here");
        const use = dressed(
          here ? "in use" : "Use",
          () => !here && live.send("switch", { branch }),
          {
            label: here ? "This answer is in use" : `Use this answer: go to ${branch}`,
            ariaDisabled: String(here),
          },
        );
        card.querySelector(".ak-card-foot").append(use);
      }
    },
    response(body) {
      const views = ["events", "raws"];
      const show = (name) => {
        views.forEach((view, i) => {
          body.querySelector(`.ak-${view}`).hidden = view !== name;
          buttons[i].ariaPressed = view === name;
        });
        body.akView = name;
      };
      const buttons = views.map((view, i) =>
        press(() => show(view), { word: ["Events", "Raw"][i], kind: "ak-line" }),
      );
      line(body, buttons);
      show(body.akView ?? (body.querySelector(".ak-waterfall") ? "events" : "raws"));
    },
    problems(body, turn) {
      for (const row of body.querySelectorAll(".ak-problem")) {
        const [, what, call] = /ak-of-(\w+)-?(\d*)/.exec(row.className);
        const edits = /^(arguments|result)$/.test(what) && able(live, "edit");
        const act = () => {
          const words = `${what} of call ${call}`;
          if (edits) return doc.edits.show(turn, `${what}:${call}`, { words });
          doc.shown.show(doc.turns.find(turn), turn, "talk");
          const key = `turn-${turn}${call && `/call-${call}`}`;
          live.row(key)?.scrollIntoView({ block: "nearest" });
        };
        row.append(dressed(edits ? `Edit the ${what}` : "Show where", act));
      }
    },
  };
}
