/** The form that changes what was said. @param {Live} live */
function editForm(live, body, close) {
  const turn = h("select", {}),
    what = h("select", {});
  const text = textField("", { rows: 3 });
  const options = (select, items, value) => {
    select.replaceChildren(
      ...items.map(([name, label]) => h("option", { value: name, textContent: label })),
    );
    select.value = value;
  };
  const isJson = () => /^(arguments|sampling)/.test(what.value);
  let asked = 0;
  const load = (at) => {
    text.field.readOnly = true; // what is typed before the answer is here would be lost
    live.send("load", { ...at, ask: ++asked });
  };
  turn.addEventListener("change", () => load({ turn: turn.value }));
  what.addEventListener("change", () => load({ turn: turn.value, what: what.value }));
  const apply = () => {
    text.json = isJson();
    if (text.field.readOnly || !text.check()) return text.field.focus();
    live.send("edit", { turn: turn.value, what: what.value, text: text.field.value });
    close();
  };
  onEnter(text.field, apply);
  body.append(
    h("div", { className: "ak-line-of" }, labelled("Where", turn), labelled("What", what)),
    labelled("Becomes", text.field),
    text.wrong,
    h(
      "div",
      { className: "ak-buttons" },
      button("Apply on a new branch", apply, { className: "ak-button ak-main" }),
      button("Cancel", close),
    ),
  );
  return {
    open(at) {
      load(at === undefined ? {} : { turn: String(at) });
      text.field.focus();
    },
    loaded(message) {
      if (message.ask !== asked) return;
      options(turn, message.turns, message.turn);
      options(what, message.slots, message.what);
      text.json = isJson();
      text.field.classList.toggle("ak-code", text.json);
      text.field.readOnly = false;
      text.set(message.text);
    },
  };
}

/** Goes on after a final answer. @param {Live} live */
function sayForm(live) {
  const text = textField("");
  const say = () => {
    if (!text.field.value.trim()) return text.field.focus();
    live.send("say", { prompt: text.field.value });
    text.set("");
  };
  onEnter(text.field, say);
  return h(
    "div",
    { className: "ak-say", hidden: true },
    labelled("Go on with a message", text.field),
    button("Say", say),
  );
}

PARTS.push((live) => {
  const { root } = live;
  const edit = h("section", { className: "ak-edit", hidden: true, "aria-label": "edit" });
  const waiting = h("div", { className: "ak-waiting" });
  const say = sayForm(live);
  root.querySelector(".ak-dock").append(edit, waiting, say);
  const close = () => {
    edit.hidden = true;
    root.focus({ preventScroll: true });
  };
  const form = editForm(live, edit, close);
  const showWaiting = keyed(waiting, (call) =>
    call.found ? foundCall(live, call) : pendingCall(live, call),
  );
  const act = live.act;
  live.act = (action, args) => {
    if (action !== "edit" || live.state.can?.edit !== "") return act(action, args);
    edit.hidden = false;
    form.open(args?.turn);
  };
  return {
    state(state) {
      showWaiting(state.waiting ?? []);
      waiting.hidden = !(state.waiting ?? []).length;
      say.hidden = state.can?.say !== "";
    },
    message(message) {
      if (message.type === "loaded") form.loaded(message);
    },
    keydown(event) {
      if (event.key === "Escape" && !edit.hidden) close();
    },
  };
});
