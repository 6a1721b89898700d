/* Play, pause, step and rewind, with a pump that asks for as many steps as are due: for whatever can take a step, here or elsewhere. */

const MOST_AT_ONCE = 64, PACES = [10, 30, 60, 120];

class Transport {
  /** `advance(n)` takes up to n steps and returns how many it took, or a promise of that (fewer: the end); `rewind()` goes back to the
      start. `seek(step)`, if there is one, goes to any step. Call `show(step, length)` whenever the step changed; without a length
      there is no end. Played at the end, it begins again. */
  constructor(element, { advance, rewind, seek, paces = PACES }) {
    Object.assign(this, { element, advance, rewind, seek, playing: false, busy: false, pace: 30, marks: [], step: 0 });
    const button = (name, title, path) => {
      const b = make("button", { type: "button", title });
      b.setAttribute("aria-label", title);
      b.dataset.act = name;
      b.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
      b.addEventListener("click", () => this[name]());
      return b;
    };
    this.buttons = { back: button("back", "Back to the start", "M3 3h2v10H3zM13 3v10L6 8z"), toggle: button("toggle", "Play", ""), once: button("once", "One step", "M3 3v10l7-5zM11 3h2v10h-2z") };
    this.range = make("input", { type: "range", min: 0, max: 1, step: 1, hidden: !seek });
    this.range.setAttribute("aria-label", "Step shown");
    this.range.addEventListener("input", () => { this.pause(); this.seek(+this.range.value); });
    this.choice = make("select", { title: "Steps per second" }, ...paces.map((p) => make("option", { value: p, textContent: `${p}/s`, selected: p === this.pace })));
    this.choice.setAttribute("aria-label", "Steps per second");
    this.choice.addEventListener("change", () => { this.pace = +this.choice.value; this.last = performance.now(); this.marks = []; });
    this.told = make("output", { className: "told" });
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", "Playback");
    element.append(...Object.values(this.buttons), this.choice, this.told, make("div", { className: "row" }, this.range));
    this.range.style.setProperty("--from", "0%");
    this.look();
  }

  look() {
    const { toggle } = this.buttons, title = this.playing ? "Pause" : "Play";
    toggle.title = title;
    toggle.setAttribute("aria-label", title);
    toggle.querySelector("path").setAttribute("d", this.playing ? "M4 3h3v10H4zM9 3h3v10H9z" : "M4 2.5v11L13 8z");
    this.element.dataset.playing = this.playing;
  }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  play() {
    if (this.playing) return;
    if (this.length && this.step >= this.length) this.rewind();
    Object.assign(this, { playing: true, last: performance.now(), marks: [] });
    this.look();
    requestAnimationFrame((now) => this.pump(now));
  }

  pause() { this.playing = false; this.look(); }

  async once() { this.pause(); await this.take(1); }

  back() { this.pause(); this.rewind(); }

  /** Steps that are due go out together; none while others are under way. */
  pump(now) {
    if (!this.playing) return;
    const due = Math.min(MOST_AT_ONCE, Math.floor(((now - this.last) * this.pace) / 1000));
    if (due > 0 && !this.busy) {
      this.last = Math.max(this.last + (1000 * due) / this.pace, now - 1000 / this.pace);
      this.take(due).then((done) => { if (done < due) this.pause(); });
    }
    requestAnimationFrame((then) => this.pump(then));
  }

  async take(n) {
    if (this.busy) return n;
    this.busy = true;
    try {
      const done = await this.advance(n);
      this.marks.push([performance.now(), done]);
      return done;
    } finally { this.busy = false; this.tell(); }
  }

  /** Steps per second over the last second, while playing. */
  rate() {
    const now = performance.now();
    this.marks = this.marks.filter(([t]) => now - t < 1000);
    const seconds = (this.marks.at(-1)?.[0] - this.marks[0]?.[0]) / 1000;
    return this.playing && seconds > 0.2 ? this.marks.slice(1).reduce((sum, [, n]) => sum + n, 0) / seconds : null;
  }

  show(step, length) {
    Object.assign(this, { step, length });
    if (this.seek) { this.range.max = length; this.range.value = step; this.range.style.setProperty("--to", `${(100 * step) / length}%`); }
    this.element.dataset.step = step;
    this.tell();
  }

  tell() {
    const rate = this.rate();
    this.told.textContent = `step ${this.step}${this.length ? ` of ${this.length}` : ""}${rate ? `, ${rate.toFixed(0)}/s` : ""}`;
  }
}
