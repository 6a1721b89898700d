/* Fields over physical axes: maps of field, exact solution, residual and error, the profile at one time, and drawing a start. */

const WIDE = 192, TALL = 236;

/** The smallest of 1, 2, 5 times a power of ten that holds 99 % of |values|, and the largest |value|. */
function reach(...maps) {
  const found = [];
  let largest = 0;
  for (const map of maps) for (let i = 0; i < map.length; i++) {
    const v = Math.abs(map[i]);
    if (v > largest) largest = v;
    if (i % 5 === 0) found.push(v);
  }
  found.sort((a, b) => a - b);
  const most = found[Math.floor(0.99 * found.length)] || largest || 1e-12, unit = 10 ** Math.floor(Math.log10(most));
  return [([1, 2, 5].find((m) => m * unit >= most * 0.999) ?? 10) * unit, largest];
}

/** A round number as short as it can be: 0.02, 5e-4. */
const round = (v) => (v >= 1e-3 ? String(+v.toPrecision(3)) : v.toExponential(+v.toExponential(0) === v ? 0 : 1));

/** ours - exact, point by point; null where there is nothing to compare with. */
function difference(ours, exact) {
  if (!exact || exact.some(Number.isNaN)) return null;
  const out = Object.assign(new Float32Array(ours.length), { shape: ours.shape });
  for (let i = 0; i < out.length; i++) out[i] = ours[i] - exact[i];
  return out;
}

class Solution {
  constructor(panel) {
    const { maps } = panel.spec;
    Object.assign(this, { panel, maps, choice: 0, knobs: [] });
    panel.element.classList.add("solution");
    this.drawable = panel.spec.drawable[0];
    this.buildMaps();
    this.buildProfile();
    this.buildDials();
  }

  /** Where the picture of a sample is elsewhere: four maps, the first one in the panel's own canvas. */
  buildMaps() {
    const { panel, maps } = this, [across, along] = maps.axes, stage = panel.find(".stage");
    const canvas = (name) => make("canvas", { className: name, width: WIDE, height: 8 });
    const titles = { field: "u, this model", exact: "u, exact", residual: "", error: "Error: ours − exact" };
    this.cells = {};
    const grid = make("div", { className: "maps" });
    for (const [name, title] of Object.entries(titles)) {
      const cell = { canvas: name === "field" ? panel.canvas : canvas(`map ${name}`), now: make("i", { className: "now" }), title: make("span", { textContent: title }) };
      Object.assign(cell, { low: make("span"), high: make("span"), ramp: make("b", { className: "ramp" }) });
      cell.canvas.setAttribute("role", "img");
      cell.canvas.setAttribute("aria-label", `${title || "Residual"}, ${across} upwards, ${along} to the right`);
      cell.empty = make("span", { className: "empty", hidden: true });
      cell.frame = make("div", { className: "frame" }, cell.canvas, cell.now, cell.empty);
      grid.append(make("figure", { className: "cell" }, make("figcaption", {}, cell.title, make("span", { className: "range" }, cell.low, cell.ramp, cell.high)), cell.frame));
      this.cells[name] = cell;
      this.scrubbing(cell.frame);
    }
    const { residuals } = maps, choose = make("select", { className: "residual-choice", title: "Which form of the residual" });
    choose.setAttribute("aria-label", "Residual shown");
    residuals.forEach((r, i) => choose.append(make("option", { value: i, textContent: `Residual: ${r.label.replace(/^Conservation law,? ?/, "") || r.label}${r.unit ? `, ${r.unit}` : ""}` })));
    choose.addEventListener("change", () => { this.choice = +choose.value; panel.repaint(); });
    this.cells.residual.title.replaceWith(choose);
    panel.find(".mat").remove();
    stage.prepend(grid);
    this.caption = panel.find(".legend");
    panel.find(".extent").textContent = `${across} ↑ 0 … 1, ${along} → 0 … ${maps.end}`;
  }

