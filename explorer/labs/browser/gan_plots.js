/* The plots of the GAN lab: densities, critics, value of the game, and norms of the gradients. */

import { Axes } from "../../live/browser/common/axes.js";
import { make } from "../../live/browser/common/dom.js";
import { finitePieces, superscript } from "../../live/browser/common/numbers.js";
import { term } from "../../live/browser/common/tooltip.js";

const PLOT_HEIGHT = 228;
const MODES = { normal: 1, two: 2, eight: 8, uniform: 1 };
const LOG_4 = Math.log(4);
const FLANK = 0.6065; // a normal at one standard deviation, over its peak
const LIFT = 12; // of the upper handles below the top, in screen pixels
const LEAST_DENSITY = 0.01; // where p + q is less, the critic of a Wasserstein game is left out of the range
const SHORTEST = 20; // steps that the axes of traces show at least

/** How many bumps p has. */
export function modeCount({ density }) {
  return MODES[density];
}

/** The centre of the outermost bump of p. */
export function outerMode(dial) {
  return dial.centre + (dial.gap * (modeCount(dial) - 1)) / 2;
}

function pairs(xs, ys) {
  return Array.from(xs, (x, i) => [x, ys[i]]);
}

/** p and q with the handles of p; returns the axes, and the handles as {name, x, y} in pixels. */
export function drawDensities(lab) {
  const { x, p, q } = lab.frame.arrays;
  const { view } = lab.frame.header;
  const top = Math.max(...p);
  const high = 1.22 * Math.max(top, Math.min(Math.max(...q), 2.5 * top));
  const canvas = lab.find(".density canvas");
  const ranges = { x: [-view, view], y: [0, high], height: PLOT_HEIGHT };
  const axes = new Axes(canvas, { ...ranges, look: lab.look, names: ["x", ""] });
  fillBelow(axes, pairs(x, p), lab.colours.p, 0.2);
  fillBelow(axes, pairs(x, q), lab.colours.q, 0.24);
  axes.line(pairs(x, p), lab.colours.p, 1.8);
  axes.line(pairs(x, q), lab.colours.q, 1.8);
  const grips = gripsOf(lab.dial, axes, top);
  for (const grip of grips) drawGrip(axes, grip, lab.paper, lab.colours.p);
  return { axes, grips };
}

function fillBelow(axes, points, style, alpha) {
  const { context } = axes;
  axes.clipped(() => {
    context.beginPath();
    context.moveTo(axes.pixelX(points[0][0]), axes.pixelY(0));
    for (const [x, y] of points) context.lineTo(axes.pixelX(x), axes.pixelY(y));
    context.lineTo(axes.pixelX(points.at(-1)[0]), axes.pixelY(0));
    Object.assign(context, { globalAlpha: alpha, fillStyle: style });
    context.fill();
  });
}

function gripsOf(dial, axes, top) {
  const end = outerMode(dial);
  const upper = axes.box.top + LIFT;
  const flank = dial.density === "uniform" ? upper : axes.pixelY(top * FLANK);
  const grips = [{ name: "centre", x: axes.pixelX(dial.centre), y: upper }];
  if (modeCount(dial) > 1) grips.push({ name: "gap", x: axes.pixelX(end), y: upper });
  grips.push({ name: "width", x: axes.pixelX(end + dial.width), y: flank });
  return grips;
}

function drawGrip({ context }, { name, x, y }, fill, ring) {
  Object.assign(context, { globalAlpha: 1, fillStyle: fill, strokeStyle: ring, lineWidth: 2 });
  context.setLineDash([]);
  context.beginPath();
  if (name === "gap") context.rect(x - 5, y - 5, 10, 10);
  else context.arc(x, y, name === "centre" ? 6.5 : 5, 0, 7);
  context.fill();
  context.stroke();
}

/** The learnt critic and the optimal one over x. */
export function drawCritics(lab) {
  const { x, learnt, optimal } = lab.frame.arrays;
  const { view, dial } = lab.frame.header;
  const isWasserstein = dial.loss === "wgan_gp";
  showCriticCaption(lab, dial.loss);
  const reach = isWasserstein ? criticReach(lab.frame.arrays) : 1;
  const y = isWasserstein ? [-reach, reach] : [-0.04, 1.04];
  const names = ["x", ""];
  const axes = new Axes(lab.find(".critic canvas"), {
    x: [-view, view],
    y,
    height: PLOT_HEIGHT,
    look: lab.look,
    names,
  });
  if (!isWasserstein)
    axes.line(
      [
        [-view, 0.5],
        [view, 0.5],
      ],
      lab.ink,
      1,
      [2, 4],
      0.5,
    );
  axes.line(pairs(x, learnt), lab.colours.q, 2.2);
  for (const piece of finitePieces(x, optimal)) axes.line(piece, lab.ink, 1.6, [5, 4], 0.9);
  if (!isWasserstein) axes.text("1/2", axes.box.left + 4, axes.pixelY(0.5) - 8, { alpha: 0.6 });
}

