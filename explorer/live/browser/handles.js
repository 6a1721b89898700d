/* Shapes on the picture: the outlines of the request, moved and resized by pointer, finger or keys.
   Coordinates are pixels from the centre of the top left one. */

const KNOB = 5.5; // screen pixels
const KEYS = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0], "+": [0, 0, 1], "=": [0, 0, 1], "-": [0, 0, -1], PageUp: [0, 0, 5], PageDown: [0, 0, -5] };
const svg = (tag, attributes, ...children) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
};

class Handles {
  constructor(panel) {
    this.panel = panel;
    this.shapes = panel.spec.handles.map((about) => this.shape(about));
    this.layer = svg("svg", { class: "handles", role: "group", "aria-label": "Requested shapes" }, ...this.shapes.map((s) => s.group));
    panel.find(".mat").append(this.layer);
  }

  shape(about) {
    const outline = (name) => svg(about.outline === "circle" ? "circle" : "rect", { class: name });
    const parts = [outline("body"), outline("halo"), outline("line"), outline("rim")], knob = svg("circle", { class: "knob" });
    const group = svg("g", { class: "handle", tabindex: 0, role: "slider", "aria-label": about.label }, ...parts, svg("path", { class: "halo cross" }), svg("path", { class: "line cross" }), knob);
    group.prepend(svg("title", {}));
    const shape = { about, group, parts, knob, quantities: [about.x, about.y, about.size].map((name) => this.panel.rows[`conditions-${name}`]) };
    group.addEventListener("pointerdown", (event) => this.grab(shape, event));
    group.addEventListener("pointermove", (event) => this.drag(shape, event));
    for (const end of ["pointerup", "pointercancel"]) group.addEventListener(end, () => { if (this.held) { this.held = null; this.panel.release(); } });
    group.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false }); // the finger moves the shape, not the page
    group.addEventListener("keydown", (event) => this.key(shape, event));
    group.addEventListener("wheel", (event) => this.wheel(shape, event), { passive: false });
    return shape;
  }

  /** Radius or half side in pixels, from what the condition says, and back. */
  extent({ about }, size) { return about.measure === "radius" ? size : about.outline === "circle" ? Math.sqrt(size / Math.PI) : Math.sqrt(size) / 2; }
  size({ about }, extent) { return about.measure === "radius" ? extent : about.outline === "circle" ? Math.PI * extent ** 2 : 4 * extent ** 2; }

  /** Centre and extent of a shape as they are asked for. */
  asked(shape) {
    const [x, y, size] = shape.quantities.map((row) => this.panel.get(row));
    return [x, y, this.extent(shape, size)];
  }

  /** Moves a shape to this centre and extent, within the ranges of its conditions and to their steps. */
  move(shape, [x, y, extent]) {
    [x, y, this.size(shape, Math.max(0, extent))].forEach((value, i) => {
      const row = shape.quantities[i], { low, high, step } = row.q;
      this.panel.set(row, clamp(+(Math.round(value / step) * step).toFixed(6), low, high));
    });
    this.panel.ask();
  }

  at(event) {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.layer.getScreenCTM().inverse());
    return [x, y];
  }

  far({ about }, [x, y], [cx, cy]) { return about.outline === "circle" ? Math.hypot(x - cx, y - cy) : Math.max(Math.abs(x - cx), Math.abs(y - cy)); }

  grab(shape, event) {
    if (event.button) return;
    event.preventDefault();
    this.layer.append(shape.group); // what was moved below another can be picked up again
    shape.group.focus({ preventScroll: true });
    shape.group.setPointerCapture(event.pointerId);
    const from = this.asked(shape), at = this.at(event), rim = event.target.matches(".rim, .knob");
    this.held = { pointer: event.pointerId, from, at, slack: rim ? from[2] - this.far(shape, at, from) : null };
  }

  drag(shape, event) {
    if (this.held?.pointer !== event.pointerId) return;
    const { from, at, slack } = this.held, now = this.at(event);
    this.move(shape, slack === null ? [from[0] + now[0] - at[0], from[1] + now[1] - at[1], from[2]] : [from[0], from[1], this.far(shape, now, from) + slack]);
  }

  key(shape, event) {
    const by = KEYS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const factor = event.shiftKey && event.key.startsWith("Arrow") ? 5 : 1;
    this.move(shape, this.asked(shape).map((v, i) => v + factor * by[i]));
    this.panel.release();
  }

  /** The wheel resizes a shape that was chosen before; else the page scrolls. */
  wheel(shape, event) {
    if (this.panel.root.activeElement !== shape.group) return;
    event.preventDefault();
    this.move(shape, this.asked(shape).map((v, i) => (i === 2 ? v - Math.sign(event.deltaY) * 0.5 : v)));
    this.panel.release();
  }

  /** The layer covers a picture of so many pixels, each `scale` wide on the screen. */
  fit(rows, columns, scale) {
    const view = `-0.5 -0.5 ${columns} ${rows}`;
    if (this.view !== view) this.layer.setAttribute("viewBox", (this.view = view));
    Object.assign(this, { columns, scale });
    this.place();
  }

  /** Every outline stands where its conditions say. */
  place() {
    for (const shape of this.shapes) {
      const [x, y, e] = this.asked(shape), { about, group, parts, knob } = shape, cross = 4 / (this.scale || 4);
      const geometry = about.outline === "circle" ? { cx: x, cy: y, r: e } : { x: x - e, y: y - e, width: 2 * e, height: 2 * e };
      for (const part of parts) for (const [name, value] of Object.entries(geometry)) part.setAttribute(name, value);
      for (const path of group.querySelectorAll(".cross")) path.setAttribute("d", `M${x - cross} ${y}h${2 * cross}M${x} ${y - cross}v${2 * cross}`);
      const side = x + e > (this.columns ?? 1e9) - 2 ? -1 : 1;
      for (const [name, value] of Object.entries({ cx: x + side * e, cy: y, r: KNOB / (this.scale || 4) })) knob.setAttribute(name, value);
      const [a, b, c] = shape.quantities.map((row) => show(this.panel.get(row), row.q.step)), unit = shape.quantities[2].q.unit;
      group.setAttribute("aria-valuenow", c);
      group.setAttribute("aria-valuetext", `centre ${a}, ${b}; ${about.measure} ${c} ${unit}`);
      group.firstChild.textContent = `${about.label[0].toUpperCase()}${about.label.slice(1)}: centre ${a}, ${b}; ${about.measure} ${c} ${unit}. Drag it, or its rim to resize; arrow keys move, + and − resize.`;
    }
  }
}
