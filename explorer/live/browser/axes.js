/* Axes on a canvas: where numbers lie, with a thin grid. */

/** A canvas of this height with the ranges x and y on it; `square` gives both the same scale and
    widens x, `whole` leaves out ticks that are no whole numbers. Returns g, px, py, the box,
    `line(points, style, width, dash)` and `dot(x, y, radius, fill, ring)` or `dots(points, radius, fill)`, clipped to the box; `named()` writes the ordinate's name. */
function axes(canvas, { x, y, height, square, look, names = ["", ""], tick = (v) => String(+v.toFixed(6)), bare = false, whole = false }) {
  const { g, width } = sharp(canvas, height);
  const box = { l: bare ? 4 : 34, r: width - 12, t: 6, b: height - (bare ? 4 : 32) };
  if (square) {
    const half = ((y[1] - y[0]) / 2) * ((box.r - box.l) / (box.b - box.t)), mid = (x[0] + x[1]) / 2;
    x = [mid - half, mid + half];
  }
  const px = (v) => box.l + ((box.r - box.l) * (v - x[0])) / (x[1] - x[0]), py = (v) => box.b - ((box.b - box.t) * (v - y[0])) / (y[1] - y[0]);
  g.font = `11px ${look.font}`;
  g.fillStyle = look.ink;
  const ticks = ([a, b], n) => { const s = nice((b - a) / n), out = []; for (let v = Math.ceil(a / s - 1e-9) * s; v <= b + 1e-9 * s; v += s) out.push(v); return out; };
  if (!bare) {
    g.textBaseline = "middle"; g.textAlign = "right";
    for (const v of ticks(y, 3)) { g.globalAlpha = 0.13; g.fillRect(box.l, py(v), box.r - box.l, 1); g.globalAlpha = 0.75; g.fillText(tick(v), box.l - 5, py(v)); }
    g.textAlign = "center";
    for (const v of ticks(x, 4).filter((v) => !whole || Number.isInteger(v))) { g.globalAlpha = 0.13; g.fillRect(px(v), box.t, 1, box.b - box.t); g.globalAlpha = 0.75; g.fillText(String(+v.toFixed(6)), px(v), box.b + 10); }
    g.globalAlpha = 0.9;
    g.fillText(names[0], (box.l + box.r) / 2, box.b + 24);
    g.globalAlpha = 1;
  }
  const named = () => {
    Object.assign(g, { textAlign: "left", textBaseline: "top", strokeStyle: look.paper, lineWidth: 5, lineJoin: "round" });
    g.strokeText(names[1], box.l + 5, box.t + 4);
    g.fillStyle = look.ink;
    g.fillText(names[1], box.l + 5, box.t + 4);
  };
  const clipped = (work) => { g.save(); g.beginPath(); g.rect(box.l, box.t, box.r - box.l, box.b - box.t); g.clip(); work(); g.restore(); };
  const line = (points, style, thick = 1.5, dash = [], alpha = 1) => clipped(() => {
    g.beginPath();
    for (const [a, b] of points) g.lineTo(clamp(px(a), -4000, 8000), clamp(py(b), -4000, 8000));
    Object.assign(g, { strokeStyle: style, lineWidth: thick, lineJoin: "round", globalAlpha: alpha });
    g.setLineDash(dash);
    g.stroke();
  });
  const dot = (a, b, radius, fill, ring) => clipped(() => {
    g.beginPath(); g.arc(px(a), py(b), radius, 0, 7);
    if (fill) { g.fillStyle = fill; g.fill(); }
    if (ring) { g.strokeStyle = ring; g.lineWidth = 1.6; g.stroke(); }
  });
  const dots = (points, radius, fill) => clipped(() => {
    g.beginPath();
    for (const [a, b] of points) { const u = clamp(px(a), -99, 9999), v = clamp(py(b), -99, 9999); g.moveTo(u + radius, v); g.arc(u, v, radius, 0, 7); }
    g.fillStyle = fill; g.fill();
  });
  return { g, px, py, x, y, box, line, dot, dots, clipped, named, fromX: (at) => x[0] + ((at - box.l) / (box.r - box.l)) * (x[1] - x[0]), fromY: (at) => y[0] + ((box.b - at) / (box.b - box.t)) * (y[1] - y[0]) };
}
