/**
 * The debugger's controls: a toolbar, what waits for an answer, the edit form, breakpoints and branches. All of it is drawn from the state
 * that Python sends; every text goes in as text. A control posts what it wants and returns.
 */

/** action, label, letter, function key, icon (a path in a 16 by 16 box), what it does */
const TOOLS = [
  ["run", "Run", "r", "F9", "M4 2.5v11l9-5.5z", "run until a breakpoint or the end"],
  ["pause", "Pause", "p", "", "M4 3h3v10H4zM9 3h3v10H9z", "pause after the step in flight"],
  ["stop", "Stop", "x", "Shift+F9", "M3.5 3.5h9v9h-9z", "stop at once; the step in flight is dropped"],
  null,
  ["step", "Step", "s", "", "M3 3v10l7-5zM11 3h2v10h-2z", "one step: a model call or a tool call"],
  ["next", "Next", "n", "F10", "M2 3v10l5.5-5zM7.5 3v10L13 8zM13 3h1.5v10H13z", "to the end of the turn"],
  ["back", "Back", "b", "", "M13 3v10L6 8zM3 3h2v10H3z", "one step back; what lies ahead is kept"],
  null,
  ["fork", "Fork", "f", "", "M4 1.5a2 2 0 0 0-.75 3.85v5.3a2 2 0 1 0 1.5 0V9.2c.5-.9 1.6-1.2 3-1.4 2-.3 3.9-.9 4.2-2.5a2 2 0 1 0-1.55-.05c-.3.7-1.3.9-2.9 1.1-1 .15-2 .4-2.75.85V5.35A2 2 0 0 0 4 1.5z", "a new branch from here"],
  ["edit", "Edit", "e", "", "M11.3 1.8l2.9 2.9-8.4 8.4-3.6.7.7-3.6z", "change what was said and go on from there"],
];

const BREAK_KINDS = {
  tool: ["tool", "its name, as pay"],
  problem: ["problem", "its code, as arguments_missing"],
  tool_error: ["a tool fails", null],
  finish: ["finish reason", "as length"],
  turn: ["turn", "its number, from 0"],
  text: ["text", "a text in an answer or a result"],
  repeat: ["same call again", "how often, as 3"],
  recovered: ["a call in the text", null],
};

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

const button = (text, onclick, props = {}) => h("button", { type: "button", className: "ak-button", textContent: text, onclick, ...props });
const enabled = (node, on) => node.setAttribute("aria-disabled", String(!on));

let fields = 0;
/** A field with its label above it. */
function labelled(text, field) {
  field.id ||= `ak-field-${(fields += 1)}`;
  return h("div", { className: "ak-field" }, h("label", { htmlFor: field.id, textContent: text }), field);
}

/** A text field that grows with its text, and says what is wrong with it. */
function textField(value, { json = false, rows = 1 } = {}) {
  const field = h("textarea", { value, spellcheck: false, className: json ? "ak-code" : "" });
  const wrong = h("small", { className: "ak-wrong", role: "alert" });
  const fit = () => { field.rows = Math.min(12, Math.max(rows, field.value.split("\n").length)); };
  const made = {
    field, wrong, json,
    check() {
      wrong.textContent = made.json ? notAnObject(field.value) : "";
      field.setAttribute("aria-invalid", String(Boolean(wrong.textContent)));
      return !wrong.textContent;
    },
    set(text) { field.value = text; wrong.textContent = ""; fit(); },
  };
  field.addEventListener("input", () => { fit(); if (wrong.textContent) made.check(); });
  fit();
  return made;
}

/** Control and Enter in a text field. */
function onEnter(field, act) {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    act();
  });
}

/** Why a text is no JSON object; "" where it is one. */
function notAnObject(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? "" : "this is JSON, but not an object: { … }";
  } catch (error) {
    return `not JSON: ${error.message}`;
  }
}

