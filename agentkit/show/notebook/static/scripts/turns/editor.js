/**
 * A text that is edited in its own row: a field, what Python says of the draft, and buttons. Ctrl
 * and Enter do what the first button does, Esc what `cancel` does.
 * @param {{
 *   name: string, text?: string, rows?: number, mono?: boolean,
 *   check?: (text: string) => Promise<{html: string, wrong: string, fits: boolean}>,
 *   acts: {word: string, icon?: string, kind?: string, act: (text: string) => void,
 *          when?: (changed: boolean) => boolean, valid?: boolean}[],
 *   cancel?: () => void, note?: string,
 * }} given  an act that needs a draft without fault is `valid`
 */
function editorOf({ name, text = "", rows = 1, mono = true, check, acts, cancel, note }) {
  let start = text;
  let wrong = "";
  let checked;
  let acting = false;
  const field = h("textarea", {
    value: text,
    spellcheck: false,
    className: mono ? "ak-mono" : "",
    ariaLabel: name,
    oninput: () => {
      if (check) soon();
      else wrong = "";
      settle();
    },
  });
  const told = h(".ak-ed-told", { role: "status", hidden: !check });
  const all = cancel ? [...acts, { word: "Cancel", act: () => cancel() }] : acts;
  const buttons = all.map((given) => {
    const { word, icon, kind = "ak-line" } = given;
    const button = press(() => run(given), { word, icon, kind });
    return { ...given, button };
  });
  const keys = ["Ctrl", "Enter"].map((key) => h("kbd", key));
  const line = h(
    ".ak-ed-acts",
    buttons.map(({ button }) => button),
    note && h("small", note),
    h("span.ak-ed-keys", { ariaHidden: "true" }, keys),
  );
  const settle = () => {
    field.rows = Math.min(16, Math.max(rows, field.value.split("\n").length));
    for (const { button, when, valid } of buttons) {
      button.hidden = Boolean(when && !when(field.value !== start));
      button.ariaDisabled = Boolean(valid && wrong);
      button.title = valid ? wrong : "";
    }
    field.ariaInvalid = Boolean(wrong);
  };
  const run = async ({ valid, act }) => {
    if (valid && wrong && field.value !== checked) await ask(); // what is wrong was another draft
    if (valid && wrong) return field.focus();
    if (acting) return; // an impatient second click
    acting = true;
    await act(field.value);
    acting = false;
  };
  const ask = async () => {
    const draft = field.value;
    const said = await check(draft);
    checked = draft;
    if (draft === field.value) say(said);
  };
  const soon = later(ask);
  const say = (said) => {
    const word = (kind, textContent) => h("span", { className: `ak-${kind}`, textContent });
    wrong = said.wrong;
    told.replaceChildren(
      wrong ? word("bad", `✕ ${wrong}`) : "",
      said.fits ? word("good", "✓ fits the schema") : "",
      said.html ? h("span", h("small", "changed: "), nodesOf(said.html)) : "",
    );
    settle();
  };
  const onkeydown = (event) => {
    const escape = event.key === "Escape" && cancel;
    if (!escape && !isDone(event)) return;
    taken(event);
    if (escape) cancel();
    else run(buttons.find(({ button }) => !button.hidden));
  };
  settle();
  if (check) ask();
  return {
    node: own(h(".ak-ed", { onkeydown }, field, told, line)),
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
      settle();
      if (check) ask();
    },
  };
}
