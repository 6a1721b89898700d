/* Axes on a canvas: where numbers lie, a thin grid, and what is drawn within them. */

import { sharpContext } from "./canvas.js";
import { clamp, niceStep } from "./numbers.js";

const AXES_MARGIN = { left: 34, right: 12, top: 6, bottom: 32 };

function plainTick(value) {
  return String(+value.toFixed(6));
}

function ticks([low, high], count) {
  const step = niceStep((high - low) / count);
  const values = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9 * step; value += step) values.push(value);
  return values;
}

/** A canvas with ranges x and y on it. Everything is drawn clipped to `box`; coordinates are values of the axes. */
export class Axes {
  /** `look` has ink, paper and font; `names` those of abscissa and ordinate; `tick` writes a value of the ordinate.
   *  `square` gives both axes the same scale and widens x; `whole` leaves out abscissas that are no whole numbers. */
  constructor(canvas, { x, y, height, square, look, names = ["", ""], tick = plainTick, whole = false }) {
    const { context, width } = sharpContext(canvas, height);
    const box = {
      left: AXES_MARGIN.left,
      right: width - AXES_MARGIN.right,
      top: AXES_MARGIN.top,
      bottom: height - AXES_MARGIN.bottom,
    };
    Object.assign(this, { context, box, look, names, x, y });
    if (square) this.x = this.widened();
    Object.assign(context, { font: `11px ${look.font}`, fillStyle: look.ink, textBaseline: "middle" });
    this.drawOrdinate(tick);
    this.drawAbscissa(whole);
  }

  widened() {
    const { x, y, box } = this;
    const half = ((y[1] - y[0]) / 2) * ((box.right - box.left) / (box.bottom - box.top));
    const middle = (x[0] + x[1]) / 2;
    return [middle - half, middle + half];
  }

  /** Where values lie on the canvas, and which values lie there. */
  pixelX(value) {
    const { x, box } = this;
    return box.left + ((box.right - box.left) * (value - x[0])) / (x[1] - x[0]);
  }

  pixelY(value) {
    const { y, box } = this;
    return box.bottom - ((box.bottom - box.top) * (value - y[0])) / (y[1] - y[0]);
  }

  valueX(pixel) {
    const { x, box } = this;
    return x[0] + ((pixel - box.left) / (box.right - box.left)) * (x[1] - x[0]);
  }

  valueY(pixel) {
    const { y, box } = this;
    return y[0] + ((box.bottom - pixel) / (box.bottom - box.top)) * (y[1] - y[0]);
  }

  drawOrdinate(tick) {
    const { context, box, y } = this;
    context.textAlign = "right";
    for (const value of ticks(y, 3)) {
      context.globalAlpha = 0.13;
      context.fillRect(box.left, this.pixelY(value), box.right - box.left, 1);
      context.globalAlpha = 0.75;
      context.fillText(tick(value), box.left - 5, this.pixelY(value));
    }
  }

  drawAbscissa(whole) {
    const { context, box, x, names } = this;
    context.textAlign = "center";
    for (const value of ticks(x, 4).filter((value) => !whole || Number.isInteger(value))) {
      context.globalAlpha = 0.13;
      context.fillRect(this.pixelX(value), box.top, 1, box.bottom - box.top);
      context.globalAlpha = 0.75;
      context.fillText(plainTick(value), this.pixelX(value), box.bottom + 10);
    }
    context.globalAlpha = 0.9;
    context.fillText(names[0], (box.left + box.right) / 2, box.bottom + 24);
    context.globalAlpha = 1;
  }

  /** Writes the ordinate's name into the upper left corner, over what is drawn there. */
  nameOrdinate() {
    const { context, box, look, names } = this;
    const place = [box.left + 5, box.top + 4];
    Object.assign(context, { textAlign: "left", textBaseline: "top" });
    Object.assign(context, { strokeStyle: look.paper, lineWidth: 5, lineJoin: "round" });
    context.strokeText(names[1], ...place);
    context.fillStyle = look.ink;
    context.fillText(names[1], ...place);
  }

  /** Runs `draw` with the context clipped to the box. */
  clipped(draw) {
    const { context, box } = this;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    context.clip();
    draw();
    context.restore();
  }

  /** A line through [x, y] points. */
  line(points, style, width = 1.5, dash = [], alpha = 1) {
    const { context } = this;
    this.clipped(() => {
      context.beginPath();
      for (const [x, y] of points) {
        context.lineTo(clamp(this.pixelX(x), -4000, 8000), clamp(this.pixelY(y), -4000, 8000));
      }
      Object.assign(context, { strokeStyle: style, lineWidth: width, lineJoin: "round", globalAlpha: alpha });
      context.setLineDash(dash);
      context.stroke();
    });
  }

  /** A disc with this radius in pixels, filled, ringed or both. */
  dot(x, y, radius, fill, ring) {
    const { context } = this;
    this.clipped(() => {
      context.beginPath();
      context.arc(this.pixelX(x), this.pixelY(y), radius, 0, 7);
      if (fill) {
        context.fillStyle = fill;
        context.fill();
      }
      if (ring) {
        Object.assign(context, { strokeStyle: ring, lineWidth: 1.6 });
        context.stroke();
      }
    });
  }

  /** Many filled discs in one path. */
  dots(points, radius, fill) {
    const { context } = this;
    this.clipped(() => {
      context.beginPath();
      for (const [x, y] of points) {
        const left = clamp(this.pixelX(x), -99, 9999);
        const top = clamp(this.pixelY(y), -99, 9999);
        context.moveTo(left + radius, top);
        context.arc(left, top, radius, 0, 7);
      }
      context.fillStyle = fill;
      context.fill();
    });
  }

  /** A word at a place given in pixels. */
  text(word, x, y, { align = "left", alpha = 1 } = {}) {
    Object.assign(this.context, { fillStyle: this.look.ink, globalAlpha: alpha, textAlign: align });
    this.context.fillText(word, x, y);
    this.context.globalAlpha = 1;
  }
}
