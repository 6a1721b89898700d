/* The picture of labels or values: its colours, the lines between labels, its scale, and the label under the pointer. */

const APART = 2.5; // below so many screen pixels per pixel, lines between labels would hide them

class Picture {
  constructor(panel) {
    const { field } = panel.spec;
    Object.assign(this, { panel, field, canvas: panel.canvas, mat: panel.find(".mat"), names: field.labels.length ? field.labels : ["phase 0", "phase 1"] });
    if (field.kind === "continuous") return;
    if (field.kind === "categorical") { this.lines = make("canvas", { className: "lines", ariaHidden: "true" }); this.canvas.after(this.lines); }
    this.mat.addEventListener("pointermove", (event) => this.point(event));
    this.mat.addEventListener("pointerleave", () => this.point(null));
  }

  draw(pixels) {
    const [rows, columns] = pixels.shape, { panel, canvas } = this;
    if (canvas.width !== columns || canvas.height !== rows) { Object.assign(canvas, { width: columns, height: rows }); this.image = null; }
    if (this.theme !== panel.theme) this.colours();
    const context = canvas.getContext("2d");
    this.image ??= context.createImageData(columns, rows);
    const out = new Uint32Array(this.image.data.buffer), colours = this.paint;
    for (let i = 0; i < pixels.length; i++) out[i] = colours[pixels[i]];
    context.putImageData(this.image, 0, 0);
    const unit = this.field.unit, length = nice(columns / 4), size = `${columns} × ${rows} ${unit}`;
    this.pixels = pixels;
    this.scale = Math.min(this.mat.clientWidth / columns, this.mat.clientHeight / rows);
    if (this.lines) this.boundaries(pixels, rows, columns);
    panel.find(".scale i").style.width = `${length * this.scale}px`;
    panel.find(".scale span").textContent = `${length} ${unit}`;
    if (this.size !== size) panel.find(".extent").textContent = this.size = size;
    canvas.setAttribute("aria-label", `${panel.spec.title}, ${columns} by ${rows} ${unit}, seed ${panel.state.seed}`);
  }

  /** Palette, legend and the label colours that sliders and bars share. */
  colours() {
    const { panel, field } = this, stops = field[panel.theme];
    const swatch = (background, className = "") => { const b = make("b", { className }); b.style.background = background; return b; };
    this.theme = panel.theme;
    this.paint = field.kind === "continuous" ? ramp(stops) : Uint32Array.from(stops, packed);
    stops.forEach((colour, i) => panel.element.style.setProperty(`--label-${i}`, colour));
    const ends = [make("span", {}, `${field.low} `, swatch(`linear-gradient(to right, ${stops})`, "ramp"), `${field.high}${field.gamma === 1 ? "" : `, power ${field.gamma}`}`)];
    panel.find(".legend").replaceChildren(...(field.kind === "continuous" ? ends : this.names.map((name, i) => make("span", {}, swatch(stops[i]), name))));
  }

  /** Lines of one screen pixel where two labels meet, in one path. */
  boundaries(pixels, rows, columns) {
    const { lines, scale, mat } = this, ratio = window.devicePixelRatio || 1, k = scale * ratio;
    const width = Math.round(mat.clientWidth * ratio), height = Math.round(mat.clientHeight * ratio);
    if (lines.width !== width || lines.height !== height) Object.assign(lines, { width, height });
    const g = lines.getContext("2d");
    g.clearRect(0, 0, width, height);
    if (scale < APART) return;
    const left = (width - columns * k) / 2, top = (height - rows * k) / 2;
    const at = (from, count) => Array.from({ length: count + 1 }, (_, i) => Math.round(from + i * k)), xs = at(left, columns), ys = at(top, rows);
    const thick = Math.max(1, Math.round(ratio)), half = thick >> 1;
    g.fillStyle = "rgb(8 13 20 / .62)";
    g.beginPath();
    for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < columns; c++, i++) {
      if (r && pixels[i] !== pixels[i - columns]) g.rect(xs[c] - half, ys[r] - half, xs[c + 1] - xs[c] + thick, thick);
      if (c && pixels[i] !== pixels[i - 1]) g.rect(xs[c] - half, ys[r] - half, thick, ys[r + 1] - ys[r] + thick);
    }
    g.fill();
  }

  /** Says where the pointer is and which label lies below it. */
  point(event) {
    const [rows, columns] = this.pixels?.shape ?? [0, 0], box = this.mat.getBoundingClientRect();
    const place = (at, from, span, count) => Math.floor((at - from - (span - count * this.scale) / 2) / this.scale);
    const x = event ? place(event.clientX, box.left, box.width, columns) : -1, y = event ? place(event.clientY, box.top, box.height, rows) : -1;
    const inside = x >= 0 && y >= 0 && x < columns && y < rows;
    this.panel.find(".extent").textContent = inside ? `x ${x}, y ${y}: ${this.names[this.pixels[y * columns + x]]}` : this.size;
  }
}
