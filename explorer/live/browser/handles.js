/* Shapes on the picture: the outlines of the request, moved and resized by pointer, finger or keys.
 *
 * Coordinates are pixels from the centre of the top left one. */

import { makeSvg, onPointerEnd, setAttributes } from "./common/dom.js";
import { clamp, show } from "./common/numbers.js";
import { explain } from "./common/tooltip.js";

const HANDLE_KNOB = 5.5; // screen pixels
const HANDLE_CROSS = 4; // screen pixels
const HANDLE_KEYS = {
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowUp: [0, -1, 0],
  ArrowDown: [0, 1, 0],
  "+": [0, 0, 1],
  "=": [0, 0, 1],
  "-": [0, 0, -1],
  PageUp: [0, 0, 5],
  PageDown: [0, 0, -5],
};

/** The outlines over the picture; each stands for three conditions: x, y and a size. */
export class Handles {
  constructor(panel) {
    this.panel = panel;
    this.shapes = panel.spec.handles.map((description) => this.buildShape(description));
    const groups = this.shapes.map((shape) => shape.group);
    const attributes = { class: "handles", role: "group", "aria-label": "Requested shapes" };
    this.layer = makeSvg("svg", attributes, ...groups);
    panel.find(".mat").append(this.layer);
  }

  buildShape(description) {
    const tag = description.outline === "circle" ? "circle" : "rect";
    const outlines = ["body", "halo", "line", "rim"].map((name) => makeSvg(tag, { class: name }));
    const knob = makeSvg("circle", { class: "knob" });
    const crosses = ["halo cross", "line cross"].map((name) => makeSvg("path", { class: name }));
    const attributes = { class: "handle", tabindex: 0, role: "slider", "aria-label": description.label };
    const group = makeSvg("g", attributes, ...outlines, ...crosses, knob);
    const names = [description.x, description.y, description.size];
    const rows = names.map((name) => this.panel.rows[`conditions-${name}`]);
    const shape = { description, group, outlines, crosses, knob, rows };
    this.listen(shape);
    return shape;
  }

  listen(shape) {
    const { group } = shape;
    group.addEventListener("pointerdown", (event) => this.grab(shape, event));
    group.addEventListener("pointermove", (event) => this.drag(shape, event));
    onPointerEnd(group, () => {
      if (!this.held) return;
      this.held = null;
      this.panel.release();
    });
    // the finger moves the shape, not the page
    group.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    group.addEventListener("keydown", (event) => this.key(shape, event));
    group.addEventListener("wheel", (event) => this.wheel(shape, event), { passive: false });
  }

  /** Radius or half side in pixels, of what the condition says. */
  extentOf({ description }, size) {
    if (description.measure === "radius") return size;
    return description.outline === "circle" ? Math.sqrt(size / Math.PI) : Math.sqrt(size) / 2;
  }

  /** What the condition says, of radius or half side in pixels. */
  sizeOf({ description }, extent) {
    if (description.measure === "radius") return extent;
    return description.outline === "circle" ? Math.PI * extent ** 2 : 4 * extent ** 2;
  }

  /** Centre and extent of a shape as they are requested. */
  requested(shape) {
    const [x, y, size] = shape.rows.map((row) => this.panel.get(row));
    return [x, y, this.extentOf(shape, size)];
  }

  /** Moves a shape to this centre and extent, within the ranges of its conditions and to their steps. */
  move(shape, [x, y, extent]) {
    [x, y, this.sizeOf(shape, Math.max(0, extent))].forEach((value, i) => {
      const row = shape.rows[i];
      const { low, high, step } = row.quantity;
      this.panel.set(row, clamp(+(Math.round(value / step) * step).toFixed(6), low, high));
    });
    this.panel.ask();
  }

  /** Where an event lies on the picture. */
  pointOf(event) {
    const toPicture = this.layer.getScreenCTM().inverse();
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(toPicture);
    return [x, y];
  }

