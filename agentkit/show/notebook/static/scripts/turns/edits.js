/** Whether a view can do something now: it says "" or true, or why not. */
const able = (live, action) => ["", true].includes(live.state.can?.[action] ?? false);

/** What was said, changed in its own row. Drafts stay when the rows are drawn again. */
function rowEdits({ live, turns, shown }) {
  /** @type {Map<string, {editor: object, turn: number, what: string, back: Element}>} */
  const drafts = new Map();
  /** Puts an editor where that stands which it changes. */
  const place = ({ editor: { node }, turn, what }) => {
    const [kind, at] = what.split(":");
    const lines = live.row(`turn-${turn}/call-${at}`)?.querySelectorAll(":scope > .ak-line") ?? [];
    const line = { arguments: lines[0], result: lines[1] }[kind];
    if (line) return line.after(node);
    const part = shown.open.get(turn)?.body.querySelector(`.ak-${kind}`);
    const key = { prompt: `prompt-${at}`, added: `turn-${turn}/added-${at}` }[kind];
    const target = part ?? live.row(key ?? `turn-${turn}/text`);
    if (target) return target.append(node);
    const last = turns.find(turn);
    if (last) last.after(node);
    else live.rows.querySelector(".ak-vain")?.before(node);
  };
  const close = (key) => {
    const draft = drafts.get(key);
    if (!draft) return;
    drafts.delete(key);
    // the rows may have been drawn again meanwhile, and the focus lost with them
    const on = document.activeElement;
    const had = draft.editor.node.contains(on) || on === document.body;
    draft.editor.node.remove();
    if (had) giveBack(live, draft.back);
  };
  const open = async (turn, what, { words = "", text, back = document.activeElement } = {}) => {
    const key = `${turn}|${what}`;
    if (drafts.has(key)) return drafts.get(key).editor.field.focus();
    const act = async (draft) => {
      const { wrong } = await live.ask("apply", { turn, what, text: draft }, editor.refuse);
      if (wrong) editor.refuse(wrong);
      else close(key);
    };
    let guess = "";
    const put = () => {
      editor.field.value = guess;
      editor.field.dispatchEvent(new Event("input"));
      editor.field.focus();
    };
    const editor = editorOf({
      name: words || `${what} of turn ${turn}`,
      text,
      rows: 2,
      mono: !/^(message|prompt|added)/.test(what),
      check: (draft) => live.ask("draft", { turn, what, text: draft }),
      acts: [
        { word: "Apply as a new branch", kind: "ak-main", valid: true, act },
        {
          word: "Put in the guess",
          when: () => Boolean(guess) && editor.field.value !== guess,
          act: put,
        },
      ],
      cancel: () => close(key),
      note: /^prompt/.test(what)
        ? "the rollout begins again from here"
        : `what follows turn ${turn} stays on its branch`,
    });
    const draft = { editor, turn, what, back };
    drafts.set(key, draft);
    place(draft);
    editor.field.readOnly = text === undefined;
    if (text === undefined) {
      const told = await live.ask("slot", { turn, what }, () => close(key));
      guess = told.guess;
      editor.begin(told.text);
    }
    editor.node.scrollIntoView({ block: "nearest" });
    focusOn(editor.field);
  };
  /** Opens an editor once the tab is shown in which it stands. */
  const show = async (turn, what, given) => {
    const tab = /^(sampling|tools)/.test(what) ? "request" : "talk";
    await shown.show(turns.find(turn), turn, tab);
    open(turn, what, given);
  };
  return {
    open,
    show,
    /** Puts the drafts back whose rows were drawn again. */
    settle() {
      for (const draft of drafts.values()) if (!draft.editor.node.isConnected) place(draft);
    },
    drawn(rows) {
      for (const message of foundIn(rows, ".ak-msg[data-key]")) {
        const [, turn, what, at] =
          /^(?:turn-(\d+)\/)?(prompt|added)-(\d+)$/.exec(message.dataset.key) ?? [];
        if (!what) continue;
        const who = message.querySelector(".ak-who")?.textContent ?? "message";
        pencil(message, `Edit the ${who} message`, () => {
          if (able(live, "edit")) open(Number(turn ?? 0), `${what}:${at}`);
        });
      }
    },
  };
}

/** Gives a row a pencil, once. */
function pencil(row, label, act) {
  if (row.akEdit?.isConnected) return;
  row.akEdit = own(press(act, { icon: "edit", label, kind: "ak-pencil" }));
  row.append(row.akEdit);
}
