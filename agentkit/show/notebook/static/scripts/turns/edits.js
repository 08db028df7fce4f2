/** Whether a view can do something now: it says "" or true, or why not. */
const able = (live, action) => ["", true].includes(live.state.can?.[action] ?? false);

/**
 * What was said, changed in its own row. Drafts stay when the rows are drawn again.
 */
function rowEdits({ live, ask, turns, shown }) {
  /** @type {Map<string, {editor: object, turn: number, what: string, back: Element}>} */
  const drafts = new Map();
  const row = (key) => live.rows.querySelector(`[data-key="${key}"]`);
  /** Puts an editor where that stands which it changes. */
  const place = ({ editor: { node }, turn, what }) => {
    const [kind, at] = what.split(":");
    if (kind === "arguments" || kind === "result") {
      const call = row(`turn-${turn}/call-${at}`);
      const lines = call?.querySelectorAll(":scope > .ak-line") ?? [];
      const line = lines[kind === "result" ? 1 : 0];
      if (line) return line.after(node);
    }
    if (kind === "sampling" || kind === "tools") {
      const panel = shown.open.get(turn)?.body;
      const part = panel?.querySelector(`.ak-${kind}`);
      if (part) return part.append(node);
    }
    const key = { prompt: `prompt-${at}`, added: `turn-${turn}/added-${at}` }[kind];
    const target = row(key ?? `turn-${turn}/text`);
    if (target) return target.append(node);
    const last = turns.find(turn);
    if (last) last.after(node);
    else live.rows.querySelector(".ak-vain")?.before(node);
  };
  const close = (key) => {
    const draft = drafts.get(key);
    if (!draft) return;
    drafts.delete(key);
    const had = draft.editor.node.contains(document.activeElement);
    draft.editor.node.remove();
    if (had) (draft.back?.isConnected ? draft.back : live.root).focus({ preventScroll: true });
  };
  const open = async (turn, what, { words = "", text, back = document.activeElement } = {}) => {
    const key = `${turn}|${what}`;
    if (drafts.has(key)) return drafts.get(key).editor.field.focus();
    let guess = "";
    const editor = editorOf({
      name: words || `${what} of turn ${turn}`,
      text: text ?? "",
      rows: 2,
      mono: !/^(message|prompt|added)/.test(what),
      check: (draft) => ask("draft", { turn, what, text: draft }),
      acts: [
        {
          word: "Apply as a new branch",
          kind: "ak-main",
          valid: true,
          async act(draft) {
            const args = { turn, what, text: draft };
            const { wrong } = await ask("apply", args, editor.refuse);
            if (wrong) editor.refuse(wrong);
            else close(key);
          },
        },
        {
          word: "Put in the guess",
          when: () => Boolean(guess) && editor.field.value !== guess,
          act() {
            editor.field.value = guess;
            editor.field.dispatchEvent(new Event("input"));
            editor.field.focus();
          },
        },
        { word: "Cancel", act: () => close(key) },
      ],
      cancel: () => close(key),
      note: /^prompt/.test(what)
        ? "the rollout begins again from here"
        : `what follows turn ${turn} stays on its branch`,
    });
    editor.field.readOnly = text === undefined;
    drafts.set(key, { editor, turn, what, back });
    place(drafts.get(key));
    if (text === undefined) {
      const told = await ask("slot", { turn, what }, () => close(key));
      guess = told.guess;
      editor.begin(told.text);
    }
    editor.node.scrollIntoView({ block: "nearest" });
    editor.field.focus({ preventScroll: true });
  };
  const choose = async (turn, opener) => {
    const { slots } = await ask("slots", { turn });
    const items = slots.map(([what, words]) => {
      const asked = /^(sampling|tools)/.test(what);
      const act = async () => {
        shown.show(turns.find(turn), turn, asked ? "request" : "talk");
        await shown.ready(turn);
        open(turn, what, { words, back: opener });
      };
      return [asked ? "rerun" : "edit", words, act];
    });
    openMenu(live, opener, items);
  };
  return {
    open,
    choose,
    drawn() {
      for (const draft of drafts.values()) if (!draft.editor.node.isConnected) place(draft);
      if (!live.state.can) return;
      for (const message of live.rows.querySelectorAll(".ak-msg[data-key]")) {
        const [, turn, what, at] =
          /^(?:turn-(\d+)\/)?(prompt|added)-(\d+)$/.exec(message.dataset.key) ?? [];
        if (!what || message.akEdit?.isConnected) continue;
        const who = message.querySelector(".ak-who")?.textContent ?? "message";
        message.akEdit = own(
          press(() => able(live, "edit") && open(Number(turn ?? 0), `${what}:${at}`), {
            icon: "edit",
            label: `Edit the ${who} message`,
            kind: "ak-pencil",
          }),
        );
        message.append(message.akEdit);
      }
    },
  };
}
