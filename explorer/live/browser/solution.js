/* The panel of a solved problem: maps of the field, the profile at one time, and an initial condition drawn by hand. */

import { disableRow, sliderRow } from "./controls.js";
import { make, makeButton } from "./common/dom.js";
import { Maps } from "./maps.js";
import { clamp } from "./common/numbers.js";
import { Profile } from "./profile.js";
import { makeSlider } from "./pull.js";
import { explain, term } from "./common/tooltip.js";

const POINT_KEY_STEPS = {
  ArrowUp: 0.02,
  ArrowRight: 0.02,
  ArrowDown: -0.02,
  ArrowLeft: -0.02,
  PageUp: 0.2,
  PageDown: -0.2,
};
const TIME_STEP = 0.005;

/** Maps and profile instead of a picture; the first drawable quantity is the initial condition. */
export class Solution {
  constructor(panel) {
    const { maps, drawable } = panel.spec;
    Object.assign(this, { panel, spec: maps, quantity: drawable[0], knobs: [] });
    panel.element.classList.add("solution");
    this.maps = new Maps(panel, (time) => {
      panel.set(this.timeRow, time);
      this.scrub();
    });
    this.profile = new Profile(panel);
    this.buildControls();
    if (this.quantity) {
      this.buildDrawingControls();
      this.listenToDrawing();
    }
  }

  /** Shows another time of the same frame. */
  scrub() {
    this.panel.repaint();
    this.panel.canvas.dataset.seq = ++this.panel.seq;
  }

  buildControls() {
    const { panel, spec } = this;
    const name = spec.axes[1];
    const bounds = { low: 0, high: spec.end, step: TIME_STEP, default: spec.cut };
    const names = { name, label: "Time of the profile", symbol: name, unit: "", kind: "scalar" };
    const help = "The time at which the profile is shown; a drag on a map sets it too.";
    panel.find(".conditions").append(sliderRow(panel, "at", { ...names, ...bounds, help }));
    this.timeRow = panel.rows[`at-${name}`];
    panel.find(".pair").hidden = true; // nothing here is random
    panel.find(".foot").hidden = !panel.spec.projection && !panel.spec.stages.length;
    this.comparison = make("p", { className: "plain" });
    panel.find(".dials").append(this.comparison);
  }

  buildDrawingControls() {
    const { panel, quantity } = this;
    const replaced = panel.spec.conditions.find(({ name }) => name === quantity.replaces);
    const mode = (textContent, choose) =>
      makeButton({ textContent }, () => {
        choose();
        panel.release(true);
      });
    this.modes = [
      mode(replaced?.label ?? "Slider", () => this.stopDrawing()),
      mode("Draw your own", () => this.startDrawing()),
    ];
    const heading = make("h3", {}, term(quantity.label, quantity.help));
    const modes = make("div", { className: "modes", role: "group", ariaLabel: quantity.label }, ...this.modes);
    panel.find(".conditions").prepend(make("div", { className: "start" }, heading, modes));
    const presets = quantity.presets.map((preset) =>
      makeButton({ textContent: preset.label }, () => this.drawPreset(preset)),
    );
    const group = { className: "presets", role: "group", ariaLabel: "Drawings to start from" };
    panel.find(".conditions").append(make("div", group, ...presets), this.smoothBox());
  }

  smoothBox() {
    const { panel } = this;
    this.smooth = make("input", { type: "checkbox", checked: panel.state.smooth });
    this.smooth.addEventListener("change", () => {
      panel.state.smooth = this.smooth.checked;
      panel.release(true);
    });
    this.smoothLabel = make("label", { className: "smooth" }, this.smooth, "Join smoothly (else steps)");
    return explain(this.smoothLabel, panel.spec.glossary.smooth);
  }