  /** How far a point lies from the centre, in the norm whose unit ball has the shape. */
  distance({ description }, [x, y], [centreX, centreY]) {
    const [dx, dy] = [x - centreX, y - centreY];
    return description.outline === "circle" ? Math.hypot(dx, dy) : Math.max(Math.abs(dx), Math.abs(dy));
  }

  grab(shape, event) {
    if (event.button) return;
    event.preventDefault();
    this.layer.append(shape.group); // what was moved below another can be picked up again
    shape.group.focus({ preventScroll: true });
    shape.group.setPointerCapture(event.pointerId);
    const start = this.requested(shape);
    const point = this.pointOf(event);
    const isRim = event.target.matches(".rim, .knob");
    const slack = isRim ? start[2] - this.distance(shape, point, start) : null;
    this.held = { pointer: event.pointerId, start, point, slack };
  }

  drag(shape, event) {
    if (this.held?.pointer !== event.pointerId) return;
    const { start, point, slack } = this.held;
    const now = this.pointOf(event);
    if (slack !== null) this.move(shape, [start[0], start[1], this.distance(shape, now, start) + slack]);
    else this.move(shape, [start[0] + now[0] - point[0], start[1] + now[1] - point[1], start[2]]);
  }

  key(shape, event) {
    const change = HANDLE_KEYS[event.key];
    if (!change || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const factor = event.shiftKey && event.key.startsWith("Arrow") ? 5 : 1;
    const moved = this.requested(shape).map((value, i) => value + factor * change[i]);
    this.move(shape, moved);
    this.panel.release();
  }

  /** The wheel resizes a shape that was chosen before; else the page scrolls. */
  wheel(shape, event) {
    if (this.panel.root.activeElement !== shape.group) return;
    event.preventDefault();
    const [x, y, extent] = this.requested(shape);
    this.move(shape, [x, y, extent - Math.sign(event.deltaY) * 0.5]);
    this.panel.release();
  }

  /** The layer covers a picture of this many pixels, each `scale` wide on the screen. */
  fit(rows, columns, scale) {
    const view = `-0.5 -0.5 ${columns} ${rows}`;
    if (this.view !== view) this.layer.setAttribute("viewBox", (this.view = view));
    Object.assign(this, { columns, scale });
    this.place();
  }

  /** Every outline stands where its conditions say. */
  place() {
    for (const shape of this.shapes) {
      this.placeOutline(shape);
      this.describe(shape);
    }
  }

  placeOutline(shape) {
    const { description, outlines, crosses, knob } = shape;
    const [x, y, extent] = this.requested(shape);
    const scale = this.scale || 4;
    const arm = HANDLE_CROSS / scale;
    const side = 2 * extent;
    const circle = { cx: x, cy: y, r: extent };
    const square = { x: x - extent, y: y - extent, width: side, height: side };
    for (const outline of outlines) setAttributes(outline, description.outline === "circle" ? circle : square);
    const path = `M${x - arm} ${y}h${2 * arm}M${x} ${y - arm}v${2 * arm}`;
    for (const cross of crosses) cross.setAttribute("d", path);
    const toLeft = x + extent > (this.columns ?? 1e9) - 2;
    setAttributes(knob, { cx: x + (toLeft ? -extent : extent), cy: y, r: HANDLE_KNOB / scale });
  }

  describe({ description, group, rows }) {
    const [x, y, size] = rows.map((row) => show(this.panel.get(row), row.quantity.step));
    const text = `centre ${x}, ${y}; ${description.measure} ${size} ${rows[2].quantity.unit}`;
    setAttributes(group, { "aria-valuenow": size, "aria-valuetext": text });
    const name = `${description.label[0].toUpperCase()}${description.label.slice(1)}`;
    explain(group, `${name}: ${text}. Drag it, or its rim to resize; arrow keys move, + and − resize.`);
  }
}
