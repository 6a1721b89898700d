/* Play, pause, step and rewind, with a pump that takes as many steps as are due: for whatever can take a step, here or
 * on the server. */

import { make, makeButton, setAttributes } from "./dom.js";
import { explain } from "./tooltip.js";

const MOST_AT_ONCE = 64;
const PACES = [10, 30, 60, 120]; // steps a second
const START_PACE = 30;
const PLAYER_ICONS = {
  back: "M3 3h2v10H3zM13 3v10L6 8z",
  once: "M3 3v10l7-5zM11 3h2v10h-2z",
  play: "M4 2.5v11L13 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
};
const PLAYER_HELP = {
  "Back to the start": "Go back to step 0.",
  Play: "Take steps one after the other.",
  Pause: "Stop at this step.",
  "One step": "Take one step and stop.",
};

/** Buttons of a player in `element`.
 *
 *  `advance(count)` takes up to `count` steps and returns how many it took, or a promise of that (fewer: the end);
 *  `rewind()` goes back to the start. `seek(step)`, if there is one, goes to any step. Call `show(step, length)` when
 *  the step changed; without a length there is no end. Played at the end, it begins again. */
export class Transport {
  constructor(element, { advance, rewind, seek, paces = PACES }) {
    Object.assign(this, { element, advance, rewind, seek, playing: false, busy: false, pace: START_PACE });
    Object.assign(this, { marks: [], step: 0 });
    this.toggleButton = this.button("toggle", "Play", PLAYER_ICONS.play);
    const back = this.button("back", "Back to the start", PLAYER_ICONS.back);
    const once = this.button("once", "One step", PLAYER_ICONS.once);
    this.range = this.stepSlider();
    this.status = make("output", { className: "status" });
    const row = make("div", { className: "row" }, this.range);
    setAttributes(element, { role: "group", "aria-label": "Playback" });
    element.append(back, this.toggleButton, once, this.paceChoice(paces), this.status, row);
    this.showPlaying();
  }

  button(method, label, path) {
    const icon = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
    const button = makeButton({ innerHTML: icon }, () => this[method]());
    button.dataset.act = method;
    return explain(setAttributes(button, { "aria-label": label }), PLAYER_HELP[label]);
  }

  stepSlider() {
    const range = make("input", { type: "range", min: 0, max: 1, step: 1, hidden: !this.seek });
    range.setAttribute("aria-label", "Step shown");
    range.style.setProperty("--from", "0%");
    range.addEventListener("input", () => {
      this.pause();
      this.seek(+range.value);
    });
    return range;
  }

  paceChoice(paces) {
    const option = (pace) => make("option", { value: pace, textContent: `${pace}/s`, selected: pace === this.pace });
    const choice = make("select", {}, ...paces.map(option));
    choice.addEventListener("change", () => {
      this.pace = +choice.value;
      this.last = performance.now();
      this.marks = [];
    });
    return explain(setAttributes(choice, { "aria-label": "Steps per second" }), "Steps per second while it plays.");
  }

  showPlaying() {
    const { toggleButton, playing } = this;
    const label = playing ? "Pause" : "Play";
    toggleButton.setAttribute("aria-label", label);
    explain(toggleButton, PLAYER_HELP[label]);
    toggleButton.querySelector("path").setAttribute("d", playing ? PLAYER_ICONS.pause : PLAYER_ICONS.play);
    this.element.dataset.playing = playing;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.playing) return;
    if (this.length && this.step >= this.length) this.rewind();
    Object.assign(this, { playing: true, last: performance.now(), marks: [] });
    this.showPlaying();
    requestAnimationFrame((now) => this.pump(now));
  }

  pause() {
    this.playing = false;
    this.showPlaying();
  }

  async once() {
    this.pause();
    await this.take(1);
  }

  back() {
    this.pause();
    this.rewind();
  }

  /** Steps that are due go out together; none while others are under way. */
  pump(now) {
    if (!this.playing) return;
    const due = Math.min(MOST_AT_ONCE, Math.floor(((now - this.last) * this.pace) / 1000));
    if (due > 0 && !this.busy) {
      this.last = Math.max(this.last + (1000 * due) / this.pace, now - 1000 / this.pace);
      this.take(due).then((done) => {
        if (done < due) this.pause();
      });
    }
    requestAnimationFrame((next) => this.pump(next));
  }

  async take(count) {
    if (this.busy) return count;
    this.busy = true;
    try {
      const done = await this.advance(count);
      this.marks.push([performance.now(), done]);
      return done;
    } finally {
      this.busy = false;
      this.showStatus();
    }
  }

  /** Steps per second over the last second, while playing; else null. */
  rate() {
    const now = performance.now();
    this.marks = this.marks.filter(([time]) => now - time < 1000);
    const seconds = (this.marks.at(-1)?.[0] - this.marks[0]?.[0]) / 1000;
    if (!this.playing || !(seconds > 0.2)) return null;
    return this.marks.slice(1).reduce((total, [, count]) => total + count, 0) / seconds;
  }

  show(step, length) {
    Object.assign(this, { step, length });
    if (this.seek) {
      Object.assign(this.range, { max: length, value: step });
      this.range.style.setProperty("--to", `${(100 * step) / length}%`);
    }
    this.element.dataset.step = step;
    this.showStatus();
  }

  showStatus() {
    const rate = this.rate();
    const end = this.length ? ` of ${this.length}` : "";
    this.status.textContent = `step ${this.step}${end}${rate ? `, ${rate.toFixed(0)}/s` : ""}`;
  }
}
