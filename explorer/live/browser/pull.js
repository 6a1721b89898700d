/* A requested curve that is pulled on its own chart: control points at fixed distances, values in the scale of the request. */

const NUDGE = { ArrowUp: 0.02, ArrowRight: 0.02, ArrowDown: -0.02, ArrowLeft: -0.02, PageUp: 0.1, PageDown: -0.1 };
const STRIP = 32; // screen pixels

/** Linear interpolation of ys over increasing xs. */
function between(xs, ys, x) {
  const i = clamp(xs.findIndex((v) => v >= x), 1, xs.length - 1), share = clamp((x - xs[i - 1]) / (xs[i] - xs[i - 1]), 0, 1);
  return ys[i - 1] + share * (ys[i] - ys[i - 1]);
}

class Pull {
  constructor(panel, q, canvas, title) {
    Object.assign(this, { panel, q, canvas, held: null });
    this.board = make("div", { className: "board" });
    canvas.replaceWith(this.board);
    canvas.classList.add("profile");
    this.knobs = q.stroke.knots.map((_, i) => this.knob(i));
    this.board.append(canvas, ...this.knobs);
    this.hint = make("span", { className: "hint", textContent: "drag its points" });
    const other = panel.spec.conditions.find((c) => c.name === q.replaces);
    this.back = make("button", { type: "button", className: "back", textContent: `Back to ${(other?.label ?? "the slider").toLowerCase()}` });
    this.back.addEventListener("click", () => { this.leave(); panel.release(true); });
    title.append(this.hint, this.back);
    this.row = panel.rows[`conditions-${q.replaces}`];
    canvas.addEventListener("pointerdown", (event) => this.grab(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { if (this.held !== null) { this.held = this.span = null; panel.release(); panel.repaint(); } });
  }

  /** The control points of a curve that was pulled. */
  get points() { return this.panel.state.drawn[this.q.name]; }

  get scale() { return this.panel.frame.header.scales[this.q.name]; }

  /** Whether a curve stands in the place of the slider. */
  get active() { return this.q.name in this.panel.state.drawn || this.q.name in this.panel.state.conditions; }

  /** The points that follow the curve that is asked for now. */
  followed() {
    const { arrays } = this.panel.frame, [zero, height] = this.scale, { knots, low, high } = this.q.stroke;
    const xs = arrays[`asked_at.${this.q.name}`], ys = arrays[`asked.${this.q.name}`];
    return knots.map((x) => +clamp((between(xs, ys, x) - zero) / height, low, high).toFixed(4));
  }

  leave() { for (const group of [this.panel.state.drawn, this.panel.state.conditions]) delete group[this.q.name]; }

  lift(i, value) {
    const { low, high } = this.q.stroke, points = this.points ?? this.followed();
    this.leave();
    points[i] = +clamp(value, low, high).toFixed(4);
    this.panel.state.drawn[this.q.name] = points;
    this.place();
  }

  grab(event) {
    if (event.button || !this.map) return;
    const box = this.canvas.getBoundingClientRect(), x = event.clientX - box.left, far = this.q.stroke.knots.map((v) => Math.abs(this.map.fromX(v) - x));
    this.held = far.indexOf(Math.min(...far));
    this.span = this.map.span; // the axis holds still while a point moves
    this.canvas.setPointerCapture(event.pointerId);
    this.knobs[this.held].focus({ preventScroll: true });
    event.preventDefault();
    this.drag(event);
  }

  drag(event) {
    if (this.held === null) return;
    const [zero, height] = this.scale, y = event.clientY - this.canvas.getBoundingClientRect().top;
    this.lift(this.held, (this.map.toY(y) - zero) / height);
    this.panel.ask();
  }

  knob(i) {
    const { knots, low, high } = this.q.stroke, unit = this.panel.spec.field.unit;
    const knob = make("div", { className: "knob", tabIndex: 0, role: "slider", ariaLabel: `${this.q.label} at ${knots[i]} ${unit}`, ariaOrientation: "vertical", ariaValueMin: low, ariaValueMax: high });
    knob.addEventListener("keydown", (event) => {
      const step = NUDGE[event.key];
      if (!step) return;
      event.preventDefault();
      this.lift(i, (this.points ?? this.followed())[i] + step);
      this.panel.release(true);
    });
    return knob;
  }

  /** Points, button and slider show what is asked for; `map` says where on the chart. */
  place(map = this.map) {
    this.map = map;
    const points = this.points ?? this.followed(), [zero, height] = this.scale, { row, active } = this;
    this.knobs.forEach((knob, i) => {
      knob.style.left = `${map.fromX(this.q.stroke.knots[i])}px`;
      knob.style.top = `${map.fromY(zero + height * points[i])}px`;
      knob.classList.toggle("loose", !this.points);
      knob.ariaValueNow = points[i];
      knob.setAttribute("aria-valuetext", figures(zero + height * points[i]));
    });
    this.hint.hidden = !(this.back.hidden = !active);
    if (!row) return;
    row.range.disabled = row.value.disabled = active;
    row.element.classList.toggle("off", active);
    const implied = this.panel.frame.header.requested[this.q.replaces];
    if (active && implied !== undefined) { row.range.value = implied; row.value.value = show(implied, row.q.step); }
  }
}

/** A curve that has no chart of its own, as bars below another one's: how strictly each stretch of that one is held. */
class Strip {
  constructor(panel, q, keys) {
    Object.assign(this, { panel, q, held: null });
    const { knots, low, high } = q.stroke, unit = panel.spec.field.unit;
    this.bars = knots.map((at, i) => {
      const bar = make("div", { className: "bar", tabIndex: 0, role: "slider", ariaLabel: `${q.label} at ${at} ${unit}`, ariaOrientation: "vertical", ariaValueMin: low, ariaValueMax: high });
      bar.addEventListener("keydown", (event) => { const step = NUDGE[event.key]; if (step) { event.preventDefault(); this.lift(i, this.points[i] + 25 * step); panel.release(true); } });
      return bar;
    });
    this.back = make("button", { type: "button", className: "back", textContent: "Even" });
    this.back.addEventListener("click", () => { delete panel.state.drawn[q.name]; panel.release(true); });
    this.element = make("div", { className: "strip", title: q.help }, ...this.bars);
    this.element.style.height = `${STRIP}px`;
    keys.before(make("div", { className: "curve-title" }, make("span", { className: "hint", textContent: `${q.label}: drag the bars` }), this.back), this.element);
    this.element.addEventListener("pointerdown", (event) => this.grab(event));
    this.element.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.element.addEventListener(end, () => { if (this.held !== null) { this.held = null; panel.release(); } });
  }

