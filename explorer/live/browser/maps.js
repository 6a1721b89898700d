/* Four maps of a solved field over its axes: this model, the exact solution, the residual and the error. */

import { colourRamp } from "./common/colours.js";
import { imageCanvas, make, setAttributes } from "./common/dom.js";
import { clamp, figures, shortest } from "./common/numbers.js";
import { explain, term } from "./common/tooltip.js";

const MAP_WIDTH = 192; // columns of a map, whatever the number of levels
const NO_RESIDUAL_SHARE = 20; // a residual this many times below the range of the maps is blank
const MAP_TITLES = { field: "u, this model", exact: "u, exact", residual: "", error: "Error: ours − exact" };

/** The maps instead of a picture; the first one is drawn in the panel's own canvas. */
export class Maps {
  /** `onTime(time)` is called while a pointer on a map moves the time of the profile. */
  constructor(panel, onTime) {
    const { maps } = panel.spec;
    Object.assign(this, { panel, maps, onTime, choice: 0 });
    const [across, along] = maps.axes;
    this.cells = {};
    const grid = make("div", { className: "maps" });
    for (const [name, title] of Object.entries(MAP_TITLES)) {
      this.cells[name] = this.buildCell(name, title);
      grid.append(this.cells[name].figure);
    }
    this.cells.residual.heading.replaceWith(this.residualChoice());
    panel.find(".mat").remove();
    panel.find(".stage").prepend(grid);
    this.caption = panel.find(".legend");
    panel.find(".extent").textContent = `${across} ↑ 0 … 1, ${along} → 0 … ${maps.end}`;
  }

  buildCell(name, title) {
    const { panel, maps } = this;
    const [across, along] = maps.axes;
    const label = `${title || "Residual"}, ${across} upwards, ${along} to the right`;
    const isOwn = name === "field";
    const canvas = isOwn ? panel.canvas : imageCanvas(label, { className: `map ${name}`, width: MAP_WIDTH, height: 8 });
    const cell = {
      canvas: setAttributes(canvas, { role: "img", "aria-label": label }),
      heading: term(title, panel.spec.glossary[`map.${name}`]),
      low: make("span"),
      ramp: make("b", { className: "ramp" }),
      high: make("span"),
      now: make("i", { className: "now" }),
      empty: make("span", { className: "empty", hidden: true }),
    };
    const frame = make("div", { className: "frame" }, cell.canvas, cell.now, cell.empty);
    const range = make("span", { className: "range" }, cell.low, cell.ramp, cell.high);
    cell.figure = make("figure", { className: "cell" }, make("figcaption", {}, cell.heading, range), frame);
    this.listen(frame);
    return cell;
  }

  residualChoice() {
    const { panel, maps } = this;
    const choice = make("select", { className: "residual-choice" });
    choice.setAttribute("aria-label", "Residual shown");
    explain(choice, panel.spec.glossary["map.residual"]);
    maps.residuals.forEach(({ label, unit }, i) => {
      const form = label.replace(/^Conservation law,? ?/, "") || label;
      choice.append(make("option", { value: i, textContent: `Residual: ${form}${unit ? `, ${unit}` : ""}` }));
    });
    choice.addEventListener("change", () => {
      this.choice = +choice.value;
      panel.repaint();
    });
    return choice;
  }

