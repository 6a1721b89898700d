/* The lab of the linear game: everything it draws was computed in Python; here it is shown and played. */

import { make } from "../../live/browser/common/dom.js";
import { componentOf } from "../../live/browser/common/link.js";
import { clamp, figures } from "../../live/browser/common/numbers.js";
import { term } from "../../live/browser/common/tooltip.js";
import { Transport } from "../../live/browser/common/transport.js";
import { Lab } from "./lab.js";
import { drawCoordinates, drawDistance, drawPortrait, drawSpectrum } from "./linear_plots.js";
import { StabilityMap } from "./stability.js";

const COLOURS = {
  light: { free: "#0072B2", motif: "#C95B00" },
  dark: { free: "#56B4E9", motif: "#F0A830" },
};
const ZERO = 1e-12;

/** The lab; `at` is the step shown (null: the last one), `chosen` the coordinate of each block that was clicked on. */
class LinearLab extends Lab {
  build() {
    super.build();
    Object.assign(this, { at: null, chosen: {}, stability: new StabilityMap(this) });
    const controls = {
      advance: (count) => {
        const start = this.step;
        this.seek(Math.min(this.stepCount, start + count));
        return this.step - start;
      },
      rewind: () => this.seek(0),
      seek: (step) => this.seek(step),
    };
    this.transport = new Transport(this.find(".transport"), controls);
    this.listenToChart(this.find(".map"), (x, y) => {
      const { axes } = this.stability;
      if (axes) this.setFromPointer({ eta: axes.valueX(x), mu: axes.valueY(y) });
    });
    const bars = this.find(".bars");
    bars.addEventListener("click", (event) => this.choose(event.clientX - bars.getBoundingClientRect().x));
  }

  /** The motif is never larger than x. */
  settle() {
    const { motif, dimension } = this.dial;
    if (motif > dimension) this.dial.motif = dimension;
  }

  /** Shows the coordinate whose bar lies at `x` pixels. */
  choose(x) {
    const last = this.frame.header.v.length - 1;
    const index = clamp(Math.round(this.barAxes.valueX(x)) - 1, 0, last);
    this.chosen[this.block("motif")?.at.includes(index) ? "motif" : "free"] = index;
    this.repaint();
  }

  get stepCount() {
    return this.frame?.header.steps ?? 0;
  }

  /** The step that is shown. */
  get step() {
    return Math.min(this.at ?? this.stepCount, this.stepCount);
  }

  seek(step) {
    this.at = step;
    this.repaint();
  }

  block(name) {
    return this.frame.header.blocks.find((block) => block.name === name);
  }

  get colours() {
    return COLOURS[this.theme];
  }

  /** The coordinate of a block that is shown: the one clicked on, else the first. */
  coordinate({ name, at }) {
    return at.includes(this.chosen[name]) ? this.chosen[name] : at[0];
  }

  /** `theta` or `psi` of a coordinate at a step. */
  value(name, step, coordinate) {
    const array = this.frame.arrays[name];
    return array[step * array.shape[1] + coordinate];
  }

  repaint() {
    if (!this.frame) return;
    const start = performance.now();
    this.transport.show(this.step, this.stepCount);
    for (const name of ["free", "motif"]) drawPortrait(this, name);
    drawSpectrum(this);
    drawDistance(this);
    this.barAxes = drawCoordinates(this);
    this.stability.draw();
    this.showNumbers();
    this.element.dataset.step = this.step;
    this.element.dataset.ms = (performance.now() - start).toFixed(1);
  }

  /** The table of the blocks and the sentences. */
  showNumbers() {
    const { blocks, claims } = this.frame.header;
    const rows = blocks.map((block) => [
      block.name,
      factor(block.radius),
      block.growth === null ? "–" : factor(block.growth),
      eigenvalueText(block.eigenvalues),
      block.singular.map((value) => figures(value, 5)).join(", "),
      block.verdict,
    ]);
    const state = JSON.stringify([rows, claims, this.theme]);
    if (state === this.numbersShown) return;
    this.numbersShown = state;
    this.find(".facts tbody").replaceChildren(...rows.map((row) => this.tableRow(row)));
    const heads = [make("dt", { className: "head", textContent: "The paper" })];
    heads.push(make("dd", { className: "head", textContent: "Here" }));
    const pairs = claims.map(([claim, fact]) => [
      make("dt", { textContent: claim }),
      make("dd", { textContent: fact }),
    ]);
    this.find(".claims").replaceChildren(...heads, ...pairs.flat());
  }

  tableRow([name, ...texts]) {
    const { glossary } = this.spec;
    const head = make("th", { scope: "row" }, term(name, glossary[name]));
    head.style.color = this.colours[name];
    const cells = texts.map((textContent) => make("td", { textContent }));
    const verdict = texts.at(-1);
    cells.at(-1).className = verdict;
    cells.at(-1).replaceChildren(term(verdict, glossary[`verdict.${verdict}`]));
    return make("tr", {}, head, ...cells);
  }

  close() {
    this.transport?.pause();
    super.close();
  }
}

/** A growth factor to six decimals, without an exponent where that reads well. */
function factor(value) {
  return Math.abs(value) < 1e4 ? value.toFixed(6) : value.toExponential(3);
}

/** Eigenvalues in words, each once: pairs as a ± bi. */
function eigenvalueText(values) {
  const text = (value) => figures(Math.abs(value) < ZERO ? 0 : value, 4);
  const hasConjugate = ([x, y]) => values.some(([u, w]) => Math.abs(u - x) < 1e-9 && Math.abs(w + y) < 1e-9);
  const words = values
    .filter(([, y]) => y >= -ZERO)
    .map(([x, y]) => {
      if (Math.abs(y) < ZERO) return text(x);
      return `${text(x)} ${hasConjugate([x, y]) ? "±" : "+"} ${text(y)}i`;
    });
  return [...new Set(words)].join(", ");
}

export default componentOf(LinearLab, "labOfExplorer");
