/* Elements of the page: made in one expression, with their attributes and children. */

const SVG = "http://www.w3.org/2000/svg";

/** An element with these properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Sets attributes by their names; returns the element. */
export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** An SVG element with these attributes and children. */
export function makeSvg(tag, attributes, ...children) {
  const element = setAttributes(document.createElementNS(SVG, tag), attributes);
  element.append(...children);
  return element;
}

/** A canvas that is read out as an image with this label. */
export function imageCanvas(label, properties = {}) {
  return setAttributes(make("canvas", properties), { role: "img", "aria-label": label });
}

/** A button with these properties that runs `action` when it is pressed. */
export function makeButton(properties, action) {
  const button = make("button", { type: "button", ...properties });
  button.addEventListener("click", action);
  return button;
}

/** One entry of a chart's key: a mark with this style or class, and its text. */
export function keyEntry(text, { style = "", className = "" }) {
  const mark = make("b", className ? { className } : {});
  if (style) mark.style.cssText = style;
  return make("span", {}, mark, text);
}

/** Sets the text of an element where it differs, so that nothing is laid out again for nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Runs `action` when a pointer is lifted from the element, or taken from it. */
export function onPointerEnd(element, action) {
  for (const type of ["pointerup", "pointercancel"]) element.addEventListener(type, action);
}