  listenToDrawing() {
    const { canvas } = this.profile;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.profile.held = this.profile.span;
      this.last = null;
      if (!this.points) this.startDrawing();
      this.drawTo(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) this.drawTo(event);
    });
    canvas.addEventListener("pointerup", () => {
      this.profile.held = null;
      this.panel.release();
    });
  }

  /** The control points that were drawn. */
  get points() {
    return this.quantity && this.panel.state.drawn[this.quantity.name];
  }

  set points(points) {
    this.panel.state.drawn[this.quantity.name] = points;
  }

  /** Puts the control points on the curve of the screen. */
  startDrawing() {
    if (this.points) return;
    const { points: count, low, high } = this.quantity;
    const field = this.panel.frame.arrays["map.field"];
    const [rows, columns] = field.shape;
    const initial = (i) => field[Math.min(rows - 1, Math.floor(((i + 0.5) * rows) / count)) * columns];
    this.points = Array.from({ length: count }, (_, i) => +clamp(initial(i), low, high).toFixed(3));
  }

  stopDrawing() {
    delete this.panel.state.drawn[this.quantity.name];
  }

  /** A preset without points is drawn at random. */
  drawPreset({ points, smooth }) {
    const { points: count, low, high, trained } = this.quantity;
    const [start, end] = trained ?? [low, high];
    const random = () => +(start + (end - start) * Math.random()).toFixed(3);
    this.points = points ? [...points] : Array.from({ length: count }, random);
    this.smooth.checked = this.panel.state.smooth = smooth;
    this.panel.release(true);
  }

  /** The pointer lifts the control point below it, and those it passed over. */
  drawTo(event) {
    const box = this.profile.canvas.getBoundingClientRect();
    const count = this.points.length;
    const index = clamp(Math.floor(this.profile.valueX(event.clientX - box.left) * count), 0, count - 1);
    const value = this.profile.valueY(event.clientY - box.top);
    const from = this.last ?? { index, value };
    const passed = Math.abs(index - from.index);
    for (let k = 0; k <= passed; k++) {
      const between = from.value + ((value - from.value) * k) / (passed || 1);
      this.lift(from.index + Math.sign(index - from.index) * k, between);
    }
    this.last = { index, value };
    this.panel.ask();
  }

  lift(i, value) {
    this.points[i] = +clamp(value, this.quantity.low, this.quantity.high).toFixed(3);
    this.placeKnobs();
  }

  /** One focusable handle per control point; arrow keys move it. */
  buildKnob(i) {
    const { low, high } = this.quantity;
    const properties = {
      className: "knob",
      ariaLabel: `Control point ${i + 1}`,
      ariaValueMin: low,
      ariaValueMax: high,
    };
    const knob = makeSlider(properties, POINT_KEY_STEPS, (change) => {
      this.lift(i, this.points[i] + change);
      this.panel.release(true);
    });
    this.profile.board.append(knob);
    return knob;
  }

  /** The handles stand on their control points. */
  placeKnobs() {
    const points = this.points ?? [];
    while (this.knobs.length < points.length) this.knobs.push(this.buildKnob(this.knobs.length));
    this.knobs.forEach((knob, i) => {
      knob.hidden = i >= points.length;
      if (knob.hidden) return;
      knob.style.left = `${this.profile.pixelX((i + 0.5) / points.length)}px`;
      knob.style.top = `${this.profile.pixelY(points[i])}px`;
      knob.ariaValueNow = points[i];
    });
  }

  repaint(arrays) {
    const times = arrays[`axis.${this.spec.axes[1]}`];
    this.maps.draw(arrays, times);
    this.maps.markTime(this.profile.draw(arrays, times, this.panel.get(this.timeRow), this.points));
    this.placeKnobs();
    this.syncDrawingControls();
    this.compareTimes(this.panel.frame.header.times);
  }

  syncDrawingControls() {
    const { panel, quantity, profile } = this;
    if (!quantity) return;
    const isDrawn = !!this.points;
    profile.hint.textContent = isDrawn ? "drag the points, or draw" : "draw your own initial condition";
    this.modes.forEach((button, i) => {
      button.ariaPressed = String(isDrawn === !!i);
    });
    this.smoothLabel.hidden = !isDrawn;
    const row = panel.rows[`conditions-${quantity.replaces}`];
    if (!row) return;
    disableRow(row, isDrawn);
    row.element.classList.toggle("off", isDrawn);
  }

  /** Which is faster here, said plainly. */
  compareTimes(times) {
    if (!times?.length || !this.spec.reference) return;
    const ours = times[0][1];
    const exact = times.find(([label]) => label === this.spec.reference)?.[1];
    if (exact === undefined) return;
    const faster = exact <= ours ? "A good solver is faster than the network here; what" : "What";
    const both = `Network ${ours.toFixed(1)} ms, exact solution ${exact.toFixed(1)} ms.`;
    this.comparison.textContent = `${both} ${faster} the network adds stands below.`;
  }
}