  /** A pointer on a map moves the time of the profile. */
  scrubbing(frame) {
    const move = (event) => {
      if (!event.buttons) return;
      const box = frame.getBoundingClientRect();
      this.panel.set(this.time, clamp((event.clientX - box.left) / box.width, 0, 1) * this.maps.end);
      this.scrub();
    };
    frame.addEventListener("pointerdown", (event) => { frame.setPointerCapture(event.pointerId); move(event); });
    frame.addEventListener("pointermove", move);
    frame.addEventListener("pointerup", () => this.panel.release());
  }

  scrub() { this.panel.repaint(); this.panel.canvas.dataset.seq = ++this.panel.seq; }

  buildDials() {
    const { panel, maps, drawable: q } = this, along = maps.axes[1];
    const row = panel.row("at", { name: along, label: "Time of the profile", symbol: along, unit: "", low: 0, high: maps.end, step: 0.005, default: maps.cut, kind: "scalar", help: "Or drag on a map" }, null);
    panel.find(".conditions").append(row);
    this.time = panel.rows[`at-${along}`];
    panel.find(".pair").hidden = true; // nothing here is random
    panel.find(".foot").hidden = !panel.spec.projection && !panel.spec.stages.length;
    this.plain = make("p", { className: "plain" });
    panel.find(".dials").append(this.plain);
    if (!q) return;
    const mode = (text, drawn) => { const b = make("button", { type: "button", textContent: text }); b.addEventListener("click", () => { drawn ? this.startDrawing() : this.stopDrawing(); panel.release(true); }); return b; };
    this.modes = [mode(q.replaces ? panel.spec.conditions.find((c) => c.name === q.replaces)?.label ?? "Dialled" : "Dialled", false), mode("Draw your own", true)];
    const presets = q.presets.map((p) => { const b = make("button", { type: "button", textContent: p.label }); b.addEventListener("click", () => this.preset(p)); return b; });
    this.smooth = make("input", { type: "checkbox", checked: panel.state.smooth });
    this.smooth.addEventListener("change", () => { panel.state.smooth = this.smooth.checked; panel.release(true); });
    this.smoothBox = make("label", { className: "smooth" }, this.smooth, "Join smoothly (else steps)");
    panel.find(".conditions").prepend(make("div", { className: "start" }, make("h3", { textContent: q.label }), make("div", { className: "modes", role: "group", ariaLabel: q.label }, ...this.modes)));
    panel.find(".conditions").append(make("div", { className: "presets", role: "group", ariaLabel: "Drawings to start from" }, ...presets), this.smoothBox);
  }

  buildProfile() {
    this.profileTitle = make("h3");
    this.profile = make("canvas", { className: "profile" });
    this.profile.setAttribute("role", "img");
    this.profile.setAttribute("aria-label", `Profile of the solution at the chosen time, with the exact one and the initial condition`);
    this.box = make("div", { className: "board" }, this.profile);
    this.keys = make("div", { className: "keys" });
    this.hint = make("span", { className: "hint" });
    this.panel.find(".curves").append(make("div", { className: "curve-title" }, this.profileTitle, this.hint), this.box, this.keys);
    if (!this.drawable) return;
    const drag = (event) => { if (event.buttons) this.draw(event); };
    this.profile.addEventListener("pointerdown", (event) => { this.profile.setPointerCapture(event.pointerId); this.held = this.span; this.last = null; if (!this.points) this.startDrawing(); this.draw(event); });
    this.profile.addEventListener("pointermove", drag);
    this.profile.addEventListener("pointerup", () => { this.held = null; this.panel.release(); });
  }

  get points() { return this.drawable && this.panel.state.drawn[this.drawable.name]; }

  /** The control points that follow the curve on the screen. */
  startDrawing() {
    if (this.points) return;
    const q = this.drawable, field = this.panel.frame.arrays["map.field"], [rows, columns] = field.shape;
    const at = (i) => field[Math.min(rows - 1, Math.floor(((i + 0.5) * rows) / q.points)) * columns];
    this.panel.state.drawn[q.name] = Array.from({ length: q.points }, (_, i) => +clamp(at(i), q.low, q.high).toFixed(3));
  }

  stopDrawing() { delete this.panel.state.drawn[this.drawable.name]; }

