/* The lab of the inverse problem: points, push-forward and the exact answer, all computed in Python. */

import { Axes } from "../../live/browser/common/axes.js";
import { make } from "../../live/browser/common/dom.js";
import { componentOf } from "../../live/browser/common/link.js";
import { term } from "../../live/browser/common/tooltip.js";
import { Lab } from "./lab.js";

const COLOURS = {
  light: { made: "#0072B2", plan: "#C95B00", bad: "#C33C00" },
  dark: { made: "#56B4E9", plan: "#F0A830", bad: "#FF8A5C" },
};
const TALL = 252;
const SHORT = 150;
const CONTOURS = [10, 100, 300, 700, 1300, 2000];
const CONTOUR_STEPS = 90;
const COLUMNS = ["W1", "KS", "W1 x1", "W1 x2"]; // of a row of the table, by their names in the header
const W1_BAR = 5; // per cent of the standard deviation that W1 may be
const SKIPPED = 4; // first levels, where the prior's density is largest, left out of the scale

function noTick() {
  return "";
}

class InverseLab extends Lab {
  build() {
    super.build();
    this.listenToChart(this.find(".map"), (x) => {
      if (this.levelAxes) this.setFromPointer({ mean: this.levelAxes.valueX(x) });
    });
    this.settle();
  }

  /** A uniform prior has no centre and no width. */
  settle() {
    const isUniform = this.dial.prior === "uniform";
    for (const name of ["x1", "x2", "width"]) this.rows[name].element.hidden = isUniform;
  }

  get colours() {
    return COLOURS[this.theme];
  }

  repaint() {
    if (!this.frame) return;
    const { points, exact } = this.frame.arrays;
    this.drawPoints(".made canvas", points, this.colours.made);
    this.drawPoints(".true canvas", exact, this.ink);
    this.drawPushed();
    this.drawMarginal(".first canvas", 0);
    this.drawMarginal(".second canvas", 1);
    this.drawRange();
    this.showNumbers();
  }

  /** Points over the levels of M, the box of the prior, and the bounds of the target. */
  drawPoints(place, points, style) {
    const [x, y] = this.spec.edges;
    const axes = new Axes(this.find(place), { x, y, height: TALL, look: this.look, names: ["x₁", "x₂"] });
    this.drawBox(axes);
    for (const level of CONTOURS) drawLevel(axes, level, this.ink, 0.8, 0.22);
    for (const level of this.frame.header.bounds) drawLevel(axes, level, this.colours.plan, 1.4, 0.9);
    const { context } = axes;
    axes.clipped(() => {
      Object.assign(context, { fillStyle: style, globalAlpha: 0.7 });
      for (let i = 0; i < points.length; i += 2) {
        // squares, as discs take the browser longer
        context.fillRect(axes.pixelX(points[i]) - 1, axes.pixelY(points[i + 1]) - 1, 2, 2);
      }
    });
    axes.nameOrdinate();
  }