/** The toolbar: one stop for Tab, arrows within, a letter or function key from anywhere in the view. @param {Live} live */
function toolbar(live) {
  const bar = h("div", { className: "ak-toolbar", role: "toolbar", "aria-label": "debugger" });
  /** @type {Map<string, HTMLElement>} */
  const tools = new Map();
  for (const tool of TOOLS) {
    if (!tool) { bar.append(h("span", { className: "ak-gap" })); continue; }
    const [action, label, letter, key, path, told] = tool;
    const made = h(
      "button",
      { type: "button", className: "ak-tool", tabIndex: -1, title: `${label}: ${told} (${[letter.toUpperCase(), key].filter(Boolean).join(", ")})`,
        "aria-label": label, "aria-keyshortcuts": [letter, key].filter(Boolean).join(" "), "data-action": action },
      icon(path), h("span", { textContent: label }),
    );
    made.addEventListener("click", () => live.act(action));
    tools.set(action, made);
    bar.append(made);
  }
  const list = () => [...bar.querySelectorAll("button")];
  const rove = (to) => { list().forEach((tool) => { tool.tabIndex = tool === to ? 0 : -1; }); to.focus(); };
  bar.addEventListener("keydown", (event) => {
    const all = list(), at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    rove(all[to % all.length]);
  });
  bar.addEventListener("focusin", (event) => { if (event.target.matches("button")) list().forEach((tool) => { tool.tabIndex = tool === event.target ? 0 : -1; }); });
  tools.get("step").tabIndex = 0;
  return { bar, tools };
}

/** A part of the controls that a button of the toolbar opens. */
function panel(bar, name, label) {
  const body = h("div", { className: "ak-panel", hidden: true, role: "group", "aria-label": label });
  const opener = h("button", { type: "button", className: "ak-tool ak-opener", tabIndex: -1, "aria-expanded": "false", "data-panel": name }, h("span", { textContent: label }));
  const open = (on) => {
    body.hidden = !on;
    opener.setAttribute("aria-expanded", String(on));
  };
  opener.addEventListener("click", () => open(body.hidden));
  bar.append(opener);
  return { body, opener, open, count: (n) => { opener.firstChild.textContent = n ? `${label} ${n}` : label; } };
}

/** One pending call: its arguments, and what can be done with it. @param {Live} live */
function pendingCall(live, call) {
  const args = textField(call.arguments, { json: true });
  const more = h("div", { className: "ak-more" });
  const send = (action, extra = {}) => live.send(`pending.${action}`, { call: call.position, ...extra });
  const ask = (action, label, name, verb) => {
    const { field } = textField("");
    const done = () => send(action, field.value.trim() || name === "value" ? { [name]: field.value } : {});
    onEnter(field, done);
    more.replaceChildren(labelled(label, field), h("div", { className: "ak-buttons" }, button(verb, done, { className: "ak-button ak-main" }), button("Cancel", () => more.replaceChildren())));
    field.focus();
  };
  const change = button("Change arguments", () => { if (args.check()) live.send("change", { call: call.position, arguments: args.field.value }); });
  const run = button("Run", () => { if (change.hidden) send("run"); }, { className: "ak-button ak-main" });
  const dirty = () => {
    const changed = args.field.value !== call.arguments;
    change.hidden = !changed;
    enabled(run, !changed);
    run.title = changed ? "change the arguments first, or put them back" : "";
  };
  args.field.addEventListener("input", dirty);
  dirty();
  args.field.setAttribute("aria-label", `arguments of ${call.name}`);
  return group(call, "waits:", [
    run, change,
    button("Skip…", () => ask("skip", "Why it is skipped, as the model is told (may stay empty)", "reason", "Skip")),
    button("Answer…", () => ask("answer", "The result, as the model will see it", "value", "Answer")),
    button("Reject…", () => ask("reject", "What the model is told (may stay empty)", "message", "Reject")),
  ], call.problem ? h("small", { className: "ak-wrong", textContent: call.problem }) : null, args.field, args.wrong, more);
}

/** A call that stands in the text and was not run. @param {Live} live */
function foundCall(live, call) {
  const adopt = button("Adopt", () => live.send("pending.adopt", { place: call.position }));
  return group(call, "found in the text:", [adopt], h("code", { className: "ak-said", textContent: call.arguments }));
}

/** A call with its name and buttons on one line, and more under it. */
function group(call, word, buttons, ...content) {
  const head = h("header", {}, h("span", { textContent: word }), h("code", { textContent: call.name }),
    call.status === "ok" ? null : h("small", { textContent: call.status }), h("div", { className: "ak-buttons" }, ...buttons));
  return h("div", { className: "ak-pending", role: "group", "aria-label": `${word} ${call.name}` }, head, ...content);
}

