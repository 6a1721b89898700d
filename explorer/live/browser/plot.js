/* One measured curve on a canvas: axes, the simulated reference with its band, requested and delivered. */

import { ordinateTicks, sharpContext, strokeLine } from "./common/canvas.js";
import { niceStep } from "./common/numbers.js";

const CHART_MARGIN = { left: 40, right: 8, top: 8, bottom: 34 };
const HEADROOM = 1.06;

/** Draws the arrays of `curveArrays` on a canvas of fixed height; `look` has ink, grey, colour and font, and `span`
 *  holds the ordinate still. Returns where values lie: pixelX, pixelY, valueY and the span. */
export function plotCurve(canvas, curve, { span, axis, height, look }) {
  const { context, width } = sharpContext(canvas, height);
  const box = {
    left: CHART_MARGIN.left,
    right: width - CHART_MARGIN.right,
    top: CHART_MARGIN.top,
    bottom: height - CHART_MARGIN.bottom,
  };
  const [low, high] = span ?? ordinateSpan(curve);
  const end = curve.requestedX?.at(-1) ?? curve.x[curve.x.length - 1];
  const place = {
    pixelX: (value) => box.left + ((box.right - box.left) * value) / end,
    pixelY: (value) => box.bottom - ((box.bottom - box.top) * (value - low)) / (high - low),
    valueY: (pixel) => low + ((box.bottom - pixel) / (box.bottom - box.top)) * (high - low),
    span: [low, high],
  };
  drawAxes(context, box, place, end, axis, look);
  drawCurves(context, place, curve, end, look);
  return place;
}

/** The range of the ordinate that holds 0 and everything drawn. */
function ordinateSpan({ y, mean, sd, requested }) {
  let high = Math.max(...y);
  let low = Math.min(0, ...y);
  if (mean) {
    for (let i = 0; i < mean.length; i++) {
      high = Math.max(high, mean[i] + sd[i]);
      low = Math.min(low, mean[i] - sd[i]);
    }
  }
  if (requested) {
    high = Math.max(high, ...requested);
    low = Math.min(low, ...requested);
  }
  return [low, low + (high - low || 1) * HEADROOM];
}

function drawAxes(context, box, { pixelX, pixelY, span: [low, high] }, end, axis, look) {
  Object.assign(context, { font: `11px ${look.font}`, fillStyle: look.ink, lineWidth: 1, textBaseline: "middle" });
  const stepY = niceStep((high - low) / 3);
  const stepX = niceStep(end / 3);
  const ordinates = [];
  for (let value = Math.ceil(low / stepY) * stepY; value <= high; value += stepY) ordinates.push(value);
  ordinateTicks(context, box, ordinates, pixelY);
  context.textAlign = "center";
  for (let value = 0; value <= end; value += stepX) {
    context.fillText(+value.toFixed(6), pixelX(value), box.bottom + 12);
  }
  context.fillText(axis, (box.left + box.right) / 2, box.bottom + 27);
  context.globalAlpha = 1;
}

function drawCurves(context, { pixelX, pixelY }, curve, end, look) {
  const pixels = (xs, ys) => {
    const points = [];
    for (let i = 0; i < ys.length && xs[i] <= end; i++) points.push([pixelX(xs[i]), pixelY(ys[i])]);
    return points;
  };
  const { x, y, mean, sd, referenceX, requested, requestedX } = curve;
  if (mean) {
    const upper = Array.from(mean, (value, i) => value + sd[i]);
    const lower = Array.from(mean, (value, i) => value - sd[i]);
    fillBetween(context, pixels(referenceX, upper), pixels(referenceX, lower), look.grey);
    strokeLine(context, pixels(referenceX, mean), { style: look.grey, width: 1.6, dash: [5, 4] });
  }
  strokeLine(context, pixels(x, y), { style: look.colour, width: 2.4 });
  if (requested) strokeLine(context, pixels(requestedX, requested), { style: look.ink, width: 1.4, dash: [3, 3] });
}

function fillBetween(context, upper, lower, style) {
  context.beginPath();
  for (const [x, y] of [...upper, ...lower.reverse()]) context.lineTo(x, y);
  Object.assign(context, { fillStyle: style, globalAlpha: 0.3 });
  context.fill();
  context.globalAlpha = 1;
}
