/** Kind of state: its tone, and its icon or dot. */
const STATES = {
  ready: ["is-accent", "ring"],
  asking: ["is-model", "beat"],
  answering: ["is-model", "beat"],
  calling: ["is-tool", "beat"],
  pausing: ["warn", "beat"],
  paused: ["is-accent", "dot"],
  stopped: ["quiet", "stop"],
  answered: ["good", "ok"],
  flawed: ["warn", "warn"],
  none: ["bad", "error"],
  failed: ["bad", "error"],
  gone: ["quiet", "info"],
};
/** Seconds as the kernel writes them. */
function clock(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}
/** Seconds that count: one digit, so that they can be read. */
const counting = (seconds) => (seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds));

/** The line of facts: the state first, then what it came to, then what is wrong. */
function factLine(live) {
  const state = h("span.ak-state", { role: "status" });
  const list = h("span.ak-numbers");
  const chips = h("span.ak-chips");
  const on = press(() => live.act("resume"), { word: "Go on instead", kind: "ak-line" });
  const line = h(
    ".ak-factline",
    { role: "group", ariaLabel: "facts" },
    state,
    list,
    h("span.ak-grow"),
    chips,
    on,
  );
  const ticking = h("b");
  const total = h("b");
  let began = 0;
  let before = 0;
  let timer = 0;
  let tokens = "";
  const isNew = changes();
  const tick = () => {
    const seconds = (performance.now() - began) / 1000;
    ticking.textContent = counting(seconds);
    total.textContent = counting(before + seconds);
    const head = live.rows.querySelector(".ak-growing > .ak-facts");
    if (head) head.textContent = `answering · ${counting(seconds)}${tokens}`;
  };

  /** @param {Object<string, any>} told */
  function numbers({ facts, running, arriving, here, status, branches, branch }) {
    const found = [];
    const say = (textContent, kind, title) =>
      textContent && found.push(h("span", { className: `ak-fact ${kind}`, textContent, title }));
    const add = (label, value, more) => {
      if (value === null || value === undefined || value === "") return;
      const bold = value instanceof Node ? value : h("b", value);
      const words = [label && `${label} `, bold, more && ` ${more}`];
      found.push(h("span.ak-fact", words));
    };
    say([facts.model, facts.server].filter(Boolean).join(" on "), "ak-whom", facts.address);
    say(status.more, "ak-more");
    if (branches > 1) add("branch", branch);
    if (running) {
      add("turn", here?.[0]);
      add("", ticking);
      if (arriving) add("first token", clock(arriving[0]));
      if (arriving) add("written", counted(arriving[1]), "tokens so far");
      tokens = arriving ? ` · ${counted(arriving[1])} tokens so far` : "";
      add("total", total);
    } else {
      if (facts.turns || facts.most) add("turns", facts.turns, facts.most && `of ${facts.most}`);
      add("read", facts.read && counted(facts.read));
      add("cached", facts.cached && `${facts.cached} %`);
      add("written", facts.written && counted(facts.written), "tokens");
      add("", facts.speed && counted(facts.speed), "tok/s");
      add("", facts.cost);
      add("", facts.elapsed && clock(facts.elapsed));
    }
    list.replaceChildren(...found);
  }

  /** @param {number[]} counts */
  function problems(counts, ended) {
    const words = ["error", "warning"];
    const made = words.map((word, i) => {
      const button = press(() => live.problem(1, word), {
        icon: ["error", "warn"][i],
        word: `${counts[i]} ${word}${counts[i] === 1 ? "" : "s"}`,
        title: `go to the first ${word} (N: the next problem)`,
      });
      button.className = `ak-chip ak-${["bad", "warn"][i]}`;
      return button;
    });
    const shown = made.filter((_, i) => counts[i]);
    if (!shown.length && ended) shown.push(h("span.ak-fact", "no problems"));
    chips.replaceChildren(...shown);
  }

  return {
    line,
    /** Takes the time from which the step in flight counts. */
    since(seconds) {
      began = performance.now() - seconds * 1000;
    },
    state(told, pausing) {
      const { status, facts, counts } = told;
      if (!status) return;
      const [tone, sign] = STATES[status.kind] ?? STATES.paused;
      if (isNew(status)) {
        state.className = `ak-state ak-${tone}`;
        state.replaceChildren(
          ICONS[sign] ? icon(sign) : h("span", { className: `ak-dot ak-${sign}` }),
          h("strong", status.word),
          status.name ? h("code", status.name) : "",
        );
      }
      before = facts.elapsed ?? 0;
      numbers(told);
      problems(counts, /answered|flawed|none/.test(status.kind));
      on.hidden = !pausing;
      clearInterval(timer);
      if (!told.running) return;
      tick();
      timer = setInterval(tick, 100);
    },
    end: () => clearInterval(timer),
  };
}

/** Goes on after the end of a rollout. @param {Live} live */
function sayBox(live) {
  const words = "Go on with a message";
  const field = h("textarea", {
    rows: 1,
    placeholder: words,
    ariaLabel: words,
    spellcheck: false,
    oninput: () => {
      field.rows = Math.min(8, field.value.split("\n").length);
    },
    onkeydown: (event) => {
      if (!isDone(event)) return;
      event.preventDefault();
      say();
    },
  });
  const say = () => {
    if (!field.value.trim()) return field.focus();
    live.send("say", { prompt: field.value });
    field.value = "";
  };
  const button = press(say, { icon: "send", word: "Say", kind: "ak-line" });
  const node = h(".ak-say", { hidden: true }, field, button);
  return {
    node,
    state(state) {
      node.hidden = state.can?.say !== "";
    },
  };
}
