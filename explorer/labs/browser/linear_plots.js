/* The plots of the linear game: phase portraits, eigenvalues, distances, and every coordinate. */

import { Axes } from "../../live/browser/common/axes.js";
import { sharpContext } from "../../live/browser/common/canvas.js";
import { setText } from "../../live/browser/common/dom.js";
import { clamp, subscript, superscript } from "../../live/browser/common/numbers.js";

/** Height of every plot, in screen pixels. */
export const PLOT_HEIGHT = 214;
const TRAIL = 60; // steps that have dots
const ARROWS = 11; // across a portrait
const LOG_RANGE = 14; // decades up and down at most
const LARGEST_THETA = 1.7;
const EDGE_THETA = 1.62; // beyond, the dot stands at the edge, hollow

/** theta against psi of one coordinate: the field of the game, the whole orbit, what was played of it, and where it
 *  should end. */
export function drawPortrait(lab, name) {
  const figure = lab.find(`.${name}`);
  const canvas = figure.querySelector("canvas");
  const block = lab.block(name);
  figure.classList.toggle("absent", !block);
  const number = block ? ` ${lab.coordinate(block) + 1}` : "s: none";
  setText(figure.querySelector("b"), `${name === "free" ? "Free" : "Motif"} coordinate${number}`);
  if (!block) {
    sharpContext(canvas, PLOT_HEIGHT);
    return;
  }
  const index = lab.coordinate(block);
  const { nash } = lab.frame.header;
  const star = [nash.theta[index], nash.psi[index]];
  const axes = portraitAxes(lab, canvas, star, index);
  drawFlow(axes, block.field, star, lab.ink);
  drawOrbit(lab, axes, index, lab.colours[name]);
  if (block.shift) drawCross(axes, [star[0], star[1] * (1 + block.shift)], lab.ink);
  drawPlaces(lab, axes, index, star, lab.colours[name]);
  axes.nameOrdinate();
  const [theta, psi] = pointAt(lab, lab.step, index);
  Object.assign(canvas.dataset, { coordinate: index, theta, psi });
}

function portraitAxes(lab, canvas, star, index) {
  const reach = 1.5 * Math.max(0.4, Math.hypot(...star));
  const around = (value) => [value - reach, value + reach];
  const names = [`θ${subscript(index + 1)}`, `ψ${subscript(index + 1)}`];
  const ranges = { x: around(star[0]), y: around(star[1]), height: PLOT_HEIGHT, square: true };
  return new Axes(canvas, { ...ranges, look: lab.look, names });
}

function pointAt(lab, step, index) {
  return [lab.value("theta", step, index), lab.value("psi", step, index)];
}

function drawOrbit(lab, axes, index, colour) {
  const { step } = lab;
  const points = Array.from({ length: lab.stepCount + 1 }, (_, t) => pointAt(lab, t, index));
  axes.line(points, colour, 1, [], 0.35);
  axes.line(points.slice(0, step + 1), colour, 1.8);
  axes.dots(points.slice(Math.max(0, step - TRAIL), step), 1.7, colour);
}

/** The start, the equilibrium, and where the game is now. */
function drawPlaces(lab, axes, index, star, colour) {
  axes.dot(...pointAt(lab, 0, index), 3.2, lab.paper, lab.ink);
  axes.dot(...star, 5, null, lab.ink);
  axes.dot(...star, 1.6, lab.ink);
  axes.dot(...pointAt(lab, lab.step, index), 4.6, colour, lab.paper);
}

/** Arrows along -A z: where the gradients point, whatever the scheme. */
function drawFlow(axes, field, star, style) {
  const { context, box } = axes;
  const [width, height] = [box.right - box.left, box.bottom - box.top];
  const rows = Math.round((ARROWS * height) / width);
  axes.clipped(() => {
    Object.assign(context, { strokeStyle: style, globalAlpha: 0.22, lineWidth: 1 });
    context.beginPath();
    for (let column = 0; column < ARROWS; column++) {
      for (let row = 0; row < rows; row++) {
        const x = box.left + ((column + 0.5) * width) / ARROWS;
        const y = box.top + ((row + 0.5) * height) / rows;
        const offset = [axes.valueX(x) - star[0], axes.valueY(y) - star[1]];
        traceArrow(context, x, y, velocity(field, offset));
      }
    }
    context.stroke();
  });
}

/** -A z for the field A of a block; a block that the critic does not see moves along theta only. */
function velocity(field, offset) {
  if (field.length === 1) return [-field[0][0] * offset[0], 0];
  return field.map((row) => -(row[0] * offset[0] + row[1] * offset[1]));
}

function traceArrow(context, x, y, vector) {
  const size = Math.hypot(...vector);
  const length = size ? (9 * size) / (size + 0.5) : 0;
  const [dx, dy] = size ? [(vector[0] / size) * length, (-vector[1] / size) * length] : [0, 0];
  context.moveTo(x - dx, y - dy);
  context.lineTo(x + dx, y + dy);
  if (length <= 2) return;
  context.lineTo(x + dx * 0.4 - dy * 0.35, y + dy * 0.4 + dx * 0.35);
  context.moveTo(x + dx, y + dy);
  context.lineTo(x + dx * 0.4 + dy * 0.35, y + dy * 0.4 - dx * 0.35);
}

function drawCross(axes, point, style) {
  const { context } = axes;
  const [x, y] = [axes.pixelX(point[0]), axes.pixelY(point[1])];
  axes.clipped(() => {
    Object.assign(context, { strokeStyle: style, lineWidth: 1.8 });
    context.beginPath();
    context.moveTo(x - 5, y - 5);
    context.lineTo(x + 5, y + 5);
    context.moveTo(x + 5, y - 5);
    context.lineTo(x - 5, y + 5);
    context.stroke();
  });
}

