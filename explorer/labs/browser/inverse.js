/* The lab of the inverse problem: points, push-forward and the exact answer, all computed in Python. */

const HUE = { light: { made: "#0072B2", plan: "#C95B00", bad: "#C33C00" }, dark: { made: "#56B4E9", plan: "#F0A830", bad: "#FF8A5C" } };
const HEIGHTS = [252, 150];
const CONTOURS = [10, 100, 300, 700, 1300, 2000];

class Inverse extends Lab {
  build() {
    super.build();
    const map = this.find(".map");
    const to = (event) => {
      if (!this.chart || !(event.buttons & 1)) return;
      const { q } = this.rows.mean, value = this.chart.fromX(event.clientX - map.getBoundingClientRect().x);
      this.set({ mean: clamp(Math.round(value / q.step) * q.step, q.low, q.high) });
    };
    map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); to(event); });
    map.addEventListener("pointermove", to);
    map.addEventListener("pointerup", () => this.release());
    this.settle();
  }

  /** A uniform prior has no centre and no width. */
  settle() { for (const name of ["x1", "x2", "width"]) this.rows[name].element.hidden = this.dial.prior === "uniform"; }

  get look() { return { ink: this.ink, paper: this.paper, font: this.font }; }
  get hues() { return HUE[this.theme]; }

  repaint() {
    if (!this.frame) return;
    const { points, exact } = this.frame.arrays;
    this.points(".made", points, this.hues.made);
    this.points(".true", exact, this.ink);
    this.pushed();
    this.marginal(".first", 0);
    this.marginal(".second", 1);
    this.range();
    this.numbers();
  }

  /** Points over the levels of M; the level's two branches are x2 = x1^2 -+ sqrt((y - (1 - x1)^2) / 100). */
  points(place, points, hue) {
    const [x, y] = this.spec.edges, { bounds } = this.frame.header;
    const a = axes(this.find(`${place} canvas`), { x, y, height: HEIGHTS[0], look: this.look, names: ["x₁", "x₂"] });
    const [low, high] = this.spec.box, { g } = a;
    g.strokeStyle = this.ink; g.globalAlpha = 0.55; g.lineWidth = 1; g.setLineDash([4, 3]);
    g.strokeRect(a.px(low[0]), a.py(high[1]), a.px(high[0]) - a.px(low[0]), a.py(low[1]) - a.py(high[1]));
    g.setLineDash([]); g.globalAlpha = 1;
    for (const level of CONTOURS) this.level(a, level, this.ink, 0.8, 0.22);
    for (const level of bounds) this.level(a, level, this.hues.plan, 1.4, 0.9);
    a.clipped(() => { // squares, as discs take the browser longer
      Object.assign(g, { fillStyle: hue, globalAlpha: 0.7 });
      for (let i = 0; i < points.length; i += 2) g.fillRect(a.px(points[i]) - 1, a.py(points[i + 1]) - 1, 2, 2);
    });
    a.named();
  }

  level(a, y, style, thick, alpha) {
    const half = Math.sqrt(Math.max(y, 0)), [l, r] = [Math.max(a.x[0], 1 - half), Math.min(a.x[1], 1 + half)], steps = 90, sides = [[], []];
    for (let i = 0; i <= steps; i++) {
      const x = l + ((r - l) * i) / steps, d = Math.sqrt(Math.max(0, y - (1 - x) ** 2)) / 10;
      sides[0].push([x, x * x + d]); sides[1].push([x, x * x - d]);
    }
    for (const side of sides) a.line(side, style, thick, [], alpha);
  }

  bars(a, values, low, high, style) {
    const { g } = a, wide = (high - low) / values.length;
    a.clipped(() => {
      g.fillStyle = style;
      values.forEach((v, i) => { const l = a.px(low + i * wide), r = a.px(low + (i + 1) * wide); g.fillRect(l, a.py(v), r - l - 0.6, a.py(0) - a.py(v)); });
    });
  }

  steps(values, low, high) { const wide = (high - low) / values.length, out = []; values.forEach((v, i) => out.push([low + i * wide, v], [low + (i + 1) * wide, v])); return out; }

  pushed() {
    const { y, target, pushed, raw } = this.frame.arrays, [low, high] = this.frame.header.view, most = 1.12 * Math.max(...target, ...pushed);
    const a = axes(this.find(".push canvas"), { x: [low, high], y: [0, most], height: HEIGHTS[0], look: this.look, names: ["y = M(x)", ""], tick: () => "" });
    this.bars(a, pushed, low, high, this.hues.made + "99");
    a.line(this.steps(raw, low, high), this.hues.plan, 1.3, [3, 2]);
    a.line(Array.from(y, (v, i) => [v, target[i]]), this.ink, 2);
    a.named();
  }

  marginal(place, k) {
    const made = this.frame.arrays[`points.x${k + 1}`], exact = this.frame.arrays[`exact.x${k + 1}`], [low, high] = this.spec.edges[k];
    const most = 1.15 * Math.max(...made, ...exact, 0.1);
    const a = axes(this.find(`${place} canvas`), { x: [low, high], y: [0, most], height: HEIGHTS[1], look: this.look, names: [k ? "x₂" : "x₁", ""], tick: () => "" });
    this.bars(a, made, low, high, this.hues.made + "99");
    a.line(this.steps(exact, low, high), this.ink, 1.4);
  }

  /** The target over all levels, on an axis even in sqrt(y): how often the prior reaches them, and what was trained. */
  range() {
    const { reach, wish } = this.frame.arrays, { span, trained, largest } = this.spec, n = reach.length - 1;
    const a = this.chart = axes(this.find(".map"), { x: [0, span], y: [0, 1.15], height: HEIGHTS[1], look: this.look, names: ["y", ""], tick: () => "" });
    const { g, box } = a, top = Math.max(...wish) || 1, peak = Math.max(...reach.subarray(4)) || 1;
    g.fillStyle = this.hues.made; g.globalAlpha = 0.12;
    g.fillRect(a.px(trained[0]), box.t, a.px(trained[1]) - a.px(trained[0]), box.b - box.t);
    g.globalAlpha = 1;
    a.line(Array.from(reach, (v, i) => [(i * span) / n, Math.sqrt(v / peak)]), this.hues.made, 1.6);
    a.line([[largest, 0], [largest, 2]], this.hues.bad, 1.4, [4, 3]);
    a.line(Array.from(wish, (v, i) => [(i * span) / n, v / top]), this.ink, 2);
  }

  numbers() {
    const { table, flags } = this.frame.header, told = JSON.stringify([table, flags, this.theme]);
    if (told === this.told) return;
    this.told = told;
    const text = (pair) => (pair ? `${pair[0].toFixed(pair[0] < 9.95 ? 2 : 1)} ± ${pair[1].toFixed(2)}` : "");
    this.find(".facts tbody").replaceChildren(...table.map((row) => {
      const cells = ["W1", "KS", "W1 x1", "W1 x2"].map((k) => { const c = make("td", { textContent: text(row[k]) }); if (k === "W1" && row[k]) c.classList.add(row[k][0] <= 5 ? "met" : "missed"); return c; });
      return make("tr", {}, make("th", { textContent: row.name, scope: "row" }), ...cells);
    }));
    this.find(".flags").replaceChildren(...flags.map((textContent) => make("li", { textContent })));
    this.element.dataset.flagged = flags.length > 0;
  }
}

export default mounted(Inverse);