/** Keeps one node per item as long as the item stays the same, so that a draft in it stays too. */
function keyed(root, make) {
  const nodes = new Map();
  return (items) => {
    const wanted = new Map(items.map((item) => [JSON.stringify(item), item]));
    for (const [key, node] of nodes) if (!wanted.has(key)) { node.remove(); nodes.delete(key); }
    for (const [key, item] of wanted) if (!nodes.has(key)) nodes.set(key, make(item));
    [...wanted.keys()].forEach((key, i) => { if (root.children[i] !== nodes.get(key)) root.insertBefore(nodes.get(key), root.children[i] ?? null); });
  };
}

/** The form that changes what was said. @param {Live} live */
function editForm(live, body, close) {
  const turn = h("select", {}), what = h("select", {});
  const text = textField("", { rows: 3 });
  const options = (select, items, value) => {
    select.replaceChildren(...items.map(([name, label]) => h("option", { value: name, textContent: label })));
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
    labelled("Becomes", text.field), text.wrong,
    h("div", { className: "ak-buttons" }, button("Apply on a new branch", apply, { className: "ak-button ak-main" }), button("Cancel", close)),
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
  return h("div", { className: "ak-say", hidden: true }, labelled("Go on with a message", text.field), button("Say", say));
}

/** @param {Live} live */
function breakpoints(live, body) {
  const list = h("ul", { className: "ak-list" });
  const show = keyed(list, ({ index, text }) => h(
    "li", {}, h("code", { textContent: text }),
    index === undefined ? null : button("×", () => live.send("unbreak", { index }), { className: "ak-close", "aria-label": `remove breakpoint ${text}` }),
  ));
  const kind = h("select", {}, ...Object.entries(BREAK_KINDS).map(([value, [label]]) => h("option", { value, textContent: label })));
  const value = h("input", { type: "text", placeholder: BREAK_KINDS.tool[1] });
  const adapt = () => {
    const hint = BREAK_KINDS[kind.value][1];
    value.disabled = hint === null;
    value.placeholder = hint ?? "";
  };
  kind.addEventListener("change", adapt);
  const add = () => { live.send("break", { kind: kind.value, value: value.value }); value.value = ""; };
  value.addEventListener("keydown", (event) => { if (event.key === "Enter") add(); });
  const none = h("p", { className: "ak-note", textContent: "none: Run goes on to the end" });
  body.append(none, list, h("div", { className: "ak-line-of" }, labelled("Stop at", kind), labelled("Which", value), button("Add", add)));
  return (items, approval) => {
    none.hidden = items.length > 0 || Boolean(approval);
    show([...(approval ? [{ text: approval }] : []), ...items.map((text, index) => ({ index, text }))]);
  };
}

/** @param {Live} live */
function branches(live, body) {
  const list = h("ul", { className: "ak-list ak-tree" });
  body.append(list);
  const show = keyed(list, ({ label, text, depth, current }) => {
    const made = button("", () => live.send("switch", { branch: label }), { className: "ak-branch", "aria-current": current ? "true" : null });
    made.append(h("code", { textContent: label }), h("small", { textContent: text }));
    made.style.paddingInlineStart = `${8 + 16 * Math.min(depth, 12)}px`;
    return h("li", {}, made);
  });
  return show;
}

/** The charts, which Python draws while they are open. @param {Live} live */
function charts(live, { body, opener }) {
  const drawn = new Rows(body);
  body.classList.add("ak-charts");
  body.tabIndex = 0; // it scrolls
  const known = () => [...drawn.parts.keys()].at(-1) ?? null;
  opener.addEventListener("click", () => {
    if (body.hidden) drawn.reset([]);
    live.send("charts", { open: !body.hidden });
  });
  return (name, html) => {
    if (body.hidden) return;
    if (drawn.parts.has(name)) drawn.set(name, html);
    else drawn.insert(name, html, known());
  };
}

PARTS.push((live) => {
  const { root, rows } = live;
  root.classList.add("ak-debugger");
  const { bar, tools } = toolbar(live);
  const edit = panel(bar, "edit", "Edit");
  edit.opener.remove();
  const breaks = panel(bar, "breakpoints", "Breakpoints");
  const tree = panel(bar, "branches", "Branches");
  const graphs = panel(bar, "charts", "Charts");
  const status = h("div", { className: "ak-state", role: "status" });
  const waiting = h("div", { className: "ak-waiting" });
  const say = sayForm(live);
  const top = h("div", { className: "ak-top" }, bar, status, breaks.body, tree.body, graphs.body);
  root.prepend(top);
  rows.after(h("div", { className: "ak-dock" }, edit.body, waiting, say));
  rows.setAttribute("role", "log");
  rows.setAttribute("aria-label", "conversation");
  rows.tabIndex = 0;
  const closeEdit = () => { if (!edit.body.hidden) { edit.open(false); tools.get("edit").focus(); } };
  const form = editForm(live, edit.body, closeEdit);
  const showBreaks = breakpoints(live, breaks.body), showTree = branches(live, tree.body);
  const showWaiting = keyed(waiting, (call) => (call.found ? foundCall(live, call) : pendingCall(live, call)));
  const showChart = charts(live, graphs);
  let atEnd = true;

  live.act = (action, args) => {
    if (tools.get(action)?.getAttribute("aria-disabled") === "true") return;
    if (action !== "edit") return live.send(action, args);
    edit.open(true);
    form.open(args?.turn);
  };
  let height = 0;
  rows.addEventListener("scroll", () => {
    if (rows.scrollHeight - rows.scrollTop - rows.clientHeight < 40) atEnd = true;
    else if (rows.scrollTop < height) atEnd = false; // rows above may take another height once they are drawn; only a person scrolls up
    height = rows.scrollTop;
  }, { passive: true });
  const follow = (times) => {
    if (!atEnd) return;
    rows.scrollTop = rows.scrollHeight;
    if (times) requestAnimationFrame(() => follow(times - 1));
  };

  const turnOf = (row) => /^turn-(\d+)$/.exec(row?.dataset.key ?? "")?.[1];
  const offer = (row) => {
    if (row.querySelector(":scope > .ak-acts")) return;
    const turn = Number(turnOf(row));
    const acts = h("div", { className: "ak-acts" }, ...[["goto", "go here"], ["fork", "fork"], ["rerun", "rerun"], ["edit", "edit"]].map(([action, label]) => button(
      label, () => live.act(action, { turn }), { "aria-label": `${label}, turn ${turn}` },
    )));
    acts.akOwn = true;
    row.append(acts);
  };
  rows.addEventListener("pointerover", (event) => {
    const row = event.target.closest?.(".ak-row");
    if (row && turnOf(row) !== undefined) offer(row);
  });

  const keys = {};
  for (const tool of TOOLS) if (tool) { keys[tool[2]] = tool[0]; if (tool[3]) keys[tool[3]] = tool[0]; }
  return {
    state(told) {
      const state = told.gone ? { ...told, running: false, can: {}, status: "disconnected", tone: "warn", detail: "the kernel is gone; this is the last that was known" } : told;
      for (const [action, tool] of tools) enabled(tool, Boolean(state.can?.[action]));
      const ran = root.classList.contains("ak-running");
      root.classList.toggle("ak-running", Boolean(state.running));
      if (ran && !state.running) {
        const answer = [...rows.querySelectorAll(".ak-assistant > .ak-body")].at(-1)?.innerText ?? "";
        live.say(`${state.status}, ${state.detail}. ${answer.slice(0, 400)}`);
      }
      rows.setAttribute("aria-live", state.running ? "off" : "polite");
      status.replaceChildren(
        h("strong", { className: `ak-tone-${state.tone ?? "quiet"}`, textContent: state.status ?? "" }), " ", h("span", { textContent: state.detail ?? "" }),
      );
      breaks.count(state.breakpoints?.length ?? 0);
      tree.count((state.tree?.length ?? 1) > 1 ? state.tree.length : 0);
      showBreaks(state.breakpoints ?? [], state.approval);
      showTree(state.tree ?? []);
      showWaiting(state.waiting ?? []);
      waiting.hidden = !(state.waiting ?? []).length;
      say.hidden = !state.can?.say;
    },
    op: (name, key, html) => { if (name === "chart") showChart(key, html); },
    drawn: () => follow(3),
    message(message) { if (message.type === "loaded") form.loaded(message); },
    keydown(event) {
      if (event.key === "Escape") return closeEdit();
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.nodeName)) {
        if (!/^F\d+$/.test(event.key)) return;
      }
      const action = keys[(event.shiftKey && event.key.length > 1 ? "Shift+" : "") + (event.key.length > 1 ? event.key : event.key.toLowerCase())];
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      live.act(action);
    },
  };
});
