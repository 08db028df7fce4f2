const button = (text, onclick, props = {}) =>
  h("button", { type: "button", className: "ak-button", textContent: text, onclick, ...props });
const enabled = (node, on) => node.setAttribute("aria-disabled", String(!on));

let fields = 0;
/** A field with its label above it. */
function labelled(text, field) {
  field.id ||= `ak-field-${(fields += 1)}`;
  return h(
    "div",
    { className: "ak-labelled" },
    h("label", { htmlFor: field.id, textContent: text }),
    field,
  );
}

/** A text field that grows with its text, and says what is wrong with it. */
function textField(value, { json = false, rows = 1 } = {}) {
  const field = h("textarea", { value, spellcheck: false, className: json ? "ak-code" : "" });
  const wrong = h("small", { className: "ak-wrong", role: "alert" });
  const fit = () => {
    field.rows = Math.min(12, Math.max(rows, field.value.split("\n").length));
  };
  const made = {
    field,
    wrong,
    json,
    check() {
      wrong.textContent = made.json ? notAnObject(field.value) : "";
      field.setAttribute("aria-invalid", String(Boolean(wrong.textContent)));
      return !wrong.textContent;
    },
    set(text) {
      field.value = text;
      wrong.textContent = "";
      fit();
    },
  };
  field.addEventListener("input", () => {
    fit();
    if (wrong.textContent) made.check();
  });
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
    return value && typeof value === "object" && !Array.isArray(value)
      ? ""
      : "this is JSON, but not an object: { … }";
  } catch (error) {
    return `not JSON: ${error.message}`;
  }
}

/** Keeps one node per item as long as the item stays the same, so that a draft in it stays too. */
function keyed(root, make) {
  const nodes = new Map();
  return (items) => {
    const wanted = new Map(items.map((item) => [JSON.stringify(item), item]));
    for (const [key, node] of nodes)
      if (!wanted.has(key)) {
        node.remove();
        nodes.delete(key);
      }
    for (const [key, item] of wanted) if (!nodes.has(key)) nodes.set(key, make(item));
    [...wanted.keys()].forEach((key, i) => {
      if (root.children[i] !== nodes.get(key))
        root.insertBefore(nodes.get(key), root.children[i] ?? null);
    });
  };
}
