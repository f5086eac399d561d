// Makes elements, and makes what is shown like what should be shown, in place: focus, selection and scroll stay.
// Text becomes text nodes and attributes, never markup.

const HANDLERS = ["onclick", "oninput", "onchange", "onsubmit", "onkeydown", "ontoggle", "oncancel"];
const SVG = "http://www.w3.org/2000/svg";

/** An element: `key` tells siblings apart, `vars` are custom properties, `on…` are handlers, the rest are attributes. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** An element of a drawing. */
export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element[name] = value;
    else if (name === "key") element.dataset.key = value;
    else if (name === "vars") {
      for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
    } else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(element, child);
    else element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Makes the children of `element` like these. */
export function show(element, ...children) {
  const wanted = document.createElement(element.tagName);
  add(wanted, children);
  const focused = document.activeElement;
  morphChildren(element, wanted);
  // A row that changed its place has lost it.
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

function morph(old, wanted) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  morphAttributes(old, wanted);
  if (old.nodeName === "INPUT") morphInput(old, wanted);
  for (const handler of HANDLERS) if (old[handler] !== wanted[handler]) old[handler] = wanted[handler];
  // What looks after itself: a plot, an input's choices while somebody chooses.
  if (!old.hasAttribute("data-own")) morphChildren(old, wanted);
}

function morphAttributes(old, wanted) {
  for (const { name } of [...old.attributes]) {
    const isTheirs = name === "style" || (name === "open" && old.matches("details, dialog"));
    if (!isTheirs && !wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (!old.hasAttribute("data-own") && old.style.cssText !== wanted.style.cssText) {
    old.style.cssText = wanted.style.cssText;
  }
}

// Once somebody has touched an input, its attributes say nothing of what it shows. Nobody's typing is taken away.
function morphInput(old, wanted) {
  if (old.checked !== wanted.checked) old.checked = wanted.checked;
  const isTyped = old === document.activeElement && old.matches("[type=search], [type=number], [type=password]");
  if (!isTyped && wanted.hasAttribute("value") && old.value !== wanted.value) old.value = wanted.value;
}

const keyOf = (node) => node.dataset?.key;

const fits = (old, wanted) =>
  old.nodeType === wanted.nodeType && old.nodeName === wanted.nodeName && keyOf(old) === keyOf(wanted);

function morphChildren(old, wanted) {
  const keyed = new Map();
  for (const child of old.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let at = old.firstChild;
  for (const child of [...wanted.childNodes]) {
    const known = keyOf(child) ? keyed.get(keyOf(child)) : at;
    if (known && fits(known, child)) {
      if (known === at) at = at.nextSibling;
      else old.insertBefore(known, at);
      morph(known, child);
    } else {
      old.insertBefore(child, at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}
