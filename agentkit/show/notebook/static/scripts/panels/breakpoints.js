let lists = 0;

/** The list of breakpoints, and the line that adds one. @param {Live} live */
function breakpoints(live, { within, about }) {
  about.textContent = "the rollout stops before or after what is named here";
  const list = h("ul.ak-points");
  const form = h("form.ak-adding", { "data-do": "break", onchange: () => adapt() });
  const wrong = h("p.ak-refused", { role: "alert", hidden: true });
  within.append(list, form, wrong);
  let known = {};
  /** Offers the fields that a kind has, and what is known of it. */
  const adapt = () => {
    const { kind, value, where } = form.elements;
    const { hint, of } = kind.selectedOptions[0].dataset;
    value.disabled = value.hidden = !hint;
    value.placeholder = hint;
    where.disabled = where.hidden = kind.value !== "tool";
    const names = form.querySelector("datalist");
    names.id ||= `ak-names-${(lists += 1)}`;
    value.setAttribute("list", names.id);
    names.replaceChildren(...(known[of] ?? []).map((value) => h("option", { value })));
  };
  return {
    opened: () => live.send("names"),
    state({ in_points: points, in_adding: adding }) {
      fill(list, points ?? []);
      if (!form.firstChild && adding) {
        fill(form, adding);
        adapt();
      }
    },
    message({ type, ...told }) {
      const { value, where } = form.elements;
      if (type === "names") {
        known = told;
        adapt();
      } else if (type === "refused") {
        wrong.hidden = false;
        wrong.replaceChildren(icon("error"), ` ${told.message}. ${told.hint}`);
        value.ariaInvalid = true;
        value.focus();
      } else if (type === "added") {
        wrong.hidden = true;
        value.ariaInvalid = null;
        value.value = where.value = "";
      }
    },
  };
}