  drawBox(axes) {
    const [low, high] = this.spec.box;
    const { context } = axes;
    const [left, top] = [axes.pixelX(low[0]), axes.pixelY(high[1])];
    Object.assign(context, { strokeStyle: this.ink, globalAlpha: 0.55, lineWidth: 1 });
    context.setLineDash([4, 3]);
    context.strokeRect(left, top, axes.pixelX(high[0]) - left, axes.pixelY(low[1]) - top);
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  /** The histogram of M at the points, before correction too, and the target. */
  drawPushed() {
    const { y, target, pushed, raw } = this.frame.arrays;
    const { view } = this.frame.header;
    const most = 1.12 * Math.max(...target, ...pushed);
    const ranges = { x: view, y: [0, most], height: TALL };
    const axes = new Axes(this.find(".push canvas"), {
      ...ranges,
      look: this.look,
      names: ["y = M(x)", ""],
      tick: noTick,
    });
    drawBars(axes, pushed, view, this.colours.made + "99");
    axes.line(histogramOutline(raw, view), this.colours.plan, 1.3, [3, 2]);
    axes.line(
      Array.from(y, (value, i) => [value, target[i]]),
      this.ink,
      2,
    );
    axes.nameOrdinate();
  }

  /** The histogram of one parameter, with the exact one. */
  drawMarginal(place, index) {
    const made = this.frame.arrays[`points.x${index + 1}`];
    const exact = this.frame.arrays[`exact.x${index + 1}`];
    const range = this.spec.edges[index];
    const most = 1.15 * Math.max(...made, ...exact, 0.1);
    const names = [["x₁", "x₂"][index], ""];
    const ranges = { x: range, y: [0, most], height: SHORT };
    const axes = new Axes(this.find(place), { ...ranges, look: this.look, names, tick: noTick });
    drawBars(axes, made, range, this.colours.made + "99");
    axes.line(histogramOutline(exact, range), this.ink, 1.4);
  }

  /** The target over all levels, on an axis even in sqrt(y): how often the prior reaches them, and what was trained. */
  drawRange() {
    const { reach, wish } = this.frame.arrays;
    const { span, trained, largest } = this.spec;
    const ranges = { x: [0, span], y: [0, 1.15], height: SHORT };
    const axes = new Axes(this.find(".map"), { ...ranges, look: this.look, names: ["y", ""], tick: noTick });
    this.levelAxes = axes;
    const { context, box } = axes;
    const left = axes.pixelX(trained[0]);
    Object.assign(context, { fillStyle: this.colours.made, globalAlpha: 0.12 });
    context.fillRect(left, box.top, axes.pixelX(trained[1]) - left, box.bottom - box.top);
    context.globalAlpha = 1;
    const peak = Math.max(...reach.subarray(SKIPPED)) || 1;
    const top = Math.max(...wish) || 1;
    const over = (values, height) => Array.from(values, (value, i) => [(i * span) / (reach.length - 1), height(value)]);
    axes.line(
      over(reach, (value) => Math.sqrt(value / peak)),
      this.colours.made,
      1.6,
    );
    axes.line(
      [
        [largest, 0],
        [largest, 2],
      ],
      this.colours.bad,
      1.4,
      [4, 3],
    );
    axes.line(
      over(wish, (value) => value / top),
      this.ink,
      2,
    );
  }

  showNumbers() {
    const { table, flags } = this.frame.header;
    const state = JSON.stringify([table, flags]);
    if (state === this.numbersShown) return;
    this.numbersShown = state;
    this.find(".facts tbody").replaceChildren(...table.map((row) => this.tableRow(row)));
    this.find(".flags").replaceChildren(...flags.map((textContent) => make("li", { textContent })));
    this.element.dataset.flagged = flags.length > 0;
  }

  tableRow(row) {
    const cells = COLUMNS.map((name) => make("td", { textContent: withError(row[name]) }));
    if (row.W1) cells[0].classList.add(row.W1[0] <= W1_BAR ? "met" : "missed");
    const name = term(row.name, this.spec.glossary[`row ${row.name}`]);
    return make("tr", {}, make("th", { scope: "row" }, name), ...cells);
  }
}

/** [value, error] as a text; nothing where there is none. */
function withError(pair) {
  if (!pair) return "";
  const [value, error] = pair;
  return `${value.toFixed(value < 9.95 ? 2 : 1)} ± ${error.toFixed(2)}`;
}

/** The level y of M: its two branches are x2 = x1^2 -+ sqrt((y - (1 - x1)^2) / 100). */
function drawLevel(axes, y, style, width, alpha) {
  const half = Math.sqrt(Math.max(y, 0));
  const left = Math.max(axes.x[0], 1 - half);
  const right = Math.min(axes.x[1], 1 + half);
  const [upper, lower] = [[], []];
  for (let i = 0; i <= CONTOUR_STEPS; i++) {
    const x = left + ((right - left) * i) / CONTOUR_STEPS;
    const distance = Math.sqrt(Math.max(0, y - (1 - x) ** 2)) / 10;
    upper.push([x, x * x + distance]);
    lower.push([x, x * x - distance]);
  }
  for (const branch of [upper, lower]) axes.line(branch, style, width, [], alpha);
}

/** The bars of a histogram that is even over low..high. */
function drawBars(axes, values, [low, high], style) {
  const { context } = axes;
  const width = (high - low) / values.length;
  axes.clipped(() => {
    context.fillStyle = style;
    values.forEach((value, i) => {
      const left = axes.pixelX(low + i * width);
      const right = axes.pixelX(low + (i + 1) * width);
      context.fillRect(left, axes.pixelY(value), right - left - 0.6, axes.pixelY(0) - axes.pixelY(value));
    });
  });
}

/** The outline of a histogram as points. */
function histogramOutline(values, [low, high]) {
  const width = (high - low) / values.length;
  const corners = Array.from(values, (value, i) => [
    [low + i * width, value],
    [low + (i + 1) * width, value],
  ]);
  return corners.flat();
}

export default componentOf(InverseLab, "labOfExplorer");