  get points() { return this.panel.state.drawn[this.q.name] ?? this.q.stroke.knots.map(() => this.q.stroke.start); }

  lift(i, value) {
    const { low, high } = this.q.stroke, points = [...this.points];
    points[i] = +clamp(value, low, high).toFixed(2);
    this.panel.state.drawn[this.q.name] = points;
    this.draw();
  }

  grab(event) {
    if (event.button) return;
    const x = event.clientX - this.element.getBoundingClientRect().left, far = this.q.stroke.knots.map((v) => Math.abs(this.map.fromX(v) - x));
    this.held = far.indexOf(Math.min(...far));
    this.element.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.drag(event);
  }

  drag(event) {
    if (this.held === null) return;
    const box = this.element.getBoundingClientRect();
    this.lift(this.held, (this.q.stroke.high * (box.bottom - event.clientY)) / STRIP);
    this.panel.ask();
  }

  draw(map = this.map) {
    this.map = map;
    const { knots, high } = this.q.stroke;
    this.bars.forEach((bar, i) => {
      bar.style.left = `${map.fromX(knots[i])}px`;
      bar.style.height = `${Math.max(2, (STRIP * this.points[i]) / high)}px`;
      bar.ariaValueNow = this.points[i];
    });
    this.back.hidden = !(this.q.name in this.panel.state.drawn);
  }
}
