/** Notes and labels of a turn and its calls, which are changed under its head. */
function remarksOf({ live, turns, shown }) {
  async function edit(turn) {
    live.rows.querySelector(".ak-remark-of")?.remove();
    const back = document.activeElement;
    const { remarks } = await live.ask("remarks", { turn });
    shown.show(turns.find(turn), turn, "talk");
    const calls = live.rows.querySelectorAll(`[data-key^="turn-${turn}/call-"].ak-call`);
    const option = (value, textContent) => h("option", { value, textContent });
    const what = h(
      "select",
      { ariaLabel: "What it is about", onchange: () => load() },
      option("", `turn ${turn}`),
      [...calls].map((box) => {
        const name = box.querySelector(".ak-name")?.textContent ?? "?";
        return option(box.dataset.call, `call ${box.dataset.call}: ${name}`);
      }),
    );
    const labels = h("input", { type: "text", placeholder: "wrong city, slow" });
    const place = () => (what.value === "" ? null : Number(what.value));
    const close = () => {
      editor.node.remove();
      giveBack(live, back);
    };
    const save = (note) => {
      const given = labels.value.split(",").filter((label) => label.trim());
      live.send("remark", { turn, call: place(), note, labels: given });
      close();
    };
    const editor = editorOf({
      name: "Note",
      mono: false,
      acts: [{ word: "Save", kind: "ak-main", act: save }],
      cancel: close,
    });
    const load = () => {
      const texts = (kind) =>
        remarks.filter((one) => one[1] === kind && one[2] === place()).map(([text]) => text);
      editor.begin(texts(false).join("\n"));
      labels.value = texts(true).join(", ");
    };
    load();
    const labelled = (words, field) => h("label", h("small", words), field);
    editor.node.classList.add("ak-remark-of");
    editor.node.prepend(labelled("Note on", what));
    editor.field.after(labelled("Labels, with commas", labels));
    const row = live.row(`turn-${turn}/remarks`);
    if (row) row.append(editor.node);
    else turns.find(turn)?.after(editor.node);
    editor.node.scrollIntoView({ block: "nearest" });
    focusOn(editor.field);
  }

  return {
    edit,
    drawn(rows) {
      for (const row of foundIn(rows, ".ak-remarks[data-key^='turn-']"))
        pencil(row, "Edit the notes", () => edit(Number(/\d+/.exec(row.dataset.key)[0])));
    },
  };
}
