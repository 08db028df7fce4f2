/**
 * What is opened: a bar with its name, next and previous; what Python draws of it; and beside a
 * rollout its labels and notes.
 */
function openedOf(live, go) {
  const title = h("strong");
  const facts = h("small", { className: "ak-cut" });
  const whole = press(() => go(0, !live.state.open.whole), { word: "Show all", kind: "ak-line" });
  const pair = press(
    () => {
      live.send("mark", { key: live.state.open.key, on: true });
      live.say("marked; mark another, then compare");
    },
    { word: "Compare with…", kind: "ak-line" },
  );
  const bar = h(
    "div",
    { className: "ak-xrow ak-open-bar" },
    press(() => go(-1), { icon: "up", label: "Previous  K", kind: "ak-line" }),
    press(() => go(1), { icon: "down", label: "Next  J", kind: "ak-line" }),
    title,
    facts,
    h("span", { className: "ak-grow" }),
    whole,
    pair,
    press(() => live.send("close"), { icon: "close", label: "Close  Esc" }),
  );
  const chips = h("div", { className: "ak-xrow ak-chips" });
  const label = h("input", { placeholder: "label", "aria-label": "label of this rollout" });
  const where = h("select", { "aria-label": "what the note is on" });
  const note = h("textarea", { rows: 3, "aria-label": "note" });
  const others = h("div", { className: "ak-notes" });
  const saved = h("small");
  const side = h(
    "div",
    { className: "ak-open-side" },
    h("small", {}, h("b", { textContent: "Labels" })),
    chips,
    h(
      "div",
      { className: "ak-xrow" },
      label,
      press(() => name(), { word: "Add", kind: "ak-line" }),
    ),
    h("div", { className: "ak-xrow" }, h("small", {}, h("b", { textContent: "Note" })), where),
    note,
    others,
    saved,
  );
  const left = h("div", { className: "ak-open-left" });
  const node = h("div", { className: "ak-detail" }, bar, h("div", { className: "ak-open" }, left, side));
  let key = "";

  const key_of = () => live.state.open.key;
  function name() {
    if (label.value.trim()) live.send("label", { label: label.value, on: true, key: key_of() });
    label.value = "";
  }
  label.addEventListener("keydown", (event) => event.key === "Enter" && name());
  const keep = () => {
    const known = new Map(live.state.open.notes);
    if ((known.get(where.value) ?? "") !== note.value.trim())
      live.send("note", { key: key_of(), text: note.value, where: where.value });
  };
  note.addEventListener("change", keep);
  note.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) {
      note.blur();
      event.stopPropagation();
    }
  });
  where.addEventListener("change", () => {
    note.value = new Map(live.state.open.notes).get(where.value) ?? "";
  });
  const placed = (place) => (place ? `on ${place}` : "on the rollout");

  return {
    node,
    draw(state) {
      const { open } = state;
      if (!open?.kind) return;
      const one = open.kind === "rollout";
      title.textContent = open.title;
      facts.textContent = open.facts;
      whole.hidden = pair.hidden = side.hidden = !one;
      bar.firstChild.hidden = bar.children[1].hidden = open.kind === "compare";
      if (left.firstChild !== live.rows) left.replaceChildren(live.rows);
      if (!one) return;
      whole.lastChild.textContent = open.whole ? "In short" : "Show all";
      chips.replaceChildren(
        ...open.labels.map((text) =>
          h(
            "span",
            { className: "ak-chip" },
            icon("label"),
            text,
            press(() => live.send("label", { label: text, on: false, key: open.key }), {
              icon: "close",
              label: `Remove the label ${text}`,
            }),
          ),
        ),
      );
      const notes = new Map(open.notes);
      if (key !== open.key) {
        key = open.key;
        where.replaceChildren(
          ...open.places.map((value) => h("option", { value, textContent: placed(value) })),
        );
        note.value = notes.get("") ?? "";
      } else if (document.activeElement !== note) note.value = notes.get(where.value) ?? "";
      others.replaceChildren(
        ...open.notes
          .filter(([place]) => place !== where.value)
          .map(([place, text]) =>
            h("p", {}, h("small", { textContent: `${placed(place)}: ` }), text),
          ),
      );
      const any = open.notes.length || open.labels.length;
      saved.textContent = state.kept
        ? any
          ? `✓ saved in ${state.kept}`
          : `kept in ${state.kept}`
        : "in memory; table.labels.save(path) keeps them";
    },
  };
}
