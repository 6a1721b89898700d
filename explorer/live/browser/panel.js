/* The panel: sliders, picture, bars and curves, fed by one binary frame per step of a drag. */

import { readTheme } from "./common/canvas.js";
import { buildControls, syncRow } from "./controls.js";
import { CurveChart } from "./curves.js";
import { make } from "./common/dom.js";
import { decodeFrame } from "./common/frames.js";
import { Handles } from "./handles.js";
import { componentOf, Link } from "./common/link.js";
import { Picture } from "./picture.js";
import { Readout } from "./readout.js";
import { ShareBars } from "./shares.js";
import { shared } from "./simplex.js";
import { Solution } from "./solution.js";
import { explainTerms, Tooltip } from "./common/tooltip.js";

const DELIVERED = { light: "#0072B2", dark: "#56B4E9" };

/** The dial and what shows it. `state` is what a request holds; `frame` is the last answer without an error. */
class Panel {
  constructor(root) {
    this.root = root;
    this.element = root.querySelector(".panel");
    this.find = (selector) => this.element.querySelector(selector);
    this.canvas = this.find(".picture");
    Object.assign(this, { seq: 0, rows: {}, link: new Link(this) });
  }

  /** Called by Streamlit on every rerun of the page and on every change of theme. */
  attach({ data, setStateValue }) {
    this.link.rerun = (request) => setStateValue("dial", request);
    Object.assign(this, readTheme(this.element, this.find(".notice")));
    this.delivered = DELIVERED[this.theme];
    if (!data || data === this.data) {
      this.repaint();
      return;
    }
    this.data = data;
    const frame = decodeFrame(data);
    if (!this.spec) this.start(frame);
    else if (this.link.takesPageFrame(frame)) this.link.receive(frame);
    else this.repaint();
  }

  start(frame) {
    this.build(frame.header.panel);
    this.draw(frame, null);
    this.link.connect();
  }

  build(spec) {
    this.spec = spec;
    this.state = startingState(spec);
    this.tooltip = new Tooltip(this.element);
    explainTerms(this.element, spec.glossary);
    this.readout = new Readout(this);
    buildControls(this);
    if (spec.maps) this.solution = new Solution(this);
    else this.picture = new Picture(this);
    if (spec.handles.length) this.handles = new Handles(this);
    const simplexes = spec.conditions.filter(({ kind }) => kind === "simplex");
    this.bars = simplexes.map((quantity) => new ShareBars(this, quantity));
    this.charts = spec.curves.map((description) => new CurveChart(this, description));
    this.observer = new ResizeObserver(() => this.repaint());
    this.observer.observe(this.find(".readout"));
    this.observer.observe(this.find(".mat") ?? this.find(".maps"));
  }

  /** Name of one share: the label it counts, else its number. */
  shareName(quantity, index) {
    return this.spec.field.labels[index] ?? `${quantity.label} ${index + 1}`;
  }

  /** A small square in the colour of a label. */
  swatch(index) {
    const mark = make("b", { className: "swatch" });
    mark.style.background = `var(--label-${index})`;
    return mark;
  }

  /** The value of a row of the controls. */
  get(row) {
    const { name, default: initial } = row.quantity;
    const held = this.state[row.group][name] ?? this.drawnLatent?.[name] ?? initial;
    return row.index === null ? held : held[row.index];
  }

  /** Sets the value of a row; the other shares of a simplex follow. */
  set(row, value) {
    const held = this.state[row.group];
    const { name, low, high } = row.quantity;
    if (row.index === null) held[name] = value;
    else {
      if (this.moving?.row !== row) this.moving = { row, start: held[name] };
      held[name] = shared(this.moving.start, row.index, value, this.state.locked[name], low, high);
    }
    for (const other of Object.values(this.rows)) if (other.quantity === row.quantity) syncRow(this, other);
    this.handles?.place();
  }

  /** Holds a share, or lets it move again. */
  lock({ quantity, index }) {
    const { locked } = this.state;
    const held = locked[quantity.name] ?? [];
    locked[quantity.name] = held.includes(index) ? held.filter((i) => i !== index) : [...held, index];
    this.release();
  }

  request() {
    const { bestOf, off, ...state } = this.state;
    return { model: this.spec.model, ...state, off: [...off], best_of: bestOf };
  }

  /** What is requested now: while something moves, one draw without the stages that are left to the release. */
  wanted() {
    const request = this.request();
    if (!this.quick) return request;
    return { ...request, best_of: 1, off: [...new Set([...request.off, ...this.spec.late])] };
  }

  /** Requests a frame while something moves. */
  ask() {
    this.quick = true;
    this.link.ask();
  }

  /** The pointer is lifted: ask once more if something changed, then hand the request over once. */
  release(hasChanged = false) {
    this.moving = null;
    for (const row of Object.values(this.rows)) syncRow(this, row);
    const { bestOf, off } = this.state;
    const isUnfinished = this.quick && (bestOf > 1 || this.spec.late.some((stage) => !off.has(stage)));
    this.quick = false;
    if (hasChanged || isUnfinished) this.link.ask();
    this.link.commit(() => this.request());
  }

  /** Shows a frame; `stamp` is when the change it answers was made, null where it answers none. */
  draw(frame, stamp) {
    this.error = frame.header.error;
    this.element.dataset.refused = !!this.error;
    if (this.error && this.frame) {
      this.readout.notice(this.error, "error");
      return;
    }
    this.frame = frame;
    this.drawnLatent = frame.header.latent;
    this.repaint();
    const now = performance.now();
    this.canvas.dataset.seq = ++this.seq;
    this.canvas.dataset.id = frame.header.id;
    if (stamp !== null) {
      this.readout.countFrame(now, now - stamp);
      this.canvas.dataset.lag = (now - stamp).toFixed(1);
    }
    this.showTimes();
  }

  repaint() {
    if (!this.frame) return;
    const { header, arrays } = this.frame;
    if (this.solution) this.solution.repaint(arrays);
    else this.picture.draw(arrays.picture);
    this.handles?.fit(...arrays.picture.shape, this.picture.scale);
    for (const bars of this.bars) bars.draw(header);
    for (const chart of this.charts) chart.draw(arrays);
    for (const row of Object.values(this.rows)) {
      if (row.group === "latent" && !(row.quantity.name in this.state.latent)) syncRow(this, row);
    }
    this.readout.draw(this.frame);
    this.showNotice(header.warnings);
  }

  showNotice(warnings) {
    const { projection } = this.spec;
    const isUncorrected = projection && !this.state.project;
    const remark = `${projection} is off: this is the output of the generator before correction.`;
    const sentences = isUncorrected ? [...warnings, remark] : warnings;
    if (this.error) this.readout.notice(this.error, "error");
    else this.readout.notice(sentences.join(" "), sentences.length ? "warn" : "");
  }

  showTimes() {
    this.readout.drawTimes();
  }

  close() {
    this.observer?.disconnect();
    this.tooltip?.remove();
    this.link.close();
  }
}

/** What is requested at first, from the panel's description. */
function startingState({ dial, conditions }) {
  return {
    conditions: Object.fromEntries(conditions.map((q) => [q.name, dial.conditions[q.name] ?? q.default])),
    latent: { ...dial.latent },
    seed: dial.seed,
    size: dial.size,
    project: dial.project,
    off: new Set(dial.off),
    bestOf: dial.best_of,
    drawn: { ...dial.drawn },
    smooth: dial.smooth,
    at: { ...dial.at },
    locked: { ...dial.locked },
  };
}

export default componentOf(Panel, "panelOfExplorer");
