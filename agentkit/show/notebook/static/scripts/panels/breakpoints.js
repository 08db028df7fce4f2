/** Kind of breakpoint: words, what its name is, what is known of it. */
const KINDS = {
  tool: ["before tool", "pay, send_mail", "tools"],
  problem: ["after problem", "its code", "codes"],
  tool_error: ["after a tool failed", "any, or names", "tools"],
  finish: ["after finish", "length", ""],
  turn: ["before turn", "its number", ""],
  text: ["after text", "what an answer says", ""],
  repeat: ["before the same call again", "how often: 3", ""],
  recovered: ["after a call in the text", "", ""],
};
const hitsOf = (hits, on) =>
  !on ? "off" : !hits ? "not yet hit" : hits === 1 ? "hit once" : `hit ${hits} times`;
const code = (textContent) => h("code", textContent);
let lists = 0;

/** The list of breakpoints, and the line that adds one. @param {Live} live */
function breakpoints(live, { within, about }) {
  about.textContent = "the rollout stops before or after what is named here";
  const list = h("ul.ak-points");
  const wrong = h("p.ak-refused", { role: "alert", hidden: true });
  const options = Object.entries(KINDS).map(([value, [textContent]]) =>
    h("option", { value, textContent }),
  );
  const kind = h("select", { ariaLabel: "when", onchange: () => adapt() }, options);
  const names = h("datalist", { id: `ak-names-${(lists += 1)}` });
  const add = () => {
    const text = (field) => (field.hidden ? "" : field.value);
    live.send("break", { kind: kind.value, value: text(value), where: text(where) });
  };
  const field = (label, placeholder) =>
    h("input", {
      type: "text",
      ariaLabel: label,
      placeholder,
      onkeydown: (event) => event.key === "Enter" && add(),
    });
  const value = field("which");
  const where = field("condition", "condition on the arguments, such as amount > 50");
  value.setAttribute("list", names.id);
  let known = { tools: [], codes: [] };
  const isNew = changes();
  const adapt = () => {
    const [, hint, of] = KINDS[kind.value];
    value.hidden = !hint;
    value.placeholder = hint;
    where.hidden = kind.value !== "tool";
    names.replaceChildren(...(known[of] ?? []).map((name) => h("option", { value: name })));
    wrong.hidden = true;
  };
  const button = press(add, { word: "Add", kind: "ak-line" });
  const form = h(".ak-adding", kind, value, names, where, button);
  within.append(list, form, wrong);
  adapt();

  const row = (point, index) => {
    const { text, sides, on, hits } = point;
    const [words, name] = point.kind
      ? [KINDS[point.kind]?.[0] ?? `${sides} ${point.kind}`, point.names.join(", ")]
      : [sides, text];
    const box = h("input", {
      type: "checkbox",
      checked: on,
      ariaLabel: `stop at ${text}`,
      onchange: () => live.send("switch_point", { index, on: box.checked }),
    });
    return h(
      "li",
      box,
      h("span", `${words} `, code(name)),
      h("span", point.where ? ["where ", code(point.where)] : []),
      h("small", hitsOf(hits, on)),
      press(() => live.send("unbreak", { index }), {
        icon: "close",
        label: `Remove breakpoint ${text}`,
      }),
    );
  };
  return {
    opened: () => live.send("names"),
    state({ points = [], approve = [] }) {
      if (!isNew(points, approve)) return;
      const rows = points.map(row);
      if (approve.length) {
        const tools = h("span", "before tool ", code(approve.join(", ")));
        const told = h("span", "approval: going on does not pass it");
        rows.unshift(h("li", icon("ok"), tools, told));
      }
      const none = h("span", "none: Run goes on to the end");
      list.replaceChildren(...(rows.length ? rows : [h("li", h("span"), none)]));
    },
    message({ type, ...told }) {
      if (type === "names") {
        known = told;
        adapt();
      } else if (type === "refused") {
        wrong.hidden = false;
        wrong.replaceChildren(icon("error"), ` ${told.message}. ${told.hint}`);
        value.ariaInvalid = "true";
        value.focus();
      } else if (type === "added") {
        wrong.hidden = true;
        value.ariaInvalid = null;
        value.value = where.value = "";
      }
    },
  };
}
