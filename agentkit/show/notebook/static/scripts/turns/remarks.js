/** Notes and labels: a line under the head of a turn or in the box of a call, and how it is changed. */
function remarksOf({ live, turns }) {
  /** @type {Map<string, HTMLElement>} */
  let lines = new Map();
  let was = "";
  const at = (turn, call) =>
    call === null
      ? turns.find(turn)
      : live.rows.querySelector(`[data-key="turn-${turn}/call-${call}"].ak-call`);
  const of = (turn, call) =>
    (live.state.remarks ?? []).filter((one) => one[2] === turn && one[3] === call);
  const put = (node, turn, call) => {
    const place = at(turn, call);
    if (call === null) place?.after(node);
    else place?.append(node);
  };

  const lineOf = (turn, call) => {
    const known = of(turn, call);
    return own(
      h(
        "div",
        { className: "ak-remark" },
        icon("note"),
        h("span", {
          className: "ak-said",
          textContent: known
            .filter(([, isLabel]) => !isLabel)
            .map(([text]) => text)
            .join("\n"),
        }),
        known
          .filter(([, isLabel]) => isLabel)
          .map(([text]) => h("span", { className: "ak-chip" }, icon("label"), text)),
        press(() => edit(turn, call), { icon: "edit", label: "Edit the note", kind: "ak-pencil" }),
      ),
    );
  };

  function edit(turn, call = null) {
    live.rows.querySelector(".ak-remark-of")?.remove();
    const back = document.activeElement;
    const calls = [
      ...live.rows.querySelectorAll(`[data-key^="turn-${turn}/call-"].ak-call`),
    ].map((box) => [Number(box.dataset.call), box.querySelector(".ak-name")?.textContent ?? "?"]);
    const what = h(
      "select",
      { "aria-label": "What it is about" },
      h("option", { value: "", textContent: `turn ${turn}` }),
      calls.map(([n, name]) => h("option", { value: n, textContent: `call ${n}: ${name}` })),
    );
    what.value = call ?? "";
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
      const known = of(turn, place());
      const texts = (kind) => known.filter((one) => one[1] === kind).map(([text]) => text);
      editor.begin(texts(false).join("\n"));
      labels.value = texts(true).join(", ");
    };
    what.addEventListener("change", load);
    load();
    editor.node.classList.add("ak-remark-of");
    editor.node.prepend(h("label", {}, h("small", { textContent: "Note on " }), what));
    editor.field.after(h("label", {}, h("small", { textContent: "Labels, with commas " }), labels));
    put(editor.node, turn, null);
    editor.field.focus();
  }

  return {
    edit,
    draw() {
      const now = JSON.stringify(live.state.remarks ?? []);
      if (now !== was) {
        for (const node of lines.values()) node.remove();
        const places = (live.state.remarks ?? []).map(([, , turn, call]) => [turn, call]);
        lines = new Map(
          places.map(([turn, call]) => [JSON.stringify([turn, call]), lineOf(turn, call)]),
        );
        was = now;
      }
      for (const [key, node] of lines) {
        const [turn, call] = JSON.parse(key);
        const place = at(turn, call);
        if (place && node.parentElement !== (call === null ? place.parentElement : place))
          put(node, turn, call);
      }
    },
  };
}
