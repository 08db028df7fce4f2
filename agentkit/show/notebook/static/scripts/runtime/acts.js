/** Makes what the kernel describes: a text, or [name, properties, …inside]. All of it is data. */
function made(part) {
  if (!Array.isArray(part)) return part;
  const [name, { icon: sign, ...props }, ...inside] = part;
  return h(name, props, sign && icon(sign), inside.map(made));
}

/** Makes a place hold what the kernel describes; focus and drafts in it stay. */
function fill(place, parts) {
  const now = JSON.stringify(parts);
  if (place.akParts === now) return;
  place.akParts = now;
  const on = document.activeElement;
  const key = place.contains(on) && on.dataset.facet;
  const fresh = place.cloneNode();
  fresh.append(...parts.map(made));
  morph(place, fresh);
  if (key) place.querySelector(`[data-facet="${CSS.escape(key)}"]`)?.focus();
}

/**
 * Puts what the kernel describes into what it draws, once: of what a selector finds, into which; in
 * front of all where there is none.
 */
function dress(body, acts) {
  for (const [select, i, part] of acts) {
    const place = select ? body.querySelectorAll(select)[i] : body;
    if (!place || place.akDress?.isConnected) continue;
    place.akDress = own(made(part));
    if (select) place.append(place.akDress);
    else place.prepend(place.akDress);
  }
}

/**
 * Hears the controls that the kernel describes: a button, a box or a list with `data-do` asks for
 * that with `data-args`, a form with what its fields hold, too.
 */
function hearControls(live) {
  const hear = (kind, select, more) =>
    live.root.addEventListener(kind, (event) => {
      const control = event.target.closest(select);
      if (control?.closest(".ak-root") !== live.root || control.ariaDisabled === "true") return;
      const { do: action, args = "{}" } = control.dataset;
      live.send(action, { ...JSON.parse(args), ...more(control, event) });
    });
  hear("click", "button[data-do]", () => ({}));
  hear("change", ":is(input, select, textarea)[data-do]", ({ type, name, value, checked }) =>
    type === "checkbox" ? { on: checked } : { [name || "value"]: value },
  );
  hear("submit", "form[data-do]", (form, event) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(form, event.submitter));
    if ("reset" in form.dataset) form.reset();
    return given;
  });
}
