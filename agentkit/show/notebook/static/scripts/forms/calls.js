/** One pending call: its arguments, and what can be done with it. @param {Live} live */
function pendingCall(live, call) {
  const args = textField(call.arguments, { json: true });
  const more = h("div", { className: "ak-more" });
  const send = (action, extra = {}) =>
    live.send(`pending.${action}`, { call: call.position, ...extra });
  const ask = (action, label, name, verb) => {
    const { field } = textField("");
    const done = () =>
      send(action, field.value.trim() || name === "value" ? { [name]: field.value } : {});
    onEnter(field, done);
    more.replaceChildren(
      labelled(label, field),
      h(
        "div",
        { className: "ak-buttons" },
        button(verb, done, { className: "ak-button ak-main" }),
        button("Cancel", () => more.replaceChildren()),
      ),
    );
    field.focus();
  };
  const change = button("Change arguments", () => {
    if (args.check()) live.send("change", { call: call.position, arguments: args.field.value });
  });
  const run = button(
    "Run",
    () => {
      if (change.hidden) send("run");
    },
    { className: "ak-button ak-main" },
  );
  const dirty = () => {
    const changed = args.field.value !== call.arguments;
    change.hidden = !changed;
    enabled(run, !changed);
    run.title = changed ? "change the arguments first, or put them back" : "";
  };
  args.field.addEventListener("input", dirty);
  dirty();
  args.field.setAttribute("aria-label", `arguments of ${call.name}`);
  return group(
    call,
    "waits:",
    [
      run,
      change,
      button("Skip…", () =>
        ask("skip", "Why it is skipped, as the model is told (may stay empty)", "reason", "Skip"),
      ),
      button("Answer…", () =>
        ask("answer", "The result, as the model will see it", "value", "Answer"),
      ),
      button("Reject…", () =>
        ask("reject", "What the model is told (may stay empty)", "message", "Reject"),
      ),
    ],
    call.problem ? h("small", { className: "ak-wrong", textContent: call.problem }) : null,
    args.field,
    args.wrong,
    more,
  );
}

/** A call that stands in the text and was not run. @param {Live} live */
function foundCall(live, call) {
  const adopt = button("Adopt", () => live.send("pending.adopt", { place: call.position }));
  return group(
    call,
    "found in the text:",
    [adopt],
    h("code", { className: "ak-said", textContent: call.arguments }),
  );
}

/** A call with its name and buttons on one line, and more under it. */
function group(call, word, buttons, ...content) {
  const head = h(
    "header",
    {},
    h("span", { textContent: word }),
    h("code", { textContent: call.name }),
    call.status === "ok" ? null : h("small", { textContent: call.status }),
    h("div", { className: "ak-buttons" }, ...buttons),
  );
  return h(
    "div",
    { className: "ak-pending", role: "group", "aria-label": `${word} ${call.name}` },
    head,
    ...content,
  );
}
