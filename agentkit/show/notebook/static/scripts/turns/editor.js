/**
 * A text that is edited in its own row: a field, what Python says of the draft, and buttons. Ctrl
 * and Enter do what the first button does, Esc what the last quiet one does.
 * @param {{
 *   name: string, text: string, rows?: number, mono?: boolean,
 *   check?: (text: string) => Promise<{html: string, wrong: string, fits: boolean}>,
 *   acts: {word: string, icon?: string, kind?: string, act: (text: string) => void,
 *          when?: (changed: boolean) => boolean, valid?: boolean}[],
 *   cancel?: () => void, note?: string,
 * }} given  an act that needs a draft without fault is `valid`
 */
function editorOf({ name, text, rows = 1, mono = true, check, acts, cancel, note }) {
  let start = text;
  let wrong = "";
  let acting = false;
  const field = h("textarea", {
    value: text,
    spellcheck: false,
    className: mono ? "ak-mono" : "",
    "aria-label": name,
  });
  const told = h("div", { className: "ak-ed-told", role: "status", hidden: !check });
  const buttons = acts.map((given) => {
    const button = press(() => run(given), {
      icon: given.icon,
      word: given.word,
      kind: given.kind ?? "ak-line",
    });
    return { ...given, button };
  });
  const line = h(
    "div",
    { className: "ak-ed-acts" },
    buttons.map(({ button }) => button),
    note ? h("small", { textContent: note }) : null,
    h("span", { className: "ak-ed-keys", "aria-hidden": "true" }, kbds("Ctrl", "Enter")),
  );
  const node = own(h("div", { className: "ak-ed" }, field, told, line));
  const fit = () => {
    field.rows = Math.min(16, Math.max(rows, field.value.split("\n").length));
  };
  const changed = () => field.value !== start;
  const settle = () => {
    for (const { button, when, valid } of buttons) {
      button.hidden = Boolean(when && !when(changed()));
      button.setAttribute("aria-disabled", String(Boolean(valid && wrong)));
      button.title = valid && wrong ? wrong : "";
    }
    field.setAttribute("aria-invalid", String(Boolean(wrong)));
  };
  const run = async (given) => {
    if (acting) return; // an impatient second click
    // what was wrong may just have been mended
    if (given.valid && wrong && check) await ask();
    if (given.valid && wrong) return field.focus();
    acting = true;
    await given.act(field.value);
    acting = false;
  };
  const ask = async () => {
    const draft = field.value;
    const said = await check(draft);
    if (draft === field.value) say(said);
  };
  const say = (said) => {
    wrong = said.wrong;
    told.replaceChildren(
      ...[
        wrong ? h("span", { className: "ak-bad", textContent: `✕ ${wrong}` }) : null,
        said.fits ? h("span", { className: "ak-good", textContent: "✓ fits the schema" }) : null,
        said.html
          ? h("span", {}, h("small", { textContent: "changed: " }), nodesOf(said.html))
          : null,
      ].filter(Boolean),
    );
    settle();
  };
  const soon = later(ask);
  field.addEventListener("input", () => {
    fit();
    if (check) soon();
    else wrong = "";
    settle();
  });
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      run(buttons.find(({ button }) => !button.hidden));
    }
    if (event.key === "Escape" && cancel) {
      event.preventDefault();
      event.stopPropagation();
      cancel();
    }
  });
  fit();
  settle();
  if (check) ask();
  return {
    node,
    field,
    /** The text that the draft began with; undefined until it has come. */
    get start() {
      return field.readOnly ? undefined : start;
    },
    /** The draft cannot be used. */
    refuse(why) {
      acting = false;
      told.hidden = false;
      say({ wrong: why });
      field.focus();
    },
    /** The text it starts from has come. */
    begin(given) {
      start = given;
      field.value = given;
      field.readOnly = false;
      fit();
      settle();
      if (check) ask();
    },
  };
}

const kbds = (...keys) => keys.map((key) => h("kbd", { textContent: key }));
