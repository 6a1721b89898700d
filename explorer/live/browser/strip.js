/* A curve that has no chart of its own, as bars below another one's: how strictly each stretch of that one is held. */

import { make, makeButton, onPointerEnd } from "./common/dom.js";
import { clamp, indexOfSmallest } from "./common/numbers.js";
import { KEY_STEPS, makeSlider } from "./pull.js";
import { term } from "./common/tooltip.js";

const STRIP_HEIGHT = 32; // screen pixels
const KEY_FACTOR = 25; // weights run from 0 to 100 or so, the steps of the keys are for 0 to 1

/** The bars of one quantity, above the key of its chart. */
export class WeightStrip {
  constructor(panel, quantity, keys) {
    Object.assign(this, { panel, quantity, held: null });
    this.bars = quantity.stroke.knots.map((_, i) => this.bar(i));
    this.even = makeButton({ className: "back", textContent: "Equal weights" }, () => {
      delete panel.state.drawn[quantity.name];
      panel.release(true);
    });
    this.element = make("div", { className: "strip" }, ...this.bars);
    this.element.style.height = `${STRIP_HEIGHT}px`;
    const hint = make("span", { className: "hint" }, term(quantity.label, quantity.help), ": drag the bars");
    keys.before(make("div", { className: "curve-title" }, hint, this.even), this.element);
    this.element.addEventListener("pointerdown", (event) => this.grab(event));
    this.element.addEventListener("pointermove", (event) => this.drag(event));
    onPointerEnd(this.element, () => this.drop());
  }

  bar(i) {
    const { knots, low, high } = this.quantity.stroke;
    const label = `${this.quantity.label} at ${knots[i]} ${this.panel.spec.field.unit}`;
    const properties = { className: "bar", ariaLabel: label, ariaValueMin: low, ariaValueMax: high };
    return makeSlider(properties, KEY_STEPS, (change) => {
      this.lift(i, this.points[i] + KEY_FACTOR * change);
      this.panel.release(true);
    });
  }

  get points() {
    const { name, stroke } = this.quantity;
    return this.panel.state.drawn[name] ?? stroke.knots.map(() => stroke.start);
  }

  lift(i, value) {
    const { low, high } = this.quantity.stroke;
    const points = [...this.points];
    points[i] = +clamp(value, low, high).toFixed(2);
    this.panel.state.drawn[this.quantity.name] = points;
    this.draw();
  }

  grab(event) {
    if (event.button) return;
    const x = event.clientX - this.element.getBoundingClientRect().left;
    const { knots } = this.quantity.stroke;
    this.held = indexOfSmallest(knots.map((knot) => Math.abs(this.chart.pixelX(knot) - x)));
    this.element.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.drag(event);
  }

  drag(event) {
    if (this.held === null) return;
    const box = this.element.getBoundingClientRect();
    this.lift(this.held, (this.quantity.stroke.high * (box.bottom - event.clientY)) / STRIP_HEIGHT);
    this.panel.ask();
  }

  drop() {
    if (this.held === null) return;
    this.held = null;
    this.panel.release();
  }

  /** The bars stand at their distances on the chart above. */
  draw(chart = this.chart) {
    this.chart = chart;
    const { knots, high } = this.quantity.stroke;
    this.bars.forEach((bar, i) => {
      bar.style.left = `${chart.pixelX(knots[i])}px`;
      bar.style.height = `${Math.max(2, (STRIP_HEIGHT * this.points[i]) / high)}px`;
      bar.ariaValueNow = this.points[i];
    });
    this.even.hidden = !(this.quantity.name in this.panel.state.drawn);
  }
}
