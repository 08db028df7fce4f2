/**
 * The calls that wait for a person. The first is open in its row with a field for its arguments;
 * the others are a line each, which a button opens.
 */
function waitingCalls({ live, ask }) {
  /** @type {Map<string, HTMLElement>} what the page adds to each call, by turn and call */
  let nodes = new Map();
  /** Open rows that are not to be seen now, with what was written in them. */
  const asleep = new Map();
  let opened = null;
  let was = "";
  let going = false; // Python has not answered yet to what was asked for last
  let focusing = false; // somebody worked in the row of a call that has been run since
  const section = (turn, call) =>
    live.rows.querySelector(`[data-key="turn-${turn}/call-${call}"].ak-call`);
  const once = (action, args) => {
    if (!going) live.send(action, args);
    going = true;
  };
  const send = (action, call, more = {}) => once(`pending.${action}`, { call, ...more });

  /** Asks for a text below the buttons, as for an answer by hand. */
  const textFor = (node, words, verb, act) => {
    node.querySelector(".ak-ed-more")?.remove();
    const done = () => node.querySelector(".ak-ed-more")?.remove();
    const editor = editorOf({
      name: words,
      text: "",
      acts: [
        { word: verb, kind: "ak-main", act },
        { word: "Cancel", act: () => back() },
      ],
      cancel: () => back(),
    });
    const back = () => {
      done();
      node.querySelector("textarea, button")?.focus({ preventScroll: true });
    };
    node.append(
      h("div", { className: "ak-ed-more" }, h("small", { textContent: words }), editor.node),
    );
    editor.field.focus();
  };
  const answer = (node, call) =>
    textFor(node, "The result, as the model will see it", "Answer", (value) =>
      send("answer", call, { value }),
    );
  const reject = (node, call) =>
    textFor(node, "What the model is told (may stay empty)", "Reject", (message) =>
      send("reject", call, message.trim() ? { message } : {}),
    );

  const openCall = (turn, call, name, count) => {
    const title = h(
      "div",
      { className: "ak-pend-head" },
      icon("run"),
      h("code", { className: "ak-name", textContent: name }),
      h("span", { className: "ak-side" }, h("strong", { textContent: "waits for you" }), count),
    );
    const label = `${name} waits for you`;
    const node = own(h("div", { className: "ak-pend", role: "group", "aria-label": label }, title));
    const editor = editorOf({
      name: `Arguments of ${name}`,
      text: "",
      rows: 2,
      check: (text) => ask("draft", { turn, what: `arguments:${call}`, text }),
      acts: [
        {
          word: "Run with these",
          icon: "run",
          kind: "ak-main",
          valid: true,
          when: (changed) => changed,
          act: (text) => once("run_with", { call, text }),
        },
        {
          word: "Run",
          icon: "run",
          kind: "ak-main",
          when: (changed) => !changed,
          act: () => send("run", call),
        },
        { word: "Run as it came", when: (changed) => changed, act: () => send("run", call) },
        { word: "Answer by hand…", act: () => answer(node, call) },
        { word: "Skip", act: () => send("skip", call) },
        { word: "Reject…", act: () => reject(node, call) },
      ],
    });
    editor.field.readOnly = true;
    node.append(editor.node);
    node.akName = name;
    node.akWake = async () => {
      const { text } = await ask("slot", { turn, what: `arguments:${call}` });
      if (text !== editor.start) editor.begin(text);
    };
    node.akWake();
    return node;
  };
  const closedCall = (turn, call, name) => {
    const opening = (act) => () => {
      open(turn, call);
      act(nodes.get(`${turn}/${call}`), call);
    };
    const more = (event) =>
      openMenu(live, event.currentTarget, [
        ["edit", "Answer by hand…", opening(answer)],
        ["next", "Skip", () => send("skip", call)],
        ["close", "Reject…", opening(reject)],
      ]);
    return own(
      h(
        "span",
        { className: "ak-wait", role: "group", "aria-label": `${name} waits` },
        icon("wait"),
        "waits",
        press(() => send("run", call), { icon: "run", label: `Run ${name} now` }),
        press(() => open(turn, call), { icon: "edit", label: `Change ${name}` }),
        press(more, { icon: "more", label: `More for ${name}`, "aria-haspopup": "menu" }),
      ),
    );
  };
  const open = (turn, call) => {
    opened = call;
    draw(true);
    nodes.get(`${turn}/${call}`)?.querySelector("textarea")?.focus({ preventScroll: true });
  };
  const foundCall = (place, name) =>
    own(
      h(
        "div",
        { className: "ak-found-acts" },
        press(() => live.send("adopt", { place }), {
          word: "Write the call…",
          label: `Write the call ${name}: it waits to be run`,
          kind: "ak-line",
        }),
      ),
    );

  function draw(anew) {
    going = false;
    const told = live.state.hand;
    const now = JSON.stringify([told, opened]);
    if (now !== was || anew) rebuild(told);
    was = now;
    for (const [key, node] of nodes) {
      const [turn, part] = key.split("/");
      const row = /^found/.test(part)
        ? live.rows.querySelector(`[data-key="turn-${turn}/${part}"]`)
        : section(turn, part);
      const to = node.matches(".ak-wait") ? row?.querySelector(".ak-side") : row;
      if (to && node.parentElement !== to) to.append(node);
    }
  }
  function rebuild(told) {
    const fresh = new Map();
    const had = [...nodes.values()].some((node) => node.contains(document.activeElement));
    const calls = told?.calls ?? [];
    if (told && !calls.some(([call]) => call === opened)) opened = calls[0]?.[0] ?? null;
    calls.forEach(([call, name], i) => {
      const key = `${told.turn}/${call}`;
      const is = call === opened;
      let known = nodes.get(key);
      if (is && !known?.matches(".ak-pend") && asleep.get(key)?.akName === name) {
        known = asleep.get(key);
        known.akWake();
      }
      const of = calls.length > 1 ? ` · ${i + 1} of ${calls.length}` : "";
      const count = document.createTextNode(of);
      if (known?.matches(is ? ".ak-pend" : ".ak-wait")) {
        fresh.set(key, known);
        const side = known.querySelector(".ak-pend-head > .ak-side");
        side?.lastChild.replaceWith(count);
      } else fresh.set(key, (is ? openCall : closedCall)(told.turn, call, name, count));
    });
    for (const [place, name] of told?.found ?? []) {
      const key = `${told.turn}/found-${place}`;
      fresh.set(key, nodes.get(key) ?? foundCall(place, name));
    }
    for (const [key, node] of nodes) {
      if (fresh.get(key) === node) continue;
      node.remove();
      if (node.matches(".ak-pend")) asleep.set(key, node);
    }
    for (const key of asleep.keys())
      if (told && fresh.get(key)?.matches(".ak-wait") !== true) asleep.delete(key);
    nodes = fresh;
    focusing ||= had;
    const next = nodes.get(`${told?.turn}/${opened}`)?.querySelector("textarea");
    if (!next || !focusing) return;
    focusing = false;
    requestAnimationFrame(() => {
      const on = document.activeElement;
      if (on === live.root || !live.root.contains(on)) next.focus({ preventScroll: true });
    });
  }
  return { draw };
}