  /** A pointer on a map moves the time of the profile. */
  listen(frame) {
    const move = (event) => {
      if (!event.buttons) return;
      const box = frame.getBoundingClientRect();
      this.onTime(clamp((event.clientX - box.left) / box.width, 0, 1) * this.maps.end);
    };
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      move(event);
    });
    frame.addEventListener("pointermove", move);
    frame.addEventListener("pointerup", () => this.panel.release());
  }

  /** Shows the maps of a frame; `times` are the levels of the field. */
  draw(arrays, times) {
    if (this.theme !== this.panel.theme) this.applyColours();
    if (this.levelCount !== times.length) this.chooseColumns(times);
    const field = arrays["map.field"];
    const exact = arrays["map.exact"];
    const isExactKnown = exact && !exact.some(Number.isNaN);
    const { low, high } = this.panel.spec.field;
    const [least, most] = roundedEnds(field);
    const range = [Math.min(low, least), Math.max(high, most)];
    this.paint("field", field, this.ramp, range);
    const wait = "The exact solution follows on release: here it takes seconds.";
    this.paint("exact", isExactKnown ? exact : null, this.ramp, range, wait);
    this.drawDifferences(arrays, isExactKnown ? difference(field, exact) : null);
  }

  /** Residual and error, on one scale where they have one unit. */
  drawDifferences(arrays, error) {
    const form = this.maps.residuals[this.choice];
    const residual = form && arrays[`map.residual.${form.name}`];
    const ofResidual = residual ? magnitude(residual) : { bound: 1, largest: 1 };
    const ofError = error ? magnitude(error) : ofResidual;
    const isShared = error && form?.unit === this.panel.spec.field.unit;
    const errorBound = isShared ? Math.max(ofResidual.bound, ofError.bound) : ofError.bound;
    const residualBound = isShared ? errorBound : ofResidual.bound;
    this.paint("residual", residual, this.diverging, [-residualBound, residualBound], "");
    this.explainBlank(residualBound, ofResidual.largest);
    this.paint("error", error, this.diverging, [-errorBound, errorBound], "Errors follow on release.");
    const residualText = `${boundText(residualBound)} (largest ${figures(ofResidual.largest)})`;
    const errorText = `${boundText(errorBound)} (largest ${figures(ofError.largest)})`;
    const largest = figures(Math.max(ofResidual.largest, ofError.largest));
    if (!error) this.caption.textContent = `Residual ${residualText}.`;
    else if (!isShared) this.caption.textContent = `Error ${errorText}; residual ${residualText}.`;
    else this.caption.textContent = `Residual and error share ${boundText(errorBound)} (largest ${largest}).`;
  }

  /** A blank map of the residual says why it is blank. */
  explainBlank(bound, largest) {
    const { empty } = this.cells.residual;
    const { projection } = this.maps;
    empty.hidden = bound < NO_RESIDUAL_SHARE * largest;
    const remedy = "Switch it off to see the residual of the network";
    const reason = `: the ${projection} solved the discrete equations. ${remedy}`;
    const isCorrected = this.panel.state.project && projection;
    empty.textContent = `Below ${shortest(largest)} everywhere${isCorrected ? reason : ""}.`;
  }

  applyColours() {
    const { panel } = this;
    const { field } = panel.spec;
    this.theme = panel.theme;
    const sequential = field[panel.theme];
    const diverging = field.diverging[panel.theme];
    this.ramp = colourRamp(sequential);
    this.diverging = colourRamp(diverging);
    for (const [name, { ramp }] of Object.entries(this.cells)) {
      const stops = name === "field" || name === "exact" ? sequential : diverging;
      ramp.style.background = `linear-gradient(to right, ${stops})`;
    }
  }

  /** Equal times on the screen: which level each column shows. */
  chooseColumns(times) {
    this.levelCount = times.length;
    const timeOf = (column) => ((column + 0.5) / MAP_WIDTH) * this.maps.end;
    this.columns = Uint16Array.from({ length: MAP_WIDTH }, (_, column) => nearestLevel(times, timeOf(column)));
  }

  paint(name, map, colours, range, missing = "") {
    const cell = this.cells[name];
    cell.empty.hidden = !!map;
    cell.canvas.style.visibility = map ? "" : "hidden";
    if (map) {
      this.paintPixels(cell, map, colours, range);
      this.showRange(cell, range);
    } else {
      cell.empty.textContent = missing;
      cell.low.textContent = cell.high.textContent = "";
    }
  }

  paintPixels(cell, map, colours, [low, high]) {
    const [rows, columns] = map.shape;
    const { canvas } = cell;
    if (canvas.height !== rows || canvas.width !== MAP_WIDTH) {
      Object.assign(canvas, { width: MAP_WIDTH, height: rows });
      cell.image = null;
    }
    const context = canvas.getContext("2d");
    cell.image ??= context.createImageData(MAP_WIDTH, rows);
    const words = new Uint32Array(cell.image.data.buffer);
    const scale = 255 / (high - low);
    for (let row = 0, i = 0; row < rows; row++) {
      const start = (rows - 1 - row) * columns; // the first cell lies at the bottom
      for (let column = 0; column < MAP_WIDTH; column++, i++) {
        const level = (map[start + this.columns[column]] - low) * scale;
        words[i] = colours[level <= 0 ? 0 : level >= 255 ? 255 : Math.round(level)];
      }
    }
    context.putImageData(cell.image, 0, 0);
  }

  showRange(cell, [low, high]) {
    const isSigned = low === -high;
    cell.low.textContent = isSigned ? "" : low === 0 ? "0" : figures(low);
    cell.high.textContent = isSigned ? boundText(high) : figures(high);
    cell.canvas.dataset.range = high;
  }

  /** Marks the time of the profile on every map. */
  markTime(time) {
    for (const { now } of Object.values(this.cells)) now.style.left = `${(100 * time) / this.maps.end}%`;
  }
}

/** The index of the level nearest to a time. */
export function nearestLevel(times, time) {
  let nearest = 0;
  for (let level = 1; level < times.length; level++) {
    if (Math.abs(times[level] - time) < Math.abs(times[nearest] - time)) nearest = level;
  }
  return nearest;
}

function boundText(bound) {
  return `± ${shortest(bound)}`;
}

/** ours - exact, point by point, with the shape of ours. */
function difference(ours, exact) {
  const errors = Object.assign(new Float32Array(ours.length), { shape: ours.shape });
  for (let i = 0; i < errors.length; i++) errors[i] = ours[i] - exact[i];
  return errors;
}

/** The smallest of 1, 2, 5 times a power of ten that holds 99 % of |values|, and the largest |value|. */
function magnitude(map) {
  const some = [];
  let largest = 0;
  for (let i = 0; i < map.length; i++) {
    const size = Math.abs(map[i]);
    if (size > largest) largest = size;
    if (i % 5 === 0) some.push(size);
  }
  some.sort((a, b) => a - b);
  const most = some[Math.floor(0.99 * some.length)] || largest || 1e-12;
  const unit = 10 ** Math.floor(Math.log10(most));
  return { bound: ([1, 2, 5].find((factor) => factor * unit >= most * 0.999) ?? 10) * unit, largest };
}

/** Least and largest value, to hundredths; 0 and 1 where it hardly leaves them. */
function roundedEnds(map) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < map.length; i++) {
    if (map[i] < low) low = map[i];
    if (map[i] > high) high = map[i];
  }
  return [low < -0.02 ? low : 0, high > 1.02 ? high : 1].map((value) => +value.toFixed(2));
}
