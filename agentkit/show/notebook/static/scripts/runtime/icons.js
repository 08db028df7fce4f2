/**
 * The icons of all views, in a box of 16 by 16: a stroked path; after a "|", a filled one.
 * @type {Object<string, string>}
 */
const ICONS = {
  run: "|M5 3l8 5-8 5z",
  pause: "|M4.2 3.4h2.6v9.2H4.2zM9.2 3.4h2.6v9.2H9.2z",
  stop: "|M4 4h8v8H4z",
  step: "M12.2 3.8v8.4|M3.6 3.6v8.8L10 8z",
  next: "|M2.4 3.8v8.4L8 8zM8 3.8v8.4L13.6 8z",
  back: "M3.8 3.8v8.4|M12.4 3.6v8.8L6 8z",
  restart: "M4.4 4.4A5 5 0 1 1 3 8M4.4 1.8v2.8h2.8",
  to: "M2.4 8h7.8M7.4 5l3 3-3 3M13.4 3.4v9.2",
  here: "|M2.8 4.4h6L13.4 8l-4.6 3.6h-6z",
  fork: "M4.4 5v6M4.4 9.6c4.6 0 6.6-.8 6.8-3M4.4 2.2v1.2M4.4 12.6v1.2M11.2 3.4v1.4",
  edit: "M2.9 13.1l.8-3L10.8 3l2.2 2.2-7.1 7.1z",
  rerun: "M11.6 4.4A5 5 0 1 0 13 8M11.6 1.8v2.8H8.8",
  copy: "M5.6 5.6h7.2v7.2H5.6zM10.4 5.4V3.2H3.2v7.2h2.2",
  search: "M11 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0M9.9 9.9l3.3 3.3",
  branches: "M3.2 2.8v10.4M3.2 8h4M3.2 13.2h4M9.4 8h4M9.4 13.2h4",
  chart: "M2.4 13.6h11.2M4.2 11V7.8M8 11V3.4M11.8 11V5.8",
  point: "|M12.4 8a4.4 4.4 0 1 1-8.8 0 4.4 4.4 0 0 1 8.8 0",
  warn: "M8 2.7L14 13.1H2zM8 6.6v2.8M8 11.3v.1",
  error: "M13.6 8A5.6 5.6 0 1 1 2.4 8a5.6 5.6 0 0 1 11.2 0M6 6l4 4M10 6l-4 4",
  ok: "M3.2 8.5l3.1 3L12.8 4.6",
  info: "M13.6 8A5.6 5.6 0 1 1 2.4 8a5.6 5.6 0 0 1 11.2 0M8 7.6v3.2M8 5.2v.1",
  wait: "M8 2.5v2M8 11.5v2M2.5 8h2M11.5 8h2M4.1 4.1l1.4 1.4M10.5 10.5l1.4 1.4M4.1 11.9l1.4-1.4",
  fold: "M5.6 3.6l5 4.4-5 4.4",
  more: "M3.6 8h.1M8 8h.1M12.4 8h.1",
  up: "M4 10l4-4 4 4",
  down: "M4 6l4 4 4-4",
  close: "M4 4l8 8M12 4l-8 8",
  link:
    "M6.8 9.3l2.6-2.6M7.4 5l1.5-1.6a2.6 2.6 0 0 1 3.7 3.7L11 8.7" +
    "M8.6 11l-1.5 1.6a2.6 2.6 0 0 1-3.7-3.7L5 7.3",
  filter: "M2.6 3.6h10.8L9.4 8.4v4.4l-2.8-1.4v-3z",
  label: "M2.8 2.8h5.1l5.3 5.3-5.1 5.1-5.3-5.3zM5.3 5.3h.1",
  note: "M3 3h10v7l-3 3H3zM10 13v-3h3",
  send: "M2.6 8l10.8-4.8L10 13.4 7.5 9z",
  save: "M3 3h8l2 2v8H3zM5.6 3v3h5M5.6 13V9.6h4.8V13",
  columns: "M3 3.4h10v9.2H3zM6.4 3.4v9.2M9.7 3.4v9.2",
  keys: "M6.1 6.2A2 2 0 1 1 8.8 8c-.6.3-.8.7-.8 1.4M8 11.6v.1M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0",
};

/** An icon that says nothing by itself: what it is on has a name. @returns {SVGElement} */
function icon(name) {
  const [line, filled] = ICONS[name].split("|");
  const inside = [line && shape("path", { d: line })];
  if (filled) inside.push(shape("path", { d: filled, fill: "currentColor", stroke: "none" }));
  const box = { viewBox: "0 0 16 16", "aria-hidden": "true", class: "ak-i" };
  return shape("svg", box, ...inside.filter(Boolean));
}

/** A button with an icon, a word or both; without a word it needs a name. */
function press(onclick, { icon: name, word, label, kind = "", ...props } = {}) {
  const className = `ak-bt ${word ? "" : "ak-ic"} ${kind}`.trim();
  const given = { type: "button", className, title: label, ariaLabel: label, onclick, ...props };
  const said = word ? h("span", word) : null;
  return h("button", given, name ? icon(name) : null, said);
}
