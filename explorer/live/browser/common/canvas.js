/* Canvases that are sharp on any screen, and the page's theme. */

import { make } from "./dom.js";

/** Ink, paper, font and `light` or `dark` as the page shows them, on the element's dataset too; `probe` is some text of
 *  it. */
export function readTheme(element, probe) {
  const style = getComputedStyle(element);
  const paper = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
  const theme = isDark(paper) ? "dark" : "light";
  element.dataset.theme = theme;
  return { ink: getComputedStyle(probe).color, paper, font: style.fontFamily, theme };
}

function isDark(colour) {
  const context = make("canvas", { width: 1, height: 1 }).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return 0.3 * red + 0.59 * green + 0.11 * blue < 128;
}

/** The empty context of a canvas of this height whose unit is the page's pixel, and the width it has in the page. */
export function sharpContext(canvas, height, width = canvas.clientWidth || 300) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width };
}

/** Strokes a line through [x, y] points of the page's pixels, then leaves the context without dash. */
export function strokeLine(context, points, { style, width, dash = [], alpha = 1 }) {
  context.beginPath();
  Object.assign(context, { strokeStyle: style, lineWidth: width, lineJoin: "round", globalAlpha: alpha });
  context.setLineDash(dash);
  for (const [x, y] of points) context.lineTo(x, y);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

/** Grid lines with their numbers at the left of a box; `pixelY` says where a value lies. */
export function ordinateTicks(context, box, values, pixelY, gap = 6) {
  context.textAlign = "right";
  for (const value of values) {
    context.globalAlpha = 0.14;
    context.fillRect(box.left, pixelY(value), box.right - box.left, 1);
    context.globalAlpha = 0.8;
    context.fillText(+value.toFixed(6), box.left - gap, pixelY(value));
  }
}
