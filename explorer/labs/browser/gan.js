/* The GAN lab: the game is played in Python, step by step; here it is shown, driven and dragged. */

const COLOURS = { light: { p: "#0072B2", q: "#C95B00" }, dark: { p: "#56B4E9", q: "#F0A830" } };
const HIGH = 228, STUCK = 12000, MODES = { normal: 1, two: 2, eight: 8, uniform: 1 }, FLAT = Math.log(4);

class GanLab extends Lab {
  build() {
    super.build();
    this.afresh();
    const advance = (n) => this.advance(n);
    this.transport = new Transport(this.find(".transport"), { advance, rewind: () => { this.afresh(); this.link.ask(); }, paces: [2, 10, 30, 60, 120] });
    this.find('.choice[aria-label="Data p"]').classList.add("short");
    this.stories();
    this.handles();
    this.settle();
  }

  /** Only where they take turns can the critic have several. */
  settle() { this.rows.turns.element.hidden = this.dial.scheme !== "alternating"; }

  /** A new run on the server, at its start; the old one is forgotten. */
  afresh() { this.expected?.(this.run.to); this.run = { name: `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`, to: 0, at: 0 }; }
  wanted() { return { ...super.wanted(), run: this.run }; }

  /** Asks for the next n steps, again if the server's time for one answer was not enough. */
  advance(n) {
    const from = this.run.at;
    this.run.to = from + n;
    this.link.ask();
    return new Promise((resolve) => {
      this.expected = (steps) => { clearTimeout(this.patience); this.expected = null; resolve(steps - from); };
      this.patience = setTimeout(() => this.expected?.(from), STUCK);
    });
  }

  draw(frame, stamp) {
    super.draw(frame, stamp);
    const { error, ended, step, run } = frame.header;
    if (run === this.run.name) this.run.at = step;
    if (!this.expected || frame.header.id !== this.link.current) return;
    if (error || ended) this.expected(this.run.at);
    else if (this.run.at >= this.run.to) this.expected(this.run.at);
    else this.link.ask();
  }

  stories() {
    const place = this.find(".stories");
    this.buttons = this.spec.presets.map((preset) => {
      const b = make("button", { type: "button", textContent: preset.label, title: preset.help });
      b.addEventListener("click", () => { this.transport.pause(); this.afresh(); this.take(preset.dial); });
      place.append(b);
      return [preset, b];
    });
    this.cure = make("button", { type: "button", className: "cure", title: "Flips the switch that cures this failure and begins again" });
    this.cure.addEventListener("click", () => {
      const preset = this.story(), change = this.cured(preset) ? Object.fromEntries(Object.keys(preset.cure).map((k) => [k, preset.dial[k]])) : preset.cure;
      this.afresh();
      this.take(change);
    });
    place.append(this.cure);
  }

  /** Changes several entries of the dial and hands it over. */
  take(change) { this.set({ ...change }); this.release(); }

  set(change) {
    super.set(change);
    for (const c of this.spec.choices) this.find(`.choice[aria-label="${c.label}"]`).querySelectorAll("button").forEach((b, i) => b.setAttribute("aria-pressed", this.dial[c.name] === c.options[i][0]));
    this.mark();
  }

  /** The preset that is dialled, as it is or cured. */
  story() { return this.spec.presets.find((p) => Object.entries(p.dial).every(([k, v]) => this.dial[k] === v || this.dial[k] === p.cure[k])); }
  cured(preset) { return Object.entries(preset.cure).every(([k, v]) => this.dial[k] === v); }

  mark() {
    const story = this.story();
    for (const [preset, b] of this.buttons) b.setAttribute("aria-pressed", preset === story);
    this.cure.hidden = !story?.with;
    if (!story?.with) return;
    this.cure.textContent = this.cured(story) ? `Cured: ${story.with}` : `Cure it: ${story.with}`;
    this.cure.setAttribute("aria-pressed", this.cured(story));
  }