/** Eigenvalues of a step in the complex plane, and their path as eta runs over its range. */
export function drawSpectrum(lab) {
  const { blocks } = lab.frame.header;
  const sizes = blocks.flatMap(({ eigenvalues }) => eigenvalues).map(([x, y]) => Math.hypot(x, y));
  const reach = Math.max(1.25, 1.12 * Math.max(...sizes));
  const ranges = { x: [-reach, reach], y: [-reach, reach], height: PLOT_HEIGHT, square: true };
  const axes = new Axes(lab.find(".spectrum canvas"), { ...ranges, look: lab.look, names: ["Re λ", "Im λ"] });
  const angle = (k) => (k * Math.PI) / 64;
  const circle = Array.from({ length: 129 }, (_, k) => [Math.cos(angle(k)), Math.sin(angle(k))]);
  axes.line(circle, lab.ink, 1.4, [], 0.7);
  for (const { name } of blocks) {
    const path = lab.frame.arrays[`locus.${name}`];
    const points = Array.from({ length: path.length / 2 }, (_, i) => [path[2 * i], path[2 * i + 1]]);
    axes.dots(points, 0.9, lab.colours[name] + "88");
  }
  for (const { name, eigenvalues } of blocks) {
    for (const [x, y] of eigenvalues) axes.dot(x, y, 4.4, lab.colours[name], lab.paper);
  }
  axes.nameOrdinate();
}

/** log10 distance of each block from its fixed point, and the line of its spectral radius. */
export function drawDistance(lab) {
  const { blocks } = lab.frame.header;
  const { step, stepCount } = lab;
  const isShifted = blocks.some(({ shift, mu }) => shift && mu);
  setText(lab.find(".distance b"), `Distance to equilibrium${isShifted ? " or ×" : ""}`);
  const logs = blocks.map(({ name }) => lab.frame.arrays[`distance.${name}`]);
  const low = Math.max(-LOG_RANGE, Math.min(...logs.map((values) => Math.min(...values)), -1));
  const high = Math.min(LOG_RANGE, Math.max(...logs.map((values) => Math.max(...values)), 0.5));
  const tick = (value) => (Number.isInteger(value) ? `10${superscript(value)}` : "");
  const ranges = { x: [0, stepCount], y: [Math.floor(low), Math.ceil(high + 0.3)], height: PLOT_HEIGHT };
  const axes = new Axes(lab.find(".distance canvas"), { ...ranges, look: lab.look, names: ["step", ""], tick });
  blocks.forEach(({ name, radius }, i) => {
    const points = Array.from(logs[i], (value, t) => [t, value]);
    const start = logs[i][0];
    const end = start + stepCount * Math.log10(Math.max(radius, 1e-30));
    axes.line(points, lab.colours[name], 1.6, [], 0.35);
    axes.line(points.slice(0, step + 1), lab.colours[name], 2.2);
    axes.line(
      [
        [0, start],
        [stepCount, end],
      ],
      lab.ink,
      1.2,
      [5, 4],
      0.85,
    );
    axes.dot(step, logs[i][step], 4, lab.colours[name], lab.paper);
  });
}

/** theta, the mean of the data and the motif, coordinate by coordinate; returns the axes. */
export function drawCoordinates(lab) {
  const { v, m } = lab.frame.header;
  const motif = lab.block("motif")?.at ?? [];
  const ranges = { x: [0.4, v.length + 0.6], y: [-LARGEST_THETA, LARGEST_THETA], height: PLOT_HEIGHT, whole: true };
  const axes = new Axes(lab.find(".bars"), { ...ranges, look: lab.look, names: ["coordinate", ""] });
  if (motif.length) shadeMotif(axes, motif.length, lab.colours.motif);
  const half = Math.min(11, (0.36 * (axes.box.right - axes.box.left)) / (v.length + 0.2));
  for (let i = 0; i < v.length; i++) {
    const name = motif.includes(i) ? "motif" : "free";
    drawDash(axes, i, v[i], half, lab.ink, 2);
    if (name === "motif") drawDash(axes, i, m[i], half, lab.colours.motif, 3);
    drawTheta(axes, i, lab.value("theta", lab.step, i), lab.colours[name], lab.paper);
  }
  return axes;
}

function shadeMotif(axes, count, style) {
  const { context, box } = axes;
  const left = axes.pixelX(0.5);
  Object.assign(context, { fillStyle: style, globalAlpha: 0.1 });
  context.fillRect(left, box.top, axes.pixelX(count + 0.5) - left, box.bottom - box.top);
  context.globalAlpha = 1;
}

function drawDash(axes, index, value, half, style, width) {
  const { context } = axes;
  axes.clipped(() => {
    Object.assign(context, { strokeStyle: style, lineWidth: width });
    context.beginPath();
    context.moveTo(axes.pixelX(index + 1) - half, axes.pixelY(value));
    context.lineTo(axes.pixelX(index + 1) + half, axes.pixelY(value));
    context.stroke();
  });
}

function drawTheta(axes, index, theta, colour, paper) {
  const end = clamp(theta, -LARGEST_THETA, LARGEST_THETA);
  axes.line(
    [
      [index + 1, 0],
      [index + 1, end],
    ],
    colour,
    2,
    [],
    0.5,
  );
  const isBeyond = Math.abs(theta) > EDGE_THETA;
  axes.dot(index + 1, clamp(theta, -EDGE_THETA, EDGE_THETA), 4, isBeyond ? paper : colour, colour);
}
