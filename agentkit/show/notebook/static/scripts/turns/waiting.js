/**
 * The calls that wait for a person. The first is open in its row with a field for its arguments;
 * the others are a line each, which a button opens.
 */
function waitingCalls({ live }) {
  /** @type {Map<string, HTMLElement>} what the page adds to each call, by turn and call */
  let nodes = new Map();
  let opened = null;
  const isNew = changes();
  /** Open rows that are not to be seen now, with what was written in them. */
  const asleep = new Map();
  let going = false; // Python has not answered yet to what was asked for last
  let focusing = false; // somebody worked in the row of a call that has been run since
  const once = (action, args) => {
    if (!going) live.send(action, args);
    going = true;
  };
  const send = (action, call, more = {}) => once(`pending.${action}`, { call, ...more });

  /** Asks for a text below the buttons, as for an answer by hand. */
  const textFor = (node, words, verb, act) => {
    const gone = () => node.querySelector(".ak-ed-more")?.remove();
    gone();
    const editor = editorOf({
      name: words,
      acts: [{ word: verb, kind: "ak-main", act }],
      cancel: () => {
        gone();
        focusOn(node.querySelector("textarea, button"));
      },
    });
    const told = h("small", words);
    node.append(h(".ak-ed-more", told, editor.node));
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
  const group = (className, label, ...children) =>
    own(h("div", { className, role: "group", ariaLabel: label }, children));

  const openCall = (turn, call, name, count) => {
    const what = `arguments:${call}`;
    const changed = (is) => is;
    const editor = editorOf({
      name: `Arguments of ${name}`,
      rows: 2,
      check: (text) => live.ask("draft", { turn, what, text }),
      acts: [
        {
          word: "Run with these",
          icon: "run",
          kind: "ak-main",
          valid: true,
          when: changed,
          act: (text) => once("run_with", { call, text }),
        },
        {
          word: "Run",
          icon: "run",
          kind: "ak-main",
          when: (is) => !is,
          act: () => send("run", call),
        },
        { word: "Run as it came", when: changed, act: () => send("run", call) },
        { word: "Answer by hand…", act: () => answer(node, call) },
        { word: "Skip", act: () => send("skip", call) },
        { word: "Reject…", act: () => reject(node, call) },
      ],
    });
    const title = h(
      ".ak-pend-head",
      icon("run"),
      h("code.ak-name", name),
      h("span.ak-side", h("strong", "waits for you"), count),
    );
    const node = group("ak-pend", `${name} waits for you`, title, editor.node);
    editor.field.readOnly = true;
    node.akName = name;
    node.akWake = async () => {
      const { text } = await live.ask("slot", { turn, what });
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
        press(opening(answer), { icon: "edit", word: "Answer by hand…" }),
        press(() => send("skip", call), { icon: "next", word: "Skip" }),
        press(opening(reject), { icon: "close", word: "Reject…" }),
      ]);
    return group(
      "ak-wait",
      `${name} waits`,
      h("span.ak-dot.ak-ring"),
      "waits",
      press(() => send("run", call), { icon: "run", label: `Run ${name} now` }),
      press(() => open(turn, call), { icon: "edit", label: `Change ${name}` }),
      press(more, { icon: "more", label: `More for ${name}`, ariaHasPopup: "menu" }),
    );
  };
  const open = (turn, call) => {
    opened = call;
    draw(true);
    focusOn(nodes.get(`${turn}/${call}`)?.querySelector("textarea"));
  };
  const foundCall = (place, name) => {
    const label = `Write the call ${name}: it waits to be run`;
    const props = { word: "Write the call…", label, kind: "ak-line" };
    const button = press(() => live.send("adopt", { place }), props);
    return own(h(".ak-found-acts", button));
  };

  function draw(anew) {
    going = false;
    const told = live.state.hand;
    if (isNew(told, opened) || anew) rebuild(told);
    for (const [key, node] of nodes) {
      const [turn, part] = key.split("/");
      const row = (name) => live.row(`turn-${turn}/${name}`);
      const call = /^found/.test(part) ? row(part) : row(`call-${part}`);
      const to = node.matches(".ak-wait") ? call?.querySelector(".ak-side") : call;
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
        known.querySelector(".ak-pend-head > .ak-side")?.lastChild.replaceWith(count);
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
      if (on === live.root || !live.root.contains(on)) focusOn(next);
    });
  }
  return { draw };
}
