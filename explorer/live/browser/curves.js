/* The charts of measured curves: each with its title, its key, and what can be pulled on it. */

import { imageCanvas, keyEntry, make } from "./common/dom.js";
import { curveArrays } from "./common/frames.js";
import { plotCurve } from "./plot.js";
import { PullableCurve } from "./pull.js";
import { WeightStrip } from "./strip.js";
import { term } from "./common/tooltip.js";

const CHART_HEIGHTS = { several: 150, requested: 214, single: 236 };
const STRIP_SPACE = 56;
const REFERENCE_GREY = { light: "#5B6570", dark: "#A9B4C0" };

/** The chart of one descriptor that is a curve. */
export class CurveChart {
  constructor(panel, description) {
    Object.assign(this, { panel, description });
    const title = make("div", { className: "curve-title" }, make("h3", {}, term(description.label, description.help)));
    const label = `${description.label}: delivered, with the simulated reference`;
    this.canvas = imageCanvas(label, { className: "curve" });
    this.keys = make("div", { className: "keys" });
    panel.find(".curves").append(title, this.canvas, this.keys);
    const strokes = panel.spec.drawable.filter(({ stroke }) => stroke);
    const pulled = strokes.find(({ name }) => name === description.name);
    const below = strokes.filter(({ stroke }) => stroke.below === description.name);
    this.pull = pulled && new PullableCurve(panel, pulled, this.canvas, title);
    this.strips = below.map((quantity) => new WeightStrip(panel, quantity, this.keys));
  }

  /** Shows the curve of a frame. */
  draw(arrays) {
    const { panel, description, pull } = this;
    const curve = curveArrays(arrays, description.name);
    const grey = REFERENCE_GREY[panel.theme];
    this.drawKeys(curve, grey);
    const look = { ink: panel.ink, grey, colour: panel.delivered, font: panel.font };
    const height = this.height(curve);
    const place = plotCurve(this.canvas, curve, { span: pull?.span, axis: description.axis, height, look });
    pull?.place(place);
    for (const strip of this.strips) strip.draw(place);
  }

  height({ requested }) {
    if (this.panel.spec.curves.length > 1) return CHART_HEIGHTS.several;
    return (requested ? CHART_HEIGHTS.requested : CHART_HEIGHTS.single) - STRIP_SPACE * this.strips.length;
  }

  drawKeys({ mean, requested }, grey) {
    const { panel, keys } = this;
    const { glossary } = panel.spec;
    const state = `${panel.theme} ${!!mean} ${!!requested}`;
    if (keys.dataset.state === state) return;
    keys.dataset.state = state;
    const entry = (text, help, style, className) => keyEntry(term(text, help), { style, className });
    const entries = [entry("delivered", glossary.delivered, `color:${panel.delivered}`)];
    if (requested) entries.push(entry("requested", glossary.requested, `color:${panel.ink};border-top:2px dashed`));
    if (mean) {
      entries.push(entry("simulated reference", glossary.reference, `color:${grey};border-top:2px dashed`));
      entries.push(entry("± 1 sd", glossary.sd, `background:${grey}55`, "band"));
    }
    keys.replaceChildren(...entries);
  }
}
