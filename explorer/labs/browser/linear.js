/* The lab of the linear game: everything it draws was computed in Python; here it is shown and played. */

const HUES = { light: { free: "#0072B2", motif: "#C95B00" }, dark: { free: "#56B4E9", motif: "#F0A830" } };
const TALL = 214;

class LinearGame extends Lab {
  build() {
    super.build();
    this.at = null; // the step shown; null: the last one
    this.chosen = {};
    const advance = (n) => { const from = this.now(), to = Math.min(this.steps(), from + n); this.seek(to); return to - from; };
    this.transport = new Transport(this.find(".transport"), { advance, rewind: () => this.seek(0), seek: (step) => this.seek(step) });
    this.listen();
  }

  /** The motif is never larger than x. */
  settle() {
    const { motif, dimension } = this.dial;
    if (motif > dimension) this.dial.motif = dimension;
  }

  listen() {
    const map = this.find(".map"), bars = this.find(".bars");
    const to = (event) => {
      if (!this.chart || !(event.buttons & 1)) return;
      const box = map.getBoundingClientRect(), change = {};
      for (const [name, value] of [["eta", this.chart.fromX(event.clientX - box.x)], ["mu", this.chart.fromY(event.clientY - box.y)]]) {
        const { q } = this.rows[name];
        change[name] = +clamp(Math.round(value / q.step) * q.step, q.low, q.high).toFixed(6);
      }
      this.set(change);
    };
    map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); to(event); });
    map.addEventListener("pointermove", to);
    map.addEventListener("pointerup", () => this.release());
    bars.addEventListener("click", (event) => {
      const d = this.frame.header.v.length, i = clamp(Math.round(this.barsAt.fromX(event.clientX - bars.getBoundingClientRect().x)) - 1, 0, d - 1);
      this.chosen[this.block("motif")?.at.includes(i) ? "motif" : "free"] = i;
      this.repaint();
    });
  }

  steps() { return this.frame?.header.steps ?? 0; }
  now() { return Math.min(this.at ?? this.steps(), this.steps()); }
  seek(step) { this.at = step; this.repaint(); }
  block(name) { return this.frame.header.blocks.find((b) => b.name === name); }
  get look() { return { ink: this.ink, paper: this.paper, font: this.font }; }
  get hues() { return HUES[this.theme]; }

  repaint() {
    if (!this.frame) return;
    const begun = performance.now();
    this.transport.show(this.now(), this.steps());
    for (const name of ["free", "motif"]) this.portrait(name);
    this.spectrum();
    this.distance();
    this.coordinates();
    this.map();
    this.numbers();
    this.element.dataset.step = this.now();
    this.element.dataset.ms = (performance.now() - begun).toFixed(1);
  }

  /** The coordinate of a block that is shown: the one clicked on, else the first. */
  coordinate(block) { return block.at.includes(this.chosen[block.name]) ? this.chosen[block.name] : block.at[0]; }

  value(name, step, i) { const a = this.frame.arrays[name]; return a[step * a.shape[1] + i]; }

  /** theta against psi of one coordinate: the field of the game, the whole orbit, what was played of it, where it should end. */
  portrait(name) {
    const figure = this.find(`.${name}`), canvas = figure.querySelector("canvas"), title = figure.querySelector("b"), block = this.block(name);
    figure.classList.toggle("absent", !block);
    title.textContent = `${name === "free" ? "Free" : "Motif"} coordinate${block ? ` ${this.coordinate(block) + 1}` : "s: none"}`;
    if (!block) { sharp(canvas, TALL); return; }
    const i = this.coordinate(block), { nash } = this.frame.header, star = [nash.theta[i], nash.psi[i]], hue = this.hues[name];
    const reach = 1.5 * Math.max(0.4, Math.hypot(...star)), about = (v) => [v - reach, v + reach];
    const a = axes(canvas, { x: about(star[0]), y: about(star[1]), height: TALL, square: true, look: this.look, names: [`θ${sub(i + 1)}`, `ψ${sub(i + 1)}`] });
    this.flow(a, block.field, star);
    const points = Array.from({ length: this.steps() + 1 }, (_, t) => [this.value("theta", t, i), this.value("psi", t, i)]), t = this.now();
    a.line(points, hue, 1, [], 0.35);
    a.line(points.slice(0, t + 1), hue, 1.8);
    a.dots(points.slice(Math.max(0, t - 60), t), 1.7, hue);
    if (block.shift) cross(a, [star[0], star[1] * (1 + block.shift)], this.ink);
    a.dot(...points[0], 3.2, this.paper, this.ink);
    a.dot(...star, 5, null, this.ink);
    a.dot(...star, 1.6, this.ink);
    a.dot(...points[t], 4.6, hue, this.paper);
    a.named();
    Object.assign(canvas.dataset, { coordinate: i, theta: points[t][0], psi: points[t][1] });
  }

  /** Arrows along -A z: where the gradients point, whatever the scheme. */
  flow(a, field, star) {
    const n = 11, { g } = a, rows = Math.round((n * (a.box.b - a.box.t)) / (a.box.r - a.box.l));
    a.clipped(() => {
      Object.assign(g, { strokeStyle: this.ink, globalAlpha: 0.22, lineWidth: 1 });
      g.beginPath();
      for (let i = 0; i < n; i++) for (let j = 0; j < rows; j++) {
        const x = a.box.l + ((i + 0.5) * (a.box.r - a.box.l)) / n, y = a.box.t + ((j + 0.5) * (a.box.b - a.box.t)) / rows;
        const z = [a.fromX(x) - star[0], a.fromY(y) - star[1]], v = field.length > 1 ? field.map((row) => -(row[0] * z[0] + row[1] * z[1])) : [-field[0][0] * z[0], 0];
        const size = Math.hypot(...v), long = size ? (9 * size) / (size + 0.5) : 0, [dx, dy] = size ? [(v[0] / size) * long, (-v[1] / size) * long] : [0, 0];
        g.moveTo(x - dx, y - dy); g.lineTo(x + dx, y + dy);
        if (long > 2) { g.lineTo(x + dx * 0.4 - dy * 0.35, y + dy * 0.4 + dx * 0.35); g.moveTo(x + dx, y + dy); g.lineTo(x + dx * 0.4 + dy * 0.35, y + dy * 0.4 - dx * 0.35); }
      }
      g.stroke();
    });
  }

  /** Eigenvalues of a step in the complex plane, and their path as eta runs over its range. */
  spectrum() {
    const { blocks } = this.frame.header, all = blocks.flatMap((b) => b.eigenvalues), most = Math.max(...all.map(([x, y]) => Math.hypot(x, y)));
    const reach = Math.max(1.25, 1.12 * most);
    const a = axes(this.find(".spectrum canvas"), { x: [-reach, reach], y: [-reach, reach], height: TALL, square: true, look: this.look, names: ["Re λ", "Im λ"] });
    a.line(Array.from({ length: 129 }, (_, k) => [Math.cos((k * Math.PI) / 64), Math.sin((k * Math.PI) / 64)]), this.ink, 1.4, [], 0.7);
    for (const b of blocks) {
      const path = this.frame.arrays[`locus.${b.name}`];
      a.dots(Array.from({ length: path.length / 2 }, (_, i) => [path[2 * i], path[2 * i + 1]]), 0.9, this.hues[b.name] + "88");
    }
    for (const b of blocks) for (const [x, y] of b.eigenvalues) a.dot(x, y, 4.4, this.hues[b.name], this.paper);
    a.named();
  }

  /** log10 distance of each block from its fixed point, and the line of its spectral radius. */
  distance() {
    const { blocks } = this.frame.header, t = this.now(), n = this.steps(), logs = blocks.map((b) => this.frame.arrays[`distance.${b.name}`]);
    this.find(".distance b").textContent = `Distance to equilibrium${blocks.some((b) => b.shift && b.mu) ? " or ×" : ""}`;
    const low = Math.max(-14, Math.min(...logs.map((l) => Math.min(...l)), -1)), high = Math.min(14, Math.max(...logs.map((l) => Math.max(...l)), 0.5));
    const a = axes(this.find(".distance canvas"), { x: [0, n], y: [Math.floor(low), Math.ceil(high + 0.3)], height: TALL, look: this.look, names: ["step", ""], tick: (v) => (Number.isInteger(v) ? `10${sup(v)}` : "") });
    blocks.forEach((b, j) => {
      const points = Array.from(logs[j], (v, i) => [i, v]), hue = this.hues[b.name];
      a.line(points, hue, 1.6, [], 0.35);
      a.line(points.slice(0, t + 1), hue, 2.2);
      a.line([[0, logs[j][0]], [n, logs[j][0] + n * Math.log10(Math.max(b.radius, 1e-30))]], this.ink, 1.2, [5, 4], 0.85);
      a.dot(t, logs[j][t], 4, hue, this.paper);
    });
  }

  /** theta, the mean of the data and the motif, coordinate by coordinate. */
  coordinates() {
    const { v, m } = this.frame.header, d = v.length, t = this.now(), motif = this.block("motif")?.at ?? [];
    const a = this.barsAt = axes(this.find(".bars"), { x: [0.4, d + 0.6], y: [-1.7, 1.7], height: TALL, look: this.look, names: ["coordinate", ""], whole: true });
    const { g, box } = a, half = Math.min(11, (0.36 * (box.r - box.l)) / (d + 0.2));
    const dash = (i, value, style, thick) => a.clipped(() => { g.strokeStyle = style; g.lineWidth = thick; g.beginPath(); g.moveTo(a.px(i + 1) - half, a.py(value)); g.lineTo(a.px(i + 1) + half, a.py(value)); g.stroke(); });
    if (motif.length) { g.fillStyle = this.hues.motif; g.globalAlpha = 0.1; g.fillRect(a.px(0.5), box.t, a.px(motif.length + 0.5) - a.px(0.5), box.b - box.t); g.globalAlpha = 1; }
    for (let i = 0; i < d; i++) {
      const name = motif.includes(i) ? "motif" : "free", theta = this.value("theta", t, i);
      dash(i, v[i], this.ink, 2);
      if (name === "motif") dash(i, m[i], this.hues.motif, 3);
      a.line([[i + 1, 0], [i + 1, clamp(theta, -1.7, 1.7)]], this.hues[name], 2, [], 0.5);
      a.dot(i + 1, clamp(theta, -1.62, 1.62), 4, Math.abs(theta) > 1.62 ? this.paper : this.hues[name], this.hues[name]);
    }
  }

  /** The spectral radius over eta and mu, with the border of the motif's contraction and the point that is dialled. */
  map() {
    const { map, border } = this.frame.arrays, [rows, columns] = map.shape, [eta, mu] = this.spec.quantities, canvas = this.find(".map");
    const a = this.chart = axes(canvas, { x: [eta.low, eta.high], y: [mu.low, mu.high], height: TALL, look: this.look, names: ["η", ""] });
    const { g, box } = a, key = `${this.theme} ${this.dial.scheme} ${this.frame.header.dial.scheme} ${this.frame.header.dial.critic} ${this.frame.header.blocks.length}${this.frame.header.blocks[0].name}`;
    if (this.tile?.key !== key) {
      const tile = make("canvas", { width: columns, height: rows }), image = tile.getContext("2d").createImageData(columns, rows), words = new Uint32Array(image.data.buffer), colours = ramp(this.spec.diverging[this.theme]);
      for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) words[(rows - 1 - r) * columns + c] = colours[clamp(128 + Math.round((map[r * columns + c] - 128) * 0.72), 0, 255)];
      tile.getContext("2d").putImageData(image, 0, 0);
      this.tile = { key, tile };
    }
    g.imageSmoothingEnabled = true;
    g.drawImage(this.tile.tile, box.l, box.t, box.r - box.l, box.b - box.t);
    if (this.block("motif")) this.border(a, border, rows, columns);
    const at = [this.dial.eta, this.dial.mu];
    a.line([[at[0], mu.low], [at[0], mu.high]], this.ink, 1, [3, 3], 0.6);
    a.line([[eta.low, at[1]], [eta.high, at[1]]], this.ink, 1, [3, 3], 0.6);
    a.dot(...at, 5.5, this.paper, this.ink);
  }

  /** Where the radius of the motif block is 1: marching squares between the centres of the cells. */
  border(a, level, rows, columns) {
    const { g, box } = a, w = (box.r - box.l) / (columns - 1), h = (box.b - box.t) / (rows - 1), one = 127.5;
    const cut = (r, c, u, v) => { const p = level[r * columns + c], q = level[(r + u) * columns + c + v], f = (one - p) / (q - p); return [box.l + (c + v * f) * w, box.b - (r + u * f) * h]; };
    const path = new Path2D(), over = (r, c) => level[r * columns + c] > one;
    for (let r = 0; r + 1 < rows; r++) for (let c = 0; c + 1 < columns; c++) {
      const [p, q, s, t] = [over(r, c), over(r, c + 1), over(r + 1, c), over(r + 1, c + 1)], ends = [];
      if (p !== q) ends.push(cut(r, c, 0, 1));
      if (p !== s) ends.push(cut(r, c, 1, 0));
      if (q !== t) ends.push(cut(r, c + 1, 1, 0));
      if (s !== t) ends.push(cut(r + 1, c, 0, 1));
      for (let k = 0; k + 1 < ends.length; k += 2) { path.moveTo(...ends[k]); path.lineTo(...ends[k + 1]); }
    }
    a.clipped(() => {
      for (const [style, thick, alpha] of [[this.paper, 4.5, 0.7], [this.ink, 1.8, 1]]) { Object.assign(g, { strokeStyle: style, lineWidth: thick, globalAlpha: alpha }); g.stroke(path); }
    });
  }

  /** The table of the blocks and the sentences. */
  numbers() {
    const { blocks, claims } = this.frame.header, short = (v) => (Math.abs(v) < 1e4 ? v.toFixed(6) : v.toExponential(3));
    const rows = blocks.map((b) => [b.name, short(b.radius), b.growth === null ? "–" : short(b.growth), spelt(b.eigenvalues), b.singular.map((s) => figures(s, 5)).join(", "), b.verdict]);
    const told = JSON.stringify([rows, claims, this.theme]);
    if (told === this.told) return;
    this.told = told;
    this.find(".facts tbody").replaceChildren(...rows.map((cells, i) => make("tr", {}, ...cells.map((text, j) => {
      const cell = make(j ? "td" : "th", { textContent: text });
      if (!j) { cell.scope = "row"; cell.style.color = this.hues[blocks[i].name]; }
      if (j === 5) cell.className = text;
      return cell;
    }))));
    const head = ["The paper", "Here"].map((textContent, i) => make(i ? "dd" : "dt", { className: "head", textContent }));
    this.find(".claims").replaceChildren(...head, ...claims.flatMap(([said, so]) => [make("dt", { textContent: said }), make("dd", { textContent: so })]));
  }

  close() { this.transport?.pause(); super.close(); }
}

const sub = (n) => String(n).replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d]);
const sup = (n) => String(n).replace(/./g, (c) => ({ "-": "⁻" })[c] ?? "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]);

/** Eigenvalues in words: pairs as a ± bi. */
function spelt(values) {
  const out = [], text = (v) => figures(Math.abs(v) < 1e-12 ? 0 : v, 4);
  for (const [x, y] of values) if (y >= -1e-12) out.push(Math.abs(y) < 1e-12 ? text(x) : values.some(([u, w]) => Math.abs(u - x) < 1e-9 && Math.abs(w + y) < 1e-9) ? `${text(x)} ± ${text(y)}i` : `${text(x)} + ${text(y)}i`);
  return [...new Set(out)].join(", ");
}

function cross(a, at, style) {
  const [x, y] = [a.px(at[0]), a.py(at[1])], { g } = a;
  a.clipped(() => { Object.assign(g, { strokeStyle: style, lineWidth: 1.8 }); g.beginPath(); g.moveTo(x - 5, y - 5); g.lineTo(x + 5, y + 5); g.moveTo(x + 5, y - 5); g.lineTo(x - 5, y + 5); g.stroke(); });
}

export default mounted(LinearGame);