  preset({ points, smooth }) {
    const q = this.drawable, [low, high] = q.trained ?? [q.low, q.high];
    this.panel.state.drawn[q.name] = points ? [...points] : Array.from({ length: q.points }, () => +(low + (high - low) * Math.random()).toFixed(3));
    this.smooth.checked = this.panel.state.smooth = smooth;
    this.panel.release(true);
  }

  /** The pointer lifts the control point below it, and those it passed over. */
  draw(event) {
    const points = this.points, box = this.profile.getBoundingClientRect(), n = points.length;
    const i = clamp(Math.floor(this.toX(event.clientX - box.left) * n), 0, n - 1), y = this.toY(event.clientY - box.top);
    const from = this.last ?? { i, y }, count = Math.abs(i - from.i);
    for (let k = 0; k <= count; k++) this.lift(from.i + Math.sign(i - from.i) * k, from.y + ((y - from.y) * k) / (count || 1));
    this.last = { i, y };
    this.panel.ask();
  }

  lift(i, value) {
    const q = this.drawable;
    this.points[i] = +clamp(value, q.low, q.high).toFixed(3);
    this.place();
  }

  /** One focusable handle per control point; arrow keys move it. */
  knob(i) {
    const knob = make("div", { className: "knob", tabIndex: 0, role: "slider", ariaLabel: `Control point ${i + 1}`, ariaOrientation: "vertical", ariaValueMin: this.drawable.low, ariaValueMax: this.drawable.high });
    knob.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 0.02, ArrowRight: 0.02, ArrowDown: -0.02, ArrowLeft: -0.02, PageUp: 0.2, PageDown: -0.2 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.lift(i, this.points[i] + step);
      this.panel.release(true);
    });
    this.box.append(knob);
    return knob;
  }

  /** The handles stand on their control points. */
  place() {
    const points = this.points ?? [];
    while (this.knobs.length < points.length) this.knobs.push(this.knob(this.knobs.length));
    this.knobs.forEach((knob, i) => {
      knob.hidden = i >= points.length;
      if (knob.hidden) return;
      knob.style.left = `${this.fromX((i + 0.5) / points.length)}px`;
      knob.style.top = `${this.fromY(points[i])}px`;
      knob.ariaValueNow = points[i];
    });
  }

  repaint(arrays) {
    const { panel, maps } = this, field = arrays["map.field"], exact = arrays["map.exact"], along = arrays[`axis.${maps.axes[1]}`];
    if (this.theme !== panel.theme) this.colours();
    if (this.along !== along.length) this.sample(along);
    const known = maps.residuals[this.choice], residual = known && arrays[`map.residual.${known.name}`], error = difference(field, exact);
    const { low, high } = panel.spec.field;
    const range = [Math.min(low, ...this.ends(field)), Math.max(high, ...this.ends(field))];
    this.paint("field", field, this.ramp, range);
    this.paint("exact", exact?.some(Number.isNaN) ? null : exact, this.ramp, range, `The exact solution follows on release: here it takes seconds.`);
    const alone = residual ? reach(residual) : [1, 1], apart = error ? reach(error) : alone;
    const shared = error && known?.unit === panel.spec.field.unit;
    const joint = shared ? Math.max(alone[0], apart[0]) : apart[0], own = shared ? joint : alone[0];
    this.paint("residual", residual, this.diverging, [-own, own], "");
    const solved = this.cells.residual.empty; // a blank map says why
    solved.hidden = own < 20 * alone[1];
    solved.textContent = `Below ${round(alone[1])} everywhere${panel.state.project && maps.projection ? `: the ${maps.projection} solved the discrete equations. Switch it off to see the residual of the network` : ""}.`;
    this.paint("error", error, this.diverging, [-joint, joint], "Errors follow on release.");
    const say = (r, m) => `± ${round(r)} (largest ${figures(m)})`;
    this.caption.textContent = !error ? `Residual ${say(own, alone[1])}.` : shared ? `Residual and error share ${say(joint, Math.max(alone[1], apart[1]))}.` : `Error ${say(joint, apart[1])}; residual ${say(own, alone[1])}.`;
    this.curve(arrays, along);
    this.modesOf();
    this.compareTimes(panel.frame.header.times);
  }

  ends(map) {
    let low = Infinity, high = -Infinity;
    for (let i = 0; i < map.length; i++) { if (map[i] < low) low = map[i]; if (map[i] > high) high = map[i]; }
    return [low < -0.02 ? low : 0, high > 1.02 ? high : 1].map((v) => +v.toFixed(2));
  }

  colours() {
    const { panel } = this, { field } = panel.spec;
    this.theme = panel.theme;
    this.ramp = ramp(field[panel.theme]);
    this.diverging = ramp(field.diverging[panel.theme]);
    for (const [name, cell] of Object.entries(this.cells)) cell.ramp.style.background = `linear-gradient(to right, ${name === "field" || name === "exact" ? field[panel.theme] : field.diverging[panel.theme]})`;
    this.keysOf();
  }

  /** Equal times on the screen: which level each column shows. */
  sample(along) {
    this.along = along.length;
    this.columns = Uint16Array.from({ length: WIDE }, (_, i) => this.nearest(along, ((i + 0.5) / WIDE) * this.maps.end));
  }

  nearest(along, t) {
    let best = 0;
    for (let n = 1; n < along.length; n++) if (Math.abs(along[n] - t) < Math.abs(along[best] - t)) best = n;
    return best;
  }

  paint(name, map, colours, [low, high], missing = "") {
    const cell = this.cells[name], signed = low === -high;
    cell.empty.hidden = !!map;
    cell.canvas.style.visibility = map ? "" : "hidden";
    if (!map) { cell.empty.textContent = missing; cell.low.textContent = cell.high.textContent = ""; return; }
    const [rows, columns] = map.shape, { canvas } = cell;
    if (canvas.height !== rows || canvas.width !== WIDE) { Object.assign(canvas, { width: WIDE, height: rows }); cell.image = null; }
    const context = canvas.getContext("2d");
    cell.image ??= context.createImageData(WIDE, rows);
    const out = new Uint32Array(cell.image.data.buffer), scale = 255 / (high - low);
    for (let r = 0, k = 0; r < rows; r++) for (let c = 0, from = (rows - 1 - r) * columns; c < WIDE; c++, k++) {
      const v = (map[from + this.columns[c]] - low) * scale;
      out[k] = colours[v <= 0 ? 0 : v >= 255 ? 255 : Math.round(v)];
    }
    context.putImageData(cell.image, 0, 0);
    cell.low.textContent = signed ? "" : low === 0 ? "0" : figures(low);
    cell.high.textContent = signed ? `± ${round(high)}` : figures(high);
    canvas.dataset.range = high;
  }

  /** Which is faster here, said plainly. */
  compareTimes(times) {
    if (!this.plain || !times?.length || !this.maps.reference) return;
    const ours = times[0][1], exact = times.find(([label]) => label === this.maps.reference)?.[1];
    if (exact === undefined) return;
    this.plain.textContent = `Network ${ours.toFixed(1)} ms, exact solution ${exact.toFixed(1)} ms.${exact <= ours ? " A competent solver is faster than the network here; what the network adds stands below." : " What the network adds stands below."}`;
  }

  modesOf() {
    const { panel, drawable: q } = this;
    if (!q) return;
    const drawn = !!this.points;
    this.modes.forEach((b, i) => { b.ariaPressed = String(drawn === !!i); });
    this.smoothBox.hidden = !drawn;
    const row = panel.rows[`conditions-${q.replaces}`];
    if (row) { row.range.disabled = row.value.disabled = drawn; row.element.classList.toggle("off", drawn); }
  }

  keysOf() {
    const dark = this.theme === "dark";
    this.inks = { exact: dark ? "#E69F00" : "#D98A00", start: dark ? "#A9B4C0" : "#5B6570" };
    const key = (text, style) => { const b = make("b"); b.style.cssText = style; return make("span", {}, b, text); };
    this.keys.replaceChildren(key("this model", `color:${this.panel.delivered}`), key("exact", `color:${this.inks.exact};border-top-width:5px;opacity:.7`), key("initial condition", `color:${this.inks.start};border-top-style:dashed`));
  }

  curve(arrays, along) {
    const { panel, profile, maps } = this, g = profile.getContext("2d"), ratio = window.devicePixelRatio || 1, width = this.box.clientWidth || 400, height = TALL;
    if (profile.width !== Math.round(width * ratio) || profile.height !== Math.round(height * ratio)) {
      Object.assign(profile, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
      profile.style.height = `${height}px`;
    }
    const field = arrays["map.field"], exact = arrays["map.exact"], columns = field.shape[1], rows = field.shape[0];
    const level = this.nearest(along, panel.get(this.time)), x = arrays[`axis.${maps.axes[0]}`];
    const column = (map, n) => Float32Array.from({ length: rows }, (_, r) => map[r * columns + n]);
    const now = column(field, level), start = column(field, 0), truth = exact && column(exact, level);
    const pad = 0.06, span = this.held ?? this.spanOf([now, start, truth]);
    this.span = span;
    const box = { l: 34, r: width - 10, t: 6, b: height - 30 };
    this.fromX = (v) => box.l + (box.r - box.l) * v;
    this.toX = (px) => (px - box.l) / (box.r - box.l);
    this.fromY = (v) => box.b - ((box.b - box.t) * (v - span[0] + pad)) / (span[1] - span[0] + 2 * pad);
    this.toY = (py) => span[0] - pad + ((box.b - py) / (box.b - box.t)) * (span[1] - span[0] + 2 * pad);
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    this.axes(g, box, span);
    const line = (ys, style, thick, alpha, dash = []) => {
      g.beginPath(); g.strokeStyle = style; g.lineWidth = thick; g.lineJoin = "round"; g.globalAlpha = alpha; g.setLineDash(dash);
      for (let i = 0; i < rows; i++) i ? g.lineTo(this.fromX(x[i]), this.fromY(ys[i])) : g.moveTo(this.fromX(x[i]), this.fromY(ys[i]));
      g.stroke(); g.setLineDash([]); g.globalAlpha = 1;
    };
    line(start, this.inks.start, 1.3, 0.9, [4, 4]);
    if (truth && !truth.some(Number.isNaN)) line(truth, this.inks.exact, 6, 0.6);
    line(now, panel.delivered, 2, 1);
    this.profileTitle.textContent = `u(${maps.axes[0]}, ${maps.axes[1]} = ${along[level].toFixed(3)})`;
    this.hint.textContent = this.drawable ? (this.points ? "drag the points, or draw" : "draw on it to set your own start") : "";
    for (const cell of Object.values(this.cells)) cell.now.style.left = `${(100 * along[level]) / maps.end}%`;
    this.place();
  }

  spanOf(curves) {
    let [low, high] = this.drawable?.trained ?? [0, 1];
    for (const ys of curves) if (ys) for (const v of ys) { if (v < low) low = v; if (v > high) high = v; }
    for (const v of this.points ?? []) { low = Math.min(low, v); high = Math.max(high, v); }
    return [Math.floor(low * 10 + 0.2) / 10, Math.ceil(high * 10 - 0.2) / 10];
  }

  axes(g, box, [low, high]) {
    const { panel, maps } = this, step = nice((high - low) / 4);
    g.font = `11px ${panel.font}`; g.fillStyle = panel.ink; g.textBaseline = "middle"; g.textAlign = "right";
    for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + 1e-9; v += step) {
      g.globalAlpha = 0.14; g.fillRect(box.l, this.fromY(v), box.r - box.l, 1);
      g.globalAlpha = 0.8; g.fillText(+v.toFixed(6), box.l - 6, this.fromY(v));
    }
    g.textAlign = "center";
    for (let v = 0; v <= 1.001; v += 0.25) g.fillText(+v.toFixed(2), this.fromX(v), box.b + 11);
    g.fillText(maps.axes[0], (box.l + box.r) / 2, box.b + 23);
    g.globalAlpha = 1;
  }
}
