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
  const chips = h("span.ak-chips", {
    onclick({ target }) {
      const { word } = target.closest("button")?.dataset ?? {};
      if (word) live.problem(1, word);
    },
  });
  const on = press(() => live.act("resume"), { word: "Go on instead", kind: "ak-line" });
  const grow = h("span.ak-grow");
  const named = { role: "group", ariaLabel: "facts" };
  const line = h(".ak-factline", named, state, list, grow, chips, on);
  let began = 0;
  let before = 0;
  let timer = 0;
  let tokens = "";
  const isNew = changes();
  const tick = () => {
    const seconds = (performance.now() - began) / 1000;
    const [step, all] = list.querySelectorAll("[data-tick]");
    step.textContent = counting(seconds);
    all.textContent = counting(before + seconds);
    const head = live.rows.lastElementChild?.querySelector(".ak-growing > .ak-facts");
    if (head) head.textContent = `answering · ${counting(seconds)}${tokens}`;
  };
  return {
    line,
    /** Takes the time from which the step in flight counts. */
    since(seconds) {
      began = performance.now() - seconds * 1000;
    },
    state({ status, in_facts: facts, in_problems: problems, ...told }, pausing) {
      if (!status) return;
      const [tone, sign] = STATES[status.kind] ?? STATES.paused;
      if (isNew(status)) {
        state.className = `ak-state ak-${tone}`;
        state.replaceChildren(
          ICONS[sign] ? icon(sign) : h(`span.ak-dot.ak-${sign}`),
          h("strong", status.word),
          status.name ? h("code", status.name) : "",
        );
      }
      before = told.spent;
      tokens = told.arriving ? ` · ${counted(told.arriving[1])} tokens so far` : "";
      fill(list, facts);
      fill(chips, problems);
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
