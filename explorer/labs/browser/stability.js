/* The map of the linear game: the spectral radius over learning rate and motif weight, and where the dial is. */

import { Axes } from "../../live/browser/common/axes.js";
import { colourRamp } from "../../live/browser/common/colours.js";
import { make } from "../../live/browser/common/dom.js";
import { clamp } from "../../live/browser/common/numbers.js";
import { PLOT_HEIGHT } from "./linear_plots.js";

const ONE = 127.5; // the byte between those of radii below and above 1
const CONTRAST = 0.72;

/** Draws the map of a lab; the tile of its colours is kept until the game or the theme changes. */
export class StabilityMap {
  constructor(lab) {
    Object.assign(this, { lab, canvas: lab.find(".map"), tile: null, tileKey: "" });
  }

  /** The map, the border of the motif's contraction, and the point of the dial; sets `axes`. */
  draw() {
    const { lab } = this;
    const [eta, mu] = lab.spec.quantities;
    const ranges = { x: [eta.low, eta.high], y: [mu.low, mu.high], height: PLOT_HEIGHT };
    const axes = new Axes(this.canvas, { ...ranges, look: lab.look, names: ["η", ""] });
    this.axes = axes;
    const { context, box } = axes;
    context.imageSmoothingEnabled = true;
    context.drawImage(this.currentTile(), box.left, box.top, box.right - box.left, box.bottom - box.top);
    if (lab.block("motif")) this.drawBorder();
    const point = [lab.dial.eta, lab.dial.mu];
    axes.line(
      [
        [point[0], mu.low],
        [point[0], mu.high],
      ],
      lab.ink,
      1,
      [3, 3],
      0.6,
    );
    axes.line(
      [
        [eta.low, point[1]],
        [eta.high, point[1]],
      ],
      lab.ink,
      1,
      [3, 3],
      0.6,
    );
    axes.dot(...point, 5.5, lab.paper, lab.ink);
  }

  currentTile() {
    const { theme, dial, frame } = this.lab;
    const { blocks, dial: framed } = frame.header;
    const key = [theme, dial.scheme, framed.scheme, framed.critic, blocks.length, blocks[0].name].join(" ");
    if (this.tileKey !== key) Object.assign(this, { tileKey: key, tile: this.paintTile() });
    return this.tile;
  }

  paintTile() {
    const { map } = this.lab.frame.arrays;
    const [rows, columns] = map.shape;
    const tile = make("canvas", { width: columns, height: rows });
    const context = tile.getContext("2d");
    const image = context.createImageData(columns, rows);
    const words = new Uint32Array(image.data.buffer);
    const colours = colourRamp(this.lab.spec.diverging[this.lab.theme]);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const radius = map[row * columns + column];
        words[(rows - 1 - row) * columns + column] =
          colours[clamp(128 + Math.round((radius - 128) * CONTRAST), 0, 255)];
      }
    }
    context.putImageData(image, 0, 0);
    return tile;
  }

  drawBorder() {
    const { ink, paper, frame } = this.lab;
    const { context } = this.axes;
    const path = borderPath(frame.arrays.border, frame.arrays.map.shape, this.axes.box);
    this.axes.clipped(() => {
      for (const [style, width, alpha] of [
        [paper, 4.5, 0.7],
        [ink, 1.8, 1],
      ]) {
        Object.assign(context, { strokeStyle: style, lineWidth: width, globalAlpha: alpha });
        context.stroke(path);
      }
    });
  }
}

/** Where the radius of the motif block is 1: marching squares between the centres of the cells. */
function borderPath(levels, [rows, columns], box) {
  const width = (box.right - box.left) / (columns - 1);
  const height = (box.bottom - box.top) / (rows - 1);
  const level = (row, column) => levels[row * columns + column];
  const isOver = (row, column) => level(row, column) > ONE;
  const cut = (row, column, up, right) => {
    const start = level(row, column);
    const share = (ONE - start) / (level(row + up, column + right) - start);
    return [box.left + (column + right * share) * width, box.bottom - (row + up * share) * height];
  };
  const path = new Path2D();
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const [lowerLeft, lowerRight] = [isOver(row, column), isOver(row, column + 1)];
      const [upperLeft, upperRight] = [isOver(row + 1, column), isOver(row + 1, column + 1)];
      const ends = [];
      if (lowerLeft !== lowerRight) ends.push(cut(row, column, 0, 1));
      if (lowerLeft !== upperLeft) ends.push(cut(row, column, 1, 0));
      if (lowerRight !== upperRight) ends.push(cut(row, column + 1, 1, 0));
      if (upperLeft !== upperRight) ends.push(cut(row + 1, column, 0, 1));
      for (let k = 0; k + 1 < ends.length; k += 2) {
        path.moveTo(...ends[k]);
        path.lineTo(...ends[k + 1]);
      }
    }
  }
  return path;
}
