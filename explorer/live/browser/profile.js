/* The profile of a solution at one time, with the exact one and the initial condition, on one chart. */

import { ordinateTicks, sharpContext, strokeLine } from "./common/canvas.js";
import { imageCanvas, keyEntry, make } from "./common/dom.js";
import { nearestLevel } from "./maps.js";
import { niceStep } from "./common/numbers.js";
import { term } from "./common/tooltip.js";

const PROFILE_HEIGHT = 236;
const PROFILE_PAD = 0.06;
const PROFILE_MARGIN = { left: 34, right: 10, top: 6, bottom: 30 };
const PROFILE_LINES = {
  light: { exact: "#D98A00", initial: "#5B6570" },
  dark: { exact: "#E69F00", initial: "#A9B4C0" },
};
const PROFILE_LABEL = "Profile of the solution at the chosen time, with the exact one and the initial condition";

/** The chart below the title; `held` keeps its ordinate still while something is drawn on it. */
export class Profile {
  constructor(panel) {
    Object.assign(this, { panel, maps: panel.spec.maps, held: null });
    this.heading = term("", panel.spec.glossary.profile);
    this.hint = make("span", { className: "hint" });
    this.canvas = imageCanvas(PROFILE_LABEL, { className: "profile" });
    this.board = make("div", { className: "board" }, this.canvas);
    this.keys = make("div", { className: "keys" });
    const head = make("div", { className: "curve-title" }, make("h3", {}, this.heading), this.hint);
    panel.find(".curves").append(head, this.board, this.keys);
  }

  get lines() {
    return PROFILE_LINES[this.panel.theme];
  }

  drawKeys() {
    if (this.theme === this.panel.theme) return;
    this.theme = this.panel.theme;
    const { glossary } = this.panel.spec;
    const entry = (text, help, style) => keyEntry(term(text, help), { style });
    this.keys.replaceChildren(
      entry("this model", glossary["map.field"], `color:${this.panel.delivered}`),
      entry("exact", glossary["map.exact"], `color:${this.lines.exact};border-top-width:5px;opacity:.7`),
      entry("initial condition", glossary.initial, `color:${this.lines.initial};border-top-style:dashed`),
    );
  }

  /** Shows the profile nearest to `time`; `points` are control points that must be on it. Returns the level's time. */
  draw(arrays, times, time, points) {
    const { maps } = this;
    this.drawKeys();
    const level = nearestLevel(times, time);
    const exact = arrays["map.exact"];
    const curves = {
      now: columnOf(arrays["map.field"], level),
      initial: columnOf(arrays["map.field"], 0),
      exact: exact && columnOf(exact, level),
    };
    this.span = this.held ?? this.ordinateSpan(Object.values(curves), points);
    const { context, width } = sharpContext(this.canvas, PROFILE_HEIGHT, this.board.clientWidth || 400);
    const box = {
      left: PROFILE_MARGIN.left,
      right: width - PROFILE_MARGIN.right,
      top: PROFILE_MARGIN.top,
      bottom: PROFILE_HEIGHT - PROFILE_MARGIN.bottom,
    };
    this.box = box;
    this.drawAxes(context);
    this.drawCurves(context, arrays[`axis.${maps.axes[0]}`], curves);
    this.heading.textContent = `u(${maps.axes[0]}, ${maps.axes[1]} = ${times[level].toFixed(3)})`;
    return times[level];
  }

  /** Where values lie on the canvas, and which values lie there. */
  pixelX(value) {
    return this.box.left + (this.box.right - this.box.left) * value;
  }

  valueX(pixel) {
    return (pixel - this.box.left) / (this.box.right - this.box.left);
  }

  pixelY(value) {
    const { box, span } = this;
    return (
      box.bottom - ((box.bottom - box.top) * (value - span[0] + PROFILE_PAD)) / (span[1] - span[0] + 2 * PROFILE_PAD)
    );
  }

  valueY(pixel) {
    const { box, span } = this;
    return (
      span[0] - PROFILE_PAD + ((box.bottom - pixel) / (box.bottom - box.top)) * (span[1] - span[0] + 2 * PROFILE_PAD)
    );
  }

  drawCurves(context, xs, { now, initial, exact }) {
    const pixels = (ys) => Array.from(ys, (y, i) => [this.pixelX(xs[i]), this.pixelY(y)]);
    const isExactKnown = exact && !exact.some(Number.isNaN);
    strokeLine(context, pixels(initial), { style: this.lines.initial, width: 1.3, alpha: 0.9, dash: [4, 4] });
    if (isExactKnown) strokeLine(context, pixels(exact), { style: this.lines.exact, width: 6, alpha: 0.6 });
    strokeLine(context, pixels(now), { style: this.panel.delivered, width: 2 });
  }

  /** To tenths, around what was seen in training, the curves and the control points. */
  ordinateSpan(curves, points) {
    const [trainedLow, trainedHigh] = this.panel.spec.drawable[0]?.trained ?? [0, 1];
    let [low, high] = [trainedLow, trainedHigh];
    for (const values of [...curves, points]) {
      for (const value of values ?? []) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return [Math.floor(low * 10 + 0.2) / 10, Math.ceil(high * 10 - 0.2) / 10];
  }

  drawAxes(context) {
    const { panel, maps, box } = this;
    const [low, high] = this.span;
    const step = niceStep((high - low) / 4);
    Object.assign(context, { font: `11px ${panel.font}`, fillStyle: panel.ink, textBaseline: "middle" });
    const values = [];
    for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9; value += step) values.push(value);
    ordinateTicks(context, box, values, (value) => this.pixelY(value));
    context.textAlign = "center";
    for (let x = 0; x <= 1.001; x += 0.25) context.fillText(+x.toFixed(2), this.pixelX(x), box.bottom + 11);
    context.fillText(maps.axes[0], (box.left + box.right) / 2, box.bottom + 23);
    context.globalAlpha = 1;
  }
}

/** One column of a map, from the first cell on. */
function columnOf(map, column) {
  const [rows, columns] = map.shape;
  return Float32Array.from({ length: rows }, (_, row) => map[row * columns + column]);
}
