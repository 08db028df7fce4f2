const TAGS = new Set(
  (
    "SECTION ARTICLE HEADER DIV DL DT DD P STRONG SMALL SPAN EM S CODE PRE UL OL LI BLOCKQUOTE " +
    "H3 H4 H5 H6 HR BR DETAILS SUMMARY DEL INS TABLE CAPTION COLGROUP COL THEAD TBODY TR TH TD"
  ).split(" "),
);
const ATTRIBUTES = new Set(
  (
    "title dir open aria-hidden aria-label role data-key data-turn data-call data-more " +
    "data-source colspan scope start width"
  ).split(" "),
);
const SVG = "http://www.w3.org/2000/svg";
const SHAPES = new Set("svg g rect circle path text title".split(" "));
const SHAPED = new Set(
  (
    "viewBox preserveAspectRatio role aria-label x y dx width height rx cx cy r d color fill " +
    "stroke stroke-width stroke-dasharray text-anchor font-size data-turn"
  ).split(" "),
);

/** The notebook leaves alone the keys of a focused element that has this attribute. */
const QUIET = "data-lm-suppress-shortcuts";

/**
 * An element, `h("span.ak-cut", { title }, "text")`: its name and classes, a div where there is no
 * name; properties, and attributes (those with a dash, role and list); children.
 */
function h(name, ...inside) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  const props = inside[0]?.constructor === Object ? inside.shift() : {};
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (/-|^(role|list)$/.test(name)) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...inside.flat().filter((child) => child === 0 || child));
  return made;
}

/** A node of the page's own in a row that Python draws: it stays when the row is drawn again. */
const own = (node, given) => Object.assign(node, { akOwn: true }, given);

/** An element of a drawing. @returns {SVGElement} */
function shape(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Markup as nodes of the allowed kinds only, parsed where nothing loads and nothing runs. */
function nodesOf(html) {
  const made = document.createDocumentFragment();
  for (const child of new DOMParser().parseFromString(`<body>${html}`, "text/html").body.childNodes)
    admit(child, made);
  return made;
}

/** An image out of its own bytes, in a format of pixels. */
const PICTURE = /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/;

/** Copies a node if it is allowed; of one that is not, only its text stays. */
function admit(node, into) {
  if (node.nodeName === "IMG" && PICTURE.test(node.getAttribute("src")))
    return into.append(h("img.ak-picture", { src: node.src, alt: node.alt }));
  if (node.nodeType === Node.TEXT_NODE) into.append(node.data);
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const drawn = node.namespaceURI === SVG;
  if (!(drawn ? SHAPES : TAGS).has(node.nodeName)) return void into.append(node.textContent);
  const made = drawn ? shape(node.nodeName, {}) : h(node.nodeName);
  for (const { name, value } of node.attributes) {
    if ((drawn ? SHAPED : ATTRIBUTES).has(name) && !(drawn && /\((?!--ak-)/.test(value)))
      made.setAttribute(name, value);
  }
  const names = [...node.classList].filter((name) => /^(ak-[\w-]+|fold|raw)$/.test(name));
  if (names.length) made.setAttribute("class", names.join(" "));
  for (const child of node.childNodes) admit(child, made);
  into.append(made);
}

/** What the page itself says of a node. */
const ITS_OWN = new Set(["open", "tabindex", "aria-expanded", QUIET]);

/** Makes one node like another and keeps what the reader did to it: folds, focus, selection. */
function morph(was, now) {
  if (was.nodeName !== now.nodeName) return was.replaceWith(now);
  if (was.nodeType === Node.TEXT_NODE) return void (was.data === now.data || (was.data = now.data));
  for (const { name, value } of now.attributes)
    if (!ITS_OWN.has(name) && was.getAttribute(name) !== value) was.setAttribute(name, value);
  for (const { name } of [...was.attributes])
    if (!ITS_OWN.has(name) && !now.hasAttribute(name)) was.removeAttribute(name);
  if ("checked" in now) was.checked = now.checked;
  if (was.defaultValue !== now.defaultValue) was.value = now.value; // else a draft stays
  const old = [...was.childNodes].filter((node) => !node.akOwn);
  const fresh = [...now.childNodes];
  let last;
  fresh.forEach((node, i) => {
    if (i < old.length) return morph(old[i], node);
    last ??= [...was.childNodes].findLast((each) => !each.akOwn);
    if (last) last.after(node);
    else was.prepend(node);
    last = node;
  });
  old.slice(fresh.length).forEach((node) => node.remove());
}
