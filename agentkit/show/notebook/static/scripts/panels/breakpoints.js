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
let lists = 0;

/** The list of breakpoints, and the line that adds one. @param {Live} live */
function breakpoints(live, { within, about }) {
  about.textContent = "the rollout stops before or after what is named here";
  const list = h("ul", { className: "ak-points" });
  const wrong = h("p", { className: "ak-refused", role: "alert", hidden: true });
  const kind = h(
    "select",
    { "aria-label": "when" },
    Object.entries(KINDS).map(([value, [label]]) => h("option", { value, textContent: label })),
  );
  const names = h("datalist", { id: `ak-names-${(lists += 1)}` });
  const value = h("input", { type: "text", "aria-label": "which" });
  const where = h("input", {
    type: "text",
    "aria-label": "condition",
    placeholder: "condition on the arguments, such as amount > 50",
  });
  let known = { tools: [], codes: [] };
  const adapt = () => {
    const [, hint, of] = KINDS[kind.value];
    value.hidden = !hint;
    value.placeholder = hint;
    where.hidden = kind.value !== "tool";
    names.replaceChildren(...(known[of] ?? []).map((name) => h("option", { value: name })));
    value.setAttribute("list", names.id);
    wrong.hidden = true;
  };
  const add = () => {
    const asked = { kind: kind.value, value: value.hidden ? "" : value.value };
    live.send("break", { ...asked, where: where.hidden ? "" : where.value });
  };
  kind.addEventListener("change", adapt);
  for (const field of [value, where])
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") add();
    });
  const form = h("div", { className: "ak-adding" }, kind, value, names, where);
  form.append(press(add, { word: "Add", kind: "ak-line" }));
  within.append(list, form, wrong);
  adapt();

  const row = (point, index) => {
    const words = point.kind
      ? [KINDS[point.kind]?.[0] ?? `${point.sides} ${point.kind}`, point.names.join(", ")]
      : [point.sides, point.text];
    const on = h("input", {
      type: "checkbox",
      checked: point.on,
      "aria-label": `stop at ${point.text}`,
      onchange: () => live.send("switch_point", { index, on: on.checked }),
    });
    const condition = point.where ? ["where ", h("code", { textContent: point.where })] : [];
    return h(
      "li",
      {},
      on,
      h("span", {}, `${words[0]} `, h("code", { textContent: words[1] })),
      h("span", {}, ...condition),
      h("small", { textContent: hitsOf(point.hits, point.on) }),
      press(() => live.send("unbreak", { index }), {
        icon: "close",
        label: `Remove breakpoint ${point.text}`,
      }),
    );
  };
  let drawn = "";
  return {
    opened: () => live.send("names"),
    state({ points = [], approve = [] }) {
      const now = JSON.stringify([points, approve]);
      if (now === drawn) return;
      drawn = now;
      const rows = points.map(row);
      if (approve.length) {
        const tools = h("span", {}, "before tool ", h("code", { textContent: approve.join(", ") }));
        const told = h("span", { textContent: "approval: going on does not pass it" });
        rows.unshift(h("li", {}, icon("ok"), tools, told));
      }
      const none = h("span", { textContent: "none: Run goes on to the end" });
      list.replaceChildren(...(rows.length ? rows : [h("li", {}, h("span"), none)]));
    },
    message(message) {
      if (message.type === "names") {
        known = message;
        adapt();
      } else if (message.type === "refused") {
        wrong.hidden = false;
        wrong.replaceChildren(icon("error"), ` ${message.message}. ${message.hint}`);
        value.setAttribute("aria-invalid", "true");
        value.focus();
      } else if (message.type === "added") {
        wrong.hidden = true;
        value.removeAttribute("aria-invalid");
        value.value = "";
        where.value = "";
      }
    },
  };
}
