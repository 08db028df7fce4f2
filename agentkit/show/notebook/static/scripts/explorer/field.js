const uniqueId = () => `ak-x${(Math.random() * 1e9) | 0}`;

/**
 * The field of the filter: what was typed is asked for a moment later; names of columns and their
 * values are offered below it.
 */
function fieldOf(live, ask, leave) {
  const id = uniqueId();
  const input = h("input", {
    type: "search",
    spellcheck: false,
    autocomplete: "off",
    placeholder: "filter: reward<0.5 ended=error Oslo",
    role: "combobox",
    ariaLabel: "filter",
    ariaExpanded: false,
    "aria-controls": id,
    ariaAutoComplete: "list",
  });
  const named = { role: "listbox", ariaLabel: "columns and values" };
  const list = h(".ak-offers.ak-over", { id, hidden: true, ...named });
  const nothing = () => ask({ query: "" });
  const clear = press(nothing, { icon: "close", label: "clear the filter" });
  let at = -1;

  /** What the word at the cursor can become: names of columns, or values of one. */
  function offers() {
    const before = input.value.slice(0, input.selectionStart ?? 0);
    const word = /(\S*)$/.exec(before)[1];
    const value = /^([\w.]+)(=|!=)(?:.*,)?([^,]*)$/.exec(word);
    if (value) {
      const begun = value[3].replace(/^"/, "").toLowerCase();
      const keep = before.slice(0, before.length - value[3].length);
      return (live.state.offers[value[1]] ?? [])
        .filter((text) => text.toLowerCase().startsWith(begun) && text !== begun)
        .map((text) => [text, keep + (/[\s,"]/.test(text) ? `"${text}"` : text)]);
    }
    if (!/^[a-z_]\w*$/i.test(word)) return [];
    const keep = before.slice(0, before.length - word.length);
    return (live.state.names ?? [])
      .filter(([name]) => name.startsWith(word.toLowerCase()))
      .map(([name, kind]) => [name, `${keep}${name}${kind === "number" ? "<" : "="}`]);
  }
  function offer(shown = true) {
    const found = shown ? offers().slice(0, 8) : [];
    at = -1;
    list.hidden = !found.length;
    input.ariaExpanded = found.length > 0;
    input.removeAttribute("aria-activedescendant");
    const optionOf = ([text, akWhole], i) => {
      const onpointerdown = (event) => {
        event.preventDefault();
        accept(akWhole);
      };
      return h("div", { role: "option", id: `${id}-${i}`, akWhole, onpointerdown }, text);
    };
    list.replaceChildren(...found.map(optionOf));
  }
  function accept(whole) {
    const rest = input.value.slice(input.selectionStart ?? 0);
    input.value = whole + rest;
    input.setSelectionRange(whole.length, whole.length);
    if (/[<=]$/.test(whole)) return offer(); // a value is still to come
    offer(false);
    soon();
  }
  const soon = later(() => ask({ query: input.value }), 250);
  input.addEventListener("input", () => {
    soon();
    offer();
  });
  input.addEventListener("blur", () => offer(false));
  input.addEventListener("keydown", (event) => {
    const { key } = event;
    const options = [...list.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[key];
    if (step && options.length) {
      at = (Math.max(at, step < 0 ? 0 : -1) + step + options.length) % options.length;
      options.forEach((option, i) => option.setAttribute("aria-selected", i === at));
      input.setAttribute("aria-activedescendant", options[at].id);
    } else if (/^(Enter|Tab)$/.test(key) && at >= 0) accept(options[at].akWhole);
    else if (key === "Enter") {
      offer(false);
      ask({ query: input.value });
    } else if (key === "ArrowDown") leave();
    else if (key === "Escape" && options.length) offer(false);
    else if (key === "Escape" && input.value) ask({ query: "" });
    else return;
    taken(event);
  });
  return {
    box: h("span.ak-field.ak-xfield", icon("filter"), input, clear, list),
    input,
    state({ query, refused }) {
      if (document.activeElement !== input && input.value !== query) input.value = query;
      input.ariaInvalid = refused;
      clear.hidden = !query;
    },
    asked({ query }) {
      soon.never();
      if (query !== undefined) input.value = query;
    },
    dispose: soon.never,
  };
}
