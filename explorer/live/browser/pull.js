/* A requested curve that is pulled on its own chart: control points at fixed distances, values in the scale of the
 * request. */

import { make, makeButton, onPointerEnd } from "./common/dom.js";
import { clamp, figures, indexOfSmallest, interpolate, show } from "./common/numbers.js";
import { disableRow } from "./controls.js";

/** How far an arrow key lifts a control point, in its range of 0 to 1. */
export const KEY_STEPS = {
  ArrowUp: 0.02,
  ArrowRight: 0.02,
  ArrowDown: -0.02,
  ArrowLeft: -0.02,
  PageUp: 0.1,
  PageDown: -0.1,
};

/** A focusable handle for one value, moved by keys; `lift(change)` is called with the step of the key. */
export function makeSlider(properties, keySteps, lift) {
  const slider = make("div", { tabIndex: 0, role: "slider", ariaOrientation: "vertical", ...properties });
  slider.addEventListener("keydown", (event) => {
    const change = keySteps[event.key];
    if (!change) return;
    event.preventDefault();
    lift(change);
  });
  return slider;
}

/** The control points over a chart, and the way back to the slider that the curve replaces. */
export class PullableCurve {
  constructor(panel, quantity, canvas, title) {
    Object.assign(this, { panel, quantity, canvas, held: null });
    const board = make("div", { className: "board" });
    canvas.replaceWith(board);
    canvas.classList.add("profile");
    this.knobs = quantity.stroke.knots.map((_, i) => this.knob(i));
    board.append(canvas, ...this.knobs);
    this.hint = make("span", { className: "hint", textContent: "drag its points" });
    this.back = this.backButton();
    title.append(this.hint, this.back);
    this.row = panel.rows[`conditions-${quantity.replaces}`];
    canvas.addEventListener("pointerdown", (event) => this.grab(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    onPointerEnd(canvas, () => this.drop());
  }

  backButton() {
    const { panel, quantity } = this;
    const replaced = panel.spec.conditions.find(({ name }) => name === quantity.replaces);
    const textContent = `Back to ${(replaced?.label ?? "the slider").toLowerCase()}`;
    return makeButton({ className: "back", textContent }, () => {
      this.leave();
      panel.release(true);
    });
  }

  knob(i) {
    const { knots, low, high } = this.quantity.stroke;
    const label = `${this.quantity.label} at ${knots[i]} ${this.panel.spec.field.unit}`;
    const properties = { className: "knob", ariaLabel: label, ariaValueMin: low, ariaValueMax: high };
    return makeSlider(properties, KEY_STEPS, (change) => {
      this.lift(i, (this.points ?? this.followedPoints())[i] + change);
      this.panel.release(true);
    });
  }

  /** The control points of a curve that was pulled. */
  get points() {
    return this.panel.state.drawn[this.quantity.name];
  }

  /** [value at 0, height] of the request's scale. */
  get scale() {
    return this.panel.frame.header.scales[this.quantity.name];
  }

  /** Whether a curve replaces the slider. */
  get isActive() {
    const { name } = this.quantity;
    return name in this.panel.state.drawn || name in this.panel.state.conditions;
  }

  /** The points that follow the curve that is requested now. */
  followedPoints() {
    const { arrays } = this.panel.frame;
    const { name, stroke } = this.quantity;
    const [zero, height] = this.scale;
    const xs = arrays[`asked_at.${name}`];
    const ys = arrays[`asked.${name}`];
    const point = (x) => clamp((interpolate(xs, ys, x) - zero) / height, stroke.low, stroke.high);
    return stroke.knots.map((x) => +point(x).toFixed(4));
  }

  leave() {
    for (const group of [this.panel.state.drawn, this.panel.state.conditions]) delete group[this.quantity.name];
  }

  lift(i, value) {
    const { low, high } = this.quantity.stroke;
    const points = this.points ?? this.followedPoints();
    this.leave();
    points[i] = +clamp(value, low, high).toFixed(4);
    this.panel.state.drawn[this.quantity.name] = points;
    this.place();
  }

  grab(event) {
    if (event.button || !this.chart) return;
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    const { knots } = this.quantity.stroke;
    this.held = indexOfSmallest(knots.map((knot) => Math.abs(this.chart.pixelX(knot) - x)));
    this.span = this.chart.span; // the axis holds still while a point moves
    this.canvas.setPointerCapture(event.pointerId);
    this.knobs[this.held].focus({ preventScroll: true });
    event.preventDefault();
    this.drag(event);
  }

  drag(event) {
    if (this.held === null) return;
    const [zero, height] = this.scale;
    const y = event.clientY - this.canvas.getBoundingClientRect().top;
    this.lift(this.held, (this.chart.valueY(y) - zero) / height);
    this.panel.ask();
  }

  drop() {
    if (this.held === null) return;
    this.held = this.span = null;
    this.panel.release();
    this.panel.repaint();
  }

  /** Points, button and slider show what is requested; `chart` says where values lie. */
  place(chart = this.chart) {
    this.chart = chart;
    const points = this.points ?? this.followedPoints();
    this.knobs.forEach((knob, i) => this.placeKnob(knob, this.quantity.stroke.knots[i], points[i]));
    this.back.hidden = !this.isActive;
    this.hint.hidden = this.isActive;
    if (this.row) this.syncReplacedRow();
  }

  placeKnob(knob, x, point) {
    const [zero, height] = this.scale;
    const value = zero + height * point;
    knob.style.left = `${this.chart.pixelX(x)}px`;
    knob.style.top = `${this.chart.pixelY(value)}px`;
    knob.classList.toggle("loose", !this.points);
    knob.ariaValueNow = point;
    knob.setAttribute("aria-valuetext", figures(value));
  }

  syncReplacedRow() {
    const { row, isActive } = this;
    disableRow(row, isActive);
    row.element.classList.toggle("off", isActive);
    const implied = this.panel.frame.header.requested[this.quantity.replaces];
    if (!isActive || implied === undefined) return;
    row.range.value = implied;
    row.value.value = show(implied, row.quantity.step);
  }
}