/** The largest |value| of the optimal critic, and of the learnt one where p or q is. */
function criticReach({ p, q, learnt, optimal }) {
  const there = [...learnt].filter((_, i) => p[i] + q[i] > LEAST_DENSITY);
  return Math.max(1, ...[...optimal, ...there].map(Math.abs)) * 1.08;
}

const CRITIC_TITLES = {
  wgan_gp: ["Critic f and Kantorovich potential f*", "critic_wasserstein"],
  relativistic: ["Critic s(C − const) and D* = p/(p + q)", "critic_pairs"],
};

/** Title and key of the critic's plot; they change with the loss only. */
function showCriticCaption(lab, loss) {
  const caption = lab.find(".critic figcaption");
  if (caption.dataset.loss === loss) return;
  caption.dataset.loss = loss;
  const { glossary } = lab.spec;
  const [title, name] = CRITIC_TITLES[loss] ?? ["Critic D and D* = p/(p + q)", "critic"];
  const optimal = loss === "wgan_gp" ? "f*, |slope| ≤ 1; D* does not apply" : "D*, where p or q is";
  caption.querySelector("b").replaceChildren(term(title, glossary[name]));
  const key = [
    make("i", { className: "q" }),
    term("learnt", glossary.critic_learnt),
    " ",
    make("i", { className: "best" }),
  ];
  caption.querySelector("b + span").replaceChildren(...key, term(optimal, glossary.critic_optimal));
}

const VALUE_TITLES = { wgan_gp: "E f(x) − E f(G(z)) and W₁", relativistic: "Value over pairs" };

function showValueCaption(lab, loss) {
  const title = lab.find(".value figcaption b");
  if (title.dataset.loss === loss) return;
  title.dataset.loss = loss;
  const help = lab.spec.glossary[loss === "wgan_gp" ? "value_wasserstein" : "value"];
  title.replaceChildren(term(VALUE_TITLES[loss] ?? "Value V", help));
}

function trace(lab, name) {
  return lab.frame.arrays[`trace.${name}`];
}

function lastStep(lab) {
  return Math.max(SHORTEST, lab.frame.header.step);
}

/** The value of the game over the steps, at the learnt and at the optimal critic. */
export function drawValues(lab) {
  const [step, learnt, optimal] = ["step", "learnt", "optimal"].map((name) => trace(lab, name));
  const isWasserstein = lab.dial.loss === "wgan_gp";
  const values = [...learnt, ...optimal].filter(Number.isFinite);
  const last = lastStep(lab);
  const y = isWasserstein
    ? [Math.max(-4, Math.min(0, ...values)) - 0.2, Math.min(30, Math.max(1, ...values)) * 1.08]
    : [Math.max(-3, Math.min(-1.6, ...values)), 0.06];
  showValueCaption(lab, lab.dial.loss);
  const options = { x: [0, last], y, height: PLOT_HEIGHT, look: lab.look, names: ["step", ""], whole: true };
  const axes = new Axes(lab.find(".value canvas"), options);
  if (!isWasserstein) {
    axes.line(
      [
        [0, -LOG_4],
        [last, -LOG_4],
      ],
      lab.ink,
      1,
      [2, 4],
      0.7,
    );
    axes.text("−log 4", axes.box.right - 2, axes.pixelY(-LOG_4) + 10, { align: "right", alpha: 0.75 });
  }
  for (const piece of finitePieces(step, learnt)) axes.line(piece, lab.colours.q, 1.8);
  for (const piece of finitePieces(step, optimal)) axes.line(piece, lab.ink, 1.5, [5, 4], 0.9);
}

/** log10 of the norms of both gradients over the steps. */
export function drawNorms(lab) {
  const step = trace(lab, "step");
  const logarithm = (value) => Math.log10(Math.max(value, 1e-9));
  const [generator, critic] = ["generator", "critic"].map((name) => trace(lab, name).map(logarithm));
  const values = [...generator, ...critic].filter(Number.isFinite);
  const low = Math.floor(Math.min(-3, ...values));
  const high = Math.ceil(Math.max(1, ...values));
  const tick = (value) => (Number.isInteger(value) ? `10${superscript(value)}` : "");
  const ranges = { x: [0, lastStep(lab)], y: [low, high + 0.15], height: PLOT_HEIGHT, whole: true };
  const axes = new Axes(lab.find(".norms canvas"), { ...ranges, look: lab.look, names: ["step", ""], tick });
  for (const piece of finitePieces(step, generator)) axes.line(piece, lab.colours.q, 1.9);
  for (const piece of finitePieces(step, critic)) axes.line(piece, lab.colours.p, 1.4);
}
