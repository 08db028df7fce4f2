/** Notes and labels of a turn and its calls, which are changed under its head. */
function remarksOf({ live, ask, turns }) {
  async function edit(turn) {
    live.rows.querySelector(".ak-remark-of")?.remove();
    const back = document.activeElement;
    const { remarks } = await ask("remarks", { turn });
    const calls = [
      ...live.rows.querySelectorAll(`[data-key^="turn-${turn}/call-"].ak-call`),
    ].map((box) => [Number(box.dataset.call), box.querySelector(".ak-name")?.textContent ?? "?"]);
    const what = h(
      "select",
      { "aria-label": "What it is about" },
      h("option", { value: "", textContent: `turn ${turn}` }),
      calls.map(([n, name]) => h("option", { value: n, textContent: `call ${n}: ${name}` })),
    );
    const labels = h("input", { type: "text", placeholder: "wrong city, slow" });
    const place = () => (what.value === "" ? null : Number(what.value));
    const close = () => {
      editor.node.remove();
      (back?.isConnected ? back : live.root).focus({ preventScroll: true });
    };
    const editor = editorOf({
      name: "Note",
      text: "",
      mono: false,
      acts: [
        {
          word: "Save",
          kind: "ak-main",
          act(note) {
            const given = labels.value.split(",").filter((label) => label.trim());
            live.send("remark", { turn, call: place(), note, labels: given });
            close();
          },
        },
        { word: "Cancel", act: close },
      ],
      cancel: close,
    });
    const load = () => {
      const texts = (kind) =>
        remarks.filter((one) => one[1] === kind && one[2] === place()).map(([text]) => text);
      editor.begin(texts(false).join("\n"));
      labels.value = texts(true).join(", ");
    };
    what.addEventListener("change", load);
    load();
    editor.node.classList.add("ak-remark-of");
    editor.node.prepend(h("label", {}, h("small", { textContent: "Note on " }), what));
    editor.field.after(h("label", {}, h("small", { textContent: "Labels, with commas " }), labels));
    turns.find(turn)?.after(editor.node);
    editor.field.focus();
  }

  return {
    edit,
    drawn() {
      for (const row of live.rows.querySelectorAll(".ak-remarks[data-key]")) {
        if (row.akEdit?.isConnected || !live.state.can) continue;
        const turn = Number(/^turn-(\d+)/.exec(row.dataset.key)[1]);
        row.akEdit = own(
          press(() => edit(turn), { icon: "edit", label: "Edit the notes", kind: "ak-pencil" }),
        );
        row.append(row.akEdit);
      }
    },
  };
}
