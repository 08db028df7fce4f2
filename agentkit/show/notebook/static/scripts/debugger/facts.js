/** Kind of state: its tone, and its icon or dot. */
const STATES = {
  ready: ["accent", "ring"],
  asking: ["model", "beat"],
  answering: ["model", "beat"],
  calling: ["tool", "beat"],
  pausing: ["warn", "beat"],
  paused: ["accent", "dot"],
  stopped: ["quiet", "stop"],
  answered: ["ok", "ok"],
  flawed: ["warn", "warn"],
  none: ["error", "error"],
  failed: ["error", "error"],
  gone: ["quiet", "info"],
};
const number = (value) => value.toLocaleString("en-US");
/** Seconds as the kernel writes them. */
function clock(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}
/** Seconds that count: one digit, so that they can be read. */
const counting = (seconds) => (seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds));

/**
 * The line of facts: the state first, then what it came to, then what is wrong.
 * @param {Live} live
 */
function factLine(live) {
  const state = h("span", { className: "ak-state", role: "status" });
  const list = h("span", { className: "ak-numbers" });
  const chips = h("span", { className: "ak-chips" });
  const on = press(() => live.act("resume"), { word: "Go on instead", kind: "ak-line" });
  const line = h(
    "div",
    { className: "ak-factline", role: "group", "aria-label": "facts" },
    state,
    list,
    h("span", { className: "ak-grow" }),
    chips,
    on,
  );
  let began = 0;
  let timer = 0;
  const ticking = h("b");
  const total = h("b");
  let before = 0;
  const tick = () => {
    const seconds = (performance.now() - began) / 1000;
    ticking.textContent = counting(seconds);
    total.textContent = counting(before + seconds);
  };
  const fact = (label, value, more = "") =>
    h("span", { className: "ak-fact" }, label ? `${label} ` : "", value, more && ` ${more}`);
  const bold = (text) => h("b", { textContent: text });

  /** @param {Object<string, any>} told */
  function numbers({ facts, running, arriving, here, status }) {
    const found = [];
    const add = (label, value, more) => {
      if (value !== null && value !== undefined && value !== "")
        found.push(fact(label, value instanceof Node ? value : bold(String(value)), more));
    };
    if (facts.model || facts.server) {
      const who = [facts.model, facts.server].filter(Boolean).join(" on ");
      found.push(
        h("span", { className: "ak-fact ak-whom", title: facts.address, textContent: who }),
      );
    }
    if (status.more)
      found.push(h("span", { className: "ak-fact ak-more", textContent: status.more }));
    if (running) {
      add("turn", here ? here[0] : "");
      add("", ticking);
      if (arriving) {
        add("first token", clock(arriving[0]));
        add("written", number(arriving[1]), "tokens so far");
      }
      add("total", total);
      return list.replaceChildren(...found);
    }
    if (facts.turns || facts.most) {
      const most = facts.most ? `of ${facts.most}` : "";
      add("turns", facts.turns, most);
    }
    add("read", facts.read === null ? "" : number(facts.read));
    add("cached", facts.cached === null ? "" : `${facts.cached} %`);
    add("written", facts.written === null ? "" : number(facts.written));
    add("", facts.speed, "tok/s");
    add("", facts.cost);
    add("", facts.elapsed === null ? "" : clock(facts.elapsed));
    list.replaceChildren(...found);
  }

  /** @param {number[]} counts */
  function problems([errors, warnings], ended) {
    const chip = (count, word, tone, sign) =>
      count
        ? h(
            "button",
            {
              type: "button",
              className: `ak-chip ak-${tone}`,
              title: `go to the first ${word} (N: the next problem)`,
              onclick: () => live.problem(1, word),
            },
            icon(sign),
            `${count} ${word}${count === 1 ? "" : "s"}`,
          )
        : null;
    const all = [
      chip(errors, "error", "bad", "error"),
      chip(warnings, "warning", "warn", "warn"),
    ].filter(Boolean);
    if (!all.length && ended) all.push(h("span", { className: "ak-fact" }, "no problems"));
    chips.replaceChildren(...all);
  }

  let drawn = "";
  return {
    line,
    /** Takes the time from which the step in flight counts. */
    since(seconds) {
      began = performance.now() - seconds * 1000;
    },
    /** @param {Object<string, any>} told */
    state(told, pausing) {
      const { status, facts, counts } = told;
      if (!status) return;
      const [tone, sign] = STATES[status.kind] ?? STATES.paused;
      const key = JSON.stringify(status);
      if (key !== drawn) {
        const mark = /ring|dot|beat/.test(sign)
          ? h("span", { className: `ak-dot ak-${sign}` })
          : icon(sign);
        state.className = `ak-state ak-is-${tone}`;
        state.replaceChildren(
          mark,
          h("strong", { textContent: status.word }),
          status.name ? h("code", { textContent: status.name }) : "",
        );
        drawn = key;
      }
      before = facts.elapsed ?? 0;
      numbers(told);
      problems(counts, /answered|flawed|none/.test(status.kind));
      on.hidden = !pausing;
      clearInterval(timer);
      if (told.running) {
        tick();
        timer = setInterval(tick, 100);
      }
    },
    end: () => clearInterval(timer),
  };
}

/** Goes on after the end of a rollout. @param {Live} live */
function sayBox(live) {
  const field = h("textarea", {
    rows: 1,
    placeholder: "Go on with a message",
    "aria-label": "Go on with a message",
    spellcheck: false,
  });
  const say = () => {
    if (!field.value.trim()) return field.focus();
    live.send("say", { prompt: field.value });
    field.value = "";
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      say();
    }
  });
  field.addEventListener("input", () => {
    field.rows = Math.min(8, field.value.split("\n").length);
  });
  const node = h(
    "div",
    { className: "ak-say", hidden: true },
    field,
    press(say, { icon: "send", word: "Say", kind: "ak-line" }),
  );
  return {
    node,
    state(state) {
      node.hidden = state.can?.say !== "";
    },
  };
}