  /** Handles on p: the round one moves it, the square one spreads its bumps, the one on the flank widens them. */
  handles() {
    const canvas = this.find(".density canvas"), at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.x, event.clientY - box.y]; };
    canvas.addEventListener("pointerdown", (event) => {
      const [x, y] = at(event), near = (this.grips ?? []).map((g) => [Math.hypot(g.x - x, g.y - y), g.name]).sort((a, b) => a[0] - b[0])[0];
      if (!near || near[0] > 26) return;
      this.held = near[1];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.held) return;
      const x = this.chart.fromX(at(event)[0]), { q } = this.rows[this.held], n = MODES[this.dial.density], end = this.dial.centre + (this.dial.gap * (n - 1)) / 2;
      const value = { centre: x, gap: (2 * (x - this.dial.centre)) / (n - 1), width: x - end }[this.held];
      this.set({ [this.held]: +clamp(Math.round(value / q.step) * q.step, q.low, q.high).toFixed(6) });
    });
    const up = () => { if (this.held) { this.held = null; this.release(); } };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
  }

  get look() { return { ink: this.ink, paper: this.paper, font: this.font }; }
  get hue() { return COLOURS[this.theme]; }

  repaint() {
    if (!this.frame || !this.transport) return;
    const { step } = this.frame.header;
    this.element.dataset.step = step;
    this.transport.show(step);
    this.mark();
    this.densities();
    this.critics();
    this.values();
    this.norms();
    this.numbers();
  }

  densities() {
    const { x, p, q } = this.frame.arrays, { view } = this.frame.header, top = Math.max(...p), most = Math.max(...q);
    const a = this.chart = axes(this.find(".density canvas"), { x: [-view, view], y: [0, 1.22 * Math.max(top, Math.min(most, 2.5 * top))], height: HIGH, look: this.look, names: ["x", ""] });
    const area = (values, hue, alpha) => a.clipped(() => {
      a.g.beginPath(); a.g.moveTo(a.px(x[0]), a.py(0));
      values.forEach((v, i) => a.g.lineTo(a.px(x[i]), a.py(v)));
      a.g.lineTo(a.px(x.at(-1)), a.py(0)); a.g.globalAlpha = alpha; a.g.fillStyle = hue; a.g.fill();
    });
    area(p, this.hue.p, 0.2);
    area(q, this.hue.q, 0.24);
    a.line(Array.from(x, (v, i) => [v, p[i]]), this.hue.p, 1.8);
    a.line(Array.from(x, (v, i) => [v, q[i]]), this.hue.q, 1.8);
    const { centre, width, gap, density } = this.dial, n = MODES[density], end = centre + (gap * (n - 1)) / 2, lift = a.box.t + 12;
    const flank = a.py(top * 0.6065);
    this.grips = [{ name: "centre", x: a.px(centre), y: lift }, ...(n > 1 ? [{ name: "gap", x: a.px(end), y: lift }] : []), { name: "width", x: a.px(end + width), y: density === "uniform" ? lift : flank }];
    for (const grip of this.grips) {
      const { g } = a;
      g.globalAlpha = 1;
      Object.assign(g, { fillStyle: this.paper, strokeStyle: this.hue.p, lineWidth: 2 });
      g.setLineDash([]);
      g.beginPath();
      if (grip.name === "gap") g.rect(grip.x - 5, grip.y - 5, 10, 10); else g.arc(grip.x, grip.y, grip.name === "centre" ? 6.5 : 5, 0, 7);
      g.fill(); g.stroke();
    }
  }

  critics() {
    const { x, learnt, optimal } = this.frame.arrays, { view, dial } = this.frame.header, slope = dial.loss === "wgan_gp";
    const { p, q } = this.frame.arrays, there = [...learnt].filter((v, i) => p[i] + q[i] > 0.01), reach = slope ? Math.max(1, ...[...optimal, ...there].map(Math.abs)) * 1.08 : 1;
    this.find(".critic b").textContent = slope ? "Critic f and Kantorovich potential f*" : dial.loss === "relativistic" ? "Critic s(C − const) and D* = p/(p + q)" : "Critic D and D* = p/(p + q)";
    this.find(".critic span").replaceChildren(make("i", { className: "q" }), "learnt ", make("i", { className: "best" }), slope ? "f*, |slope| ≤ 1; D* does not apply" : "D*, where p or q is");
    const a = axes(this.find(".critic canvas"), { x: [-view, view], y: slope ? [-reach, reach] : [-0.04, 1.04], height: HIGH, look: this.look, names: ["x", ""] });
    if (!slope) a.line([[-view, 0.5], [view, 0.5]], this.ink, 1, [2, 4], 0.5);
    a.line(Array.from(x, (v, i) => [v, learnt[i]]), this.hue.q, 2.2);
    for (const part of pieces(x, optimal)) a.line(part, this.ink, 1.6, [5, 4], 0.9);
    if (!slope) { a.g.fillStyle = this.ink; a.g.globalAlpha = 0.6; a.g.textAlign = "left"; a.g.fillText("1/2", a.box.l + 4, a.py(0.5) - 8); a.g.globalAlpha = 1; }
  }

  trace(name) { return this.frame.arrays[`trace.${name}`]; }

  values() {
    const step = this.trace("step"), learnt = this.trace("learnt"), optimal = this.trace("optimal"), slope = this.dial.loss === "wgan_gp";
    const shown = [...learnt, ...optimal].filter(Number.isFinite), last = Math.max(20, this.frame.header.step);
    const y = slope ? [Math.max(-4, Math.min(0, ...shown)) - 0.2, Math.min(30, Math.max(1, ...shown)) * 1.08] : [Math.max(-3, Math.min(-1.6, ...shown)), 0.06];
    this.find(".value b").textContent = slope ? "E f(x) − E f(G(z)) and W₁" : this.dial.loss === "relativistic" ? "Value over pairs" : "Value V";
    const a = axes(this.find(".value canvas"), { x: [0, last], y, height: HIGH, look: this.look, names: ["step", ""], whole: true });
    if (!slope) {
      a.line([[0, -FLAT], [last, -FLAT]], this.ink, 1, [2, 4], 0.7);
      a.g.fillStyle = this.ink; a.g.globalAlpha = 0.75; a.g.textAlign = "right"; a.g.fillText("−log 4", a.box.r - 2, a.py(-FLAT) + 10); a.g.globalAlpha = 1;
    }
    for (const part of pieces(step, learnt)) a.line(part, this.hue.q, 1.8);
    for (const part of pieces(step, optimal)) a.line(part, this.ink, 1.5, [5, 4], 0.9);
  }

  norms() {
    const step = this.trace("step"), both = ["generator", "critic"].map((n) => this.trace(n).map((v) => Math.log10(Math.max(v, 1e-9))));
    const all = both.flatMap((b) => [...b]).filter(Number.isFinite), last = Math.max(20, this.frame.header.step);
    const low = Math.floor(Math.min(-3, ...all)), high = Math.ceil(Math.max(1, ...all));
    const a = axes(this.find(".norms canvas"), { x: [0, last], y: [low, high + 0.15], height: HIGH, look: this.look, names: ["step", ""], whole: true, tick: (v) => (Number.isInteger(v) ? `10${raised(v)}` : "") });
    both.forEach((b, i) => { for (const part of pieces(step, b)) a.line(part, i ? this.hue.p : this.hue.q, i ? 1.4 : 1.9); });
  }

  numbers() {
    const { facts: f, verdict, dial } = this.frame.header, short = (v) => show(Math.abs(v) < 5e-5 ? 0 : v), slope = dial.loss === "wgan_gp", pairs = dial.loss === "relativistic";
    const tiles = [
      [slope ? "E f − E f(G), learnt" : "V(D), learnt", short(f.learnt), "Measured with the learnt critic, over values of p and q of equal probability"],
      [slope ? "the same at f*" : "V(D*)", short(f.optimal), "Measured over the same values with the critic that theory says is optimal"],
      [slope ? "W₁ = ∫|F_p − F_q|" : "−log 4 + 2 JSD", short(f.identity), pairs ? "JSD of p × q and q × p, by integration" : "By integration of the densities: equal to what stands to the left"],
      slope ? ["slope of f", figures(f.slope), "Largest where p or q is; the dual of W₁ allows 1"] : ["mean |D − ½|", show(f.off), "Over p and q"],
      slope ? ["weights of f", figures(f.weights), "Norm of the critic's weights"] : ["mean D", show(f.mean), "Over p and q: 1/2 also for a critic that is sure, so see |D − 1/2|"],
      ["modes covered", `${f.modes[0]} of ${f.modes[1]}`, "Modes in which q has at least a quarter of the probability of p"],
      ["W₁(p, q)", show(f.w1, 0.001), "Wasserstein distance between the densities"],
      ["gradient of G", f.generator === null ? "–" : figures(f.generator), "Norm in the last step"],
    ];
    this.find(".tiles").replaceChildren(...tiles.map(([name, value, title]) => make("div", { title }, make("dt", { textContent: name }), make("dd", { textContent: value }))));
    const told = this.find(".verdict");
    told.dataset.state = verdict[0];
    told.replaceChildren(make("b", { textContent: verdict[0][0].toUpperCase() + verdict[0].slice(1) }), verdict[1]);
  }

  close() { this.transport?.pause(); super.close(); }
}

const raised = (n) => String(n).replace(/./g, (c) => ({ "-": "⁻" })[c] ?? "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]);

/** Points of a curve, in pieces where it is finite. */
function pieces(x, y) {
  const out = [[]];
  y.forEach((v, i) => { if (Number.isFinite(v)) out.at(-1).push([x[i], v]); else if (out.at(-1).length) out.push([]); });
  return out.filter((part) => part.length);
}

export default mounted(GanLab);
