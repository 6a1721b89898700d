/* A lab's panel: sliders and choices on the left, fed by one frame per change like a model's panel (see link.js). */

import { readTheme } from "../../live/browser/common/canvas.js";
import { make, makeButton, setAttributes } from "../../live/browser/common/dom.js";
import { decodeFrame } from "../../live/browser/common/frames.js";
import { FrameRate, Link, MODE_WORDS } from "../../live/browser/common/link.js";
import { clamp, show } from "../../live/browser/common/numbers.js";
import { explain, explainTerms, term, Tooltip } from "../../live/browser/common/tooltip.js";

/** What all labs share. Who extends it draws the frame in `repaint()`, on `.picture` among others, and may add to
 *  `build()`; `settle()` changes what must follow from a change of the dial. */
export class Lab {
  constructor(root) {
    this.root = root;
    this.element = root.querySelector(".panel");
    this.find = (selector) => this.element.querySelector(selector);
    Object.assign(this, { seq: 0, frames: new FrameRate(), rows: {}, choices: [], link: new Link(this) });
  }

  /** Called by Streamlit on every rerun of the page and on every change of theme. */
  attach({ data, setStateValue }) {
    this.link.rerun = (request) => setStateValue("dial", request);
    Object.assign(this, readTheme(this.element, this.find(".notice")));
    if (!data || data === this.data) {
      if (this.frame) this.repaint();
      return;
    }
    this.data = data;
    const frame = decodeFrame(data);
    if (!this.spec) this.start(frame);
    else if (this.link.takesPageFrame(frame)) this.link.receive(frame);
    else this.repaint();
  }

  start(frame) {
    this.spec = frame.header.panel;
    this.dial = { ...this.spec.dial };
    this.build();
    this.draw(frame, null);
    this.link.connect();
  }

  build() {
    this.tooltip = new Tooltip(this.element);
    explainTerms(this.element, this.spec.glossary);
    const conditions = this.find(".conditions");
    for (const quantity of this.spec.quantities) conditions.append(this.slider(quantity));
    for (const choice of this.spec.choices) conditions.append(this.choice(choice));
    this.observer = new ResizeObserver(() => {
      if (this.frame) this.repaint();
    });
    this.observer.observe(this.element);
  }

  /** Ink, paper and font, for axes. */
  get look() {
    return { ink: this.ink, paper: this.paper, font: this.font };
  }

  slider(quantity) {
    const { name, label, symbol, help, low, high, step } = quantity;
    const range = make("input", { type: "range", id: `dial-${name}`, min: low, max: high, step });
    const valueStep = step === 1 ? 1 : "any";
    const value = make("input", { type: "number", className: "value", min: low, max: high, step: valueStep });
    value.setAttribute("aria-label", `${label}, exact value`);
    const text = make("label", { htmlFor: range.id }, term(label, help, make("i", { textContent: symbol })));
    const element = make("div", { className: "row" }, text, value, range);
    element.style.setProperty("--from", "0%");
    const row = { quantity, range, value, element };
    this.rows[name] = row;
    this.listenToRow(row);
    this.sync(row);
    return element;
  }

  listenToRow(row) {
    const { range, value, quantity } = row;
    range.addEventListener("input", () => this.set({ [quantity.name]: +range.value }));
    range.addEventListener("change", () => this.release());
    value.addEventListener("change", () => {
      const number = +value.value;
      if (value.value !== "" && Number.isFinite(number)) {
        const rounded = quantity.step === 1 ? Math.round(number) : number;
        this.set({ [quantity.name]: clamp(rounded, quantity.low, quantity.high) });
      }
      this.sync(row, true);
      this.release();
    });
  }

  /** A row of buttons of which one is pressed; kept in `choices` as {name, label, group, buttons}. */
  choice({ name, label, options }) {
    const buttons = options.map(([word, textContent, help]) => {
      const button = makeButton({ textContent }, () => {
        this.set({ [name]: word });
        this.release();
      });
      return explain(button, help);
    });
    const group = make("div", { className: "modes choice" }, ...buttons);
    group.dataset.count = buttons.length;
    setAttributes(group, { role: "group", "aria-label": label });
    const choice = { name, group, buttons, words: options.map(([word]) => word) };
    this.choices.push(choice);
    this.syncChoice(choice);
    const heading = make("h3", {}, term(label, this.spec.glossary[`choice.${name}`]));
    return make("div", { className: "start" }, heading, group);
  }

  syncChoice({ name, buttons, words }) {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", this.dial[name] === words[i]));
  }

  sync(row, isForced = false) {
    const { quantity, range, value, element } = row;
    const { name, low, high, step } = quantity;
    const current = this.dial[name];
    if (+range.value !== current) range.value = current;
    if (isForced || this.root.activeElement !== value) value.value = show(current, step);
    element.style.setProperty("--to", `${(100 * (current - low)) / (high - low)}%`);
    range.setAttribute("aria-valuetext", show(current, step));
  }

  /** Changes entries of the dial and requests its frame. */
  set(change) {
    Object.assign(this.dial, change);
    this.settle?.();
    for (const row of Object.values(this.rows)) this.sync(row);
    for (const choice of this.choices) this.syncChoice(choice);
    this.link.ask();
  }

  /** Sets the values of quantities that follow a pointer, to their steps and within their ranges. */
  setFromPointer(values) {
    const change = {};
    for (const [name, value] of Object.entries(values)) {
      const { low, high, step } = this.rows[name].quantity;
      change[name] = +clamp(Math.round(value / step) * step, low, high).toFixed(6);
    }
    this.set(change);
  }

  /** Calls `move(x, y)`, in pixels of the canvas, while a pointer is pressed on it, and releases in the end. */
  listenToChart(canvas, move) {
    const follow = (event) => {
      if (!(event.buttons & 1)) return;
      const box = canvas.getBoundingClientRect();
      move(event.clientX - box.x, event.clientY - box.y);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      follow(event);
    });
    canvas.addEventListener("pointermove", follow);
    canvas.addEventListener("pointerup", () => this.release());
  }

  /** What is requested now. */
  wanted() {
    return { lab: this.spec.model.split("/")[1], dial: this.dial };
  }

  /** The pointer is lifted: the dial is handed over once. */
  release() {
    this.link.commit(() => this.wanted());
  }

  /** Shows a frame; `stamp` is when the change it answers was made, null where it answers none. */
  draw(frame, stamp) {
    const { error } = frame.header;
    const notice = this.find(".notice");
    notice.textContent = error ?? "";
    notice.className = `notice ${error ? "error" : ""}`;
    if (!error) {
      this.frame = frame;
      this.repaint();
    }
    const now = performance.now();
    const canvas = this.find(".picture");
    canvas.dataset.seq = ++this.seq;
    if (stamp !== null) {
      this.frames.mark(now);
      canvas.dataset.lag = (now - stamp).toFixed(1);
    }
    this.showTimes();
  }

  /** How the panel is fed, and how fast while dragging. */
  showTimes() {
    const rate = this.frames.perSecond();
    const ms = this.frame?.header.ms;
    const parts = [MODE_WORDS[this.link.mode]];
    if (rate !== null) parts.push(`${rate} frames/s`);
    if (ms) parts.push(`computed in ${ms.toFixed(1)} ms`);
    this.find(".pace").textContent = parts.join(", ");
  }

  close() {
    this.observer?.disconnect();
    this.tooltip?.remove();
    this.link.close();
  }
}
