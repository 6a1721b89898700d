/* The picture of labels or values: colours, lines between labels, scale, and the label under the pointer. */

import { colourRamp, packColour } from "./common/colours.js";
import { make } from "./common/dom.js";
import { niceStep } from "./common/numbers.js";
import { term } from "./common/tooltip.js";

const LEAST_PITCH = 2.5; // below this many screen pixels per pixel, lines between labels would hide them
const BOUNDARY = "rgb(8 13 20 / .62)";

/** The picture of a sample in the panel's canvas. */
export class Picture {
  constructor(panel) {
    const { field } = panel.spec;
    Object.assign(this, { panel, field, canvas: panel.canvas, mat: panel.find(".mat") });
    this.names = field.labels.length ? field.labels : ["phase 0", "phase 1"];
    if (field.kind === "continuous") return;
    if (field.kind === "categorical") {
      this.lines = make("canvas", { className: "lines", ariaHidden: "true" });
      this.canvas.after(this.lines);
    }
    this.mat.addEventListener("pointermove", (event) => this.point(event));
    this.mat.addEventListener("pointerleave", () => this.point(null));
  }

  /** Shows these pixels: labels, or values as bytes. */
  draw(pixels) {
    const [rows, columns] = pixels.shape;
    const { panel, canvas, mat } = this;
    if (this.theme !== panel.theme) this.applyColours();
    this.pixels = pixels;
    this.paint(pixels);
    this.scale = Math.min(mat.clientWidth / columns, mat.clientHeight / rows);
    if (this.lines) this.drawBoundaries(pixels);
    this.showScale(columns);
    const size = `${columns} × ${rows} ${this.field.unit}`;
    if (this.size !== size) panel.find(".extent").textContent = this.size = size;
    const label = `${panel.spec.title}, ${columns} by ${rows} ${this.field.unit}, seed ${panel.state.seed}`;
    canvas.setAttribute("aria-label", label);
  }

  paint(pixels) {
    const [rows, columns] = pixels.shape;
    const { canvas, palette } = this;
    if (canvas.width !== columns || canvas.height !== rows) {
      Object.assign(canvas, { width: columns, height: rows });
      this.image = null;
    }
    const context = canvas.getContext("2d");
    this.image ??= context.createImageData(columns, rows);
    const words = new Uint32Array(this.image.data.buffer);
    for (let i = 0; i < pixels.length; i++) words[i] = palette[pixels[i]];
    context.putImageData(this.image, 0, 0);
  }

  showScale(columns) {
    const length = niceStep(columns / 4);
    this.panel.find(".scale i").style.width = `${length * this.scale}px`;
    this.panel.find(".scale span").textContent = `${length} ${this.field.unit}`;
  }

  /** Palette, legend and the label colours that sliders and bars share. */
  applyColours() {
    const { panel, field } = this;
    const stops = field[panel.theme];
    this.theme = panel.theme;
    const isContinuous = field.kind === "continuous";
    this.palette = isContinuous ? colourRamp(stops) : Uint32Array.from(stops, packColour);
    stops.forEach((colour, i) => panel.element.style.setProperty(`--label-${i}`, colour));
    panel.find(".legend").replaceChildren(...(isContinuous ? [this.rampLegend(stops)] : this.labelLegend(stops)));
  }

  rampLegend(stops) {
    const { field, panel } = this;
    const ramp = swatch(`linear-gradient(to right, ${stops})`, "ramp");
    const entry = make("span", {}, `${field.low} `, ramp, `${field.high}`);
    if (field.gamma !== 1) entry.append(", ", term(`power ${field.gamma}`, panel.spec.glossary.gamma));
    return entry;
  }

  labelLegend(stops) {
    const help = this.panel.spec.glossary.legend;
    return this.names.map((name, i) => make("span", {}, swatch(stops[i]), term(name, help)));
  }

  /** Lines of one screen pixel where two labels meet, in one path. */
  drawBoundaries(pixels) {
    const [rows, columns] = pixels.shape;
    const { lines, scale, mat } = this;
    const ratio = window.devicePixelRatio || 1;
    const pitch = scale * ratio;
    const width = Math.round(mat.clientWidth * ratio);
    const height = Math.round(mat.clientHeight * ratio);
    if (lines.width !== width || lines.height !== height) Object.assign(lines, { width, height });
    const context = lines.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (scale < LEAST_PITCH) return;
    const edges = (start, count) => Array.from({ length: count + 1 }, (_, i) => Math.round(start + i * pitch));
    const xs = edges((width - columns * pitch) / 2, columns);
    const ys = edges((height - rows * pitch) / 2, rows);
    context.fillStyle = BOUNDARY;
    context.beginPath();
    traceBoundaries(context, pixels, xs, ys, Math.max(1, Math.round(ratio)));
    context.fill();
  }

  /** Says where the pointer is and which label lies below it. */
  point(event) {
    const [rows, columns] = this.pixels?.shape ?? [0, 0];
    const box = this.mat.getBoundingClientRect();
    const cell = (at, start, span, count) => Math.floor((at - start - (span - count * this.scale) / 2) / this.scale);
    const x = event ? cell(event.clientX, box.left, box.width, columns) : -1;
    const y = event ? cell(event.clientY, box.top, box.height, rows) : -1;
    const isInside = x >= 0 && y >= 0 && x < columns && y < rows;
    const below = isInside ? `x ${x}, y ${y}: ${this.names[this.pixels[y * columns + x]]}` : this.size;
    this.panel.find(".extent").textContent = below;
  }
}

function swatch(background, className = "") {
  const mark = make("b", { className });
  mark.style.background = background;
  return mark;
}

/** Adds a rectangle to the path wherever a pixel differs from its upper or left neighbour. */
function traceBoundaries(context, pixels, xs, ys, width) {
  const [rows, columns] = pixels.shape;
  const half = width >> 1;
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      const [left, top] = [xs[column] - half, ys[row] - half];
      if (row && pixels[i] !== pixels[i - columns]) context.rect(left, top, xs[column + 1] - xs[column] + width, width);
      if (column && pixels[i] !== pixels[i - 1]) context.rect(left, top, width, ys[row + 1] - ys[row] + width);
    }
  }
}
