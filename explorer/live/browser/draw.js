/* Frames and drawing: plain functions that the panel stands on. */

/** Header and arrays of one frame (see protocol.py). */
function decode(bytes) {
  const buffer = bytes instanceof ArrayBuffer ? bytes : bytes.slice().buffer;
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = 4 + length + ((4 - (length % 4)) % 4);
  const arrays = {};
  for (const a of header.arrays) {
    const count = a.shape.reduce((x, y) => x * y, 1);
    const Kind = a.dtype === "u1" ? Uint8Array : Float32Array;
    arrays[a.name] = Object.assign(new Kind(buffer, start + a.offset, count), { shape: a.shape });
  }
  return { header, arrays };
}

const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const packed = (hex) => { const [r, g, b] = rgb(hex); return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0; };
const make = (tag, props = {}, ...children) => { const e = Object.assign(document.createElement(tag), props); e.append(...children); return e; };
const clamp = (v, low, high) => Math.min(high, Math.max(low, v));

/** A ramp of 256 packed colours through the given ones. */
function ramp(colours) {
  const stops = colours.map(rgb), out = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const x = (i / 255) * (stops.length - 1), k = Math.min(Math.floor(x), stops.length - 2), f = x - k;
    const [r, g, b] = stops[k].map((c, j) => Math.round(c + f * (stops[k + 1][j] - c)));
    out[i] = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  }
  return out;
}

/** A number as people read it: decimals that the step asks for. */
function show(value, step) {
  if (value === null || value === undefined || !Number.isFinite(+value)) return "–";
  const digits = step ? clamp(-Math.floor(Math.log10(step) + 1e-9), 0, 6) : 4;
  return (+value).toFixed(digits);
}

/** Three figures, without an exponent where that reads well. */
const figures = (value, n = 3) => (Number.isFinite(value) ? (value === 0 || Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4 ? String(+value.toPrecision(n)) : value.toExponential(1)) : "–");

/** 1, 2 or 5 times a power of ten, at most `span`. */
function nice(span) {
  const unit = 10 ** Math.floor(Math.log10(span));
  return [5, 2, 1].map((m) => m * unit).find((v) => v <= span * 1.0001) ?? unit;
}

/** Mean |curve - mean| and the same for one natural sample (sd sqrt(2 / pi)), on the positions both have. */
function deviation(arrays, name) {
  const y = arrays[`live.${name}`], mean = arrays[`mean.${name}`], sd = arrays[`sd.${name}`];
  if (!mean) return null;
  const n = Math.min(y.length, mean.length);
  let own = 0, natural = 0;
  for (let i = 0; i < n; i++) { own += Math.abs(y[i] - mean[i]) / n; natural += (sd[i] * Math.sqrt(2 / Math.PI)) / n; }
  return [own, natural];
}

/** Ink, paper, font and `light` or `dark` as the page shows them, on the element's dataset too; `probe` is some text of it. */
function themeOf(element, probe) {
  const style = getComputedStyle(element), paper = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
  const canvas = make("canvas", { width: 1, height: 1 }).getContext("2d");
  canvas.fillStyle = paper;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
  const theme = 0.3 * r + 0.59 * g + 0.11 * b < 128 ? "dark" : "light";
  element.dataset.theme = theme;
  return { ink: getComputedStyle(probe).color, paper, font: style.fontFamily, theme };
}

/** An empty canvas of this height whose unit is the page's pixel, sharp on any screen. */
function sharp(canvas, height) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || 300;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    canvas.style.height = `${height}px`;
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  return { g, width };
}

/** Axes, band, mean, the requested curve and the delivered one on a canvas of fixed height, as far as anything is requested; returns
    where values lie on it. `span` holds the ordinate still. */
function plot(canvas, { x, y, mean, sd, home, asked, askedAt, span, axis, ink, grey, colour, font, height }) {
  const { g, width } = sharp(canvas, height);
  const box = { l: 40, r: width - 8, t: 8, b: height - 34 };
  let top = Math.max(...y), bottom = Math.min(0, ...y);
  if (mean) for (let i = 0; i < mean.length; i++) { top = Math.max(top, mean[i] + sd[i]); bottom = Math.min(bottom, mean[i] - sd[i]); }
  if (asked) { top = Math.max(top, ...asked); bottom = Math.min(bottom, ...asked); }
  top = bottom + (top - bottom || 1) * 1.06;
  if (span) [bottom, top] = span;
  const end = askedAt?.at(-1) ?? x[x.length - 1], px = (v) => box.l + ((box.r - box.l) * v) / end, py = (v) => box.b - ((box.b - box.t) * (v - bottom)) / (top - bottom);
  g.font = `11px ${font}`; g.fillStyle = ink; g.lineWidth = 1; g.textBaseline = "middle";
  const stepY = nice((top - bottom) / 3), stepX = nice(end / 3);
  g.textAlign = "right";
  for (let v = Math.ceil(bottom / stepY) * stepY; v <= top; v += stepY) {
    g.globalAlpha = 0.14; g.fillRect(box.l, py(v), box.r - box.l, 1); g.globalAlpha = 0.8; g.fillText(+v.toFixed(6), box.l - 6, py(v));
  }
  g.textAlign = "center";
  for (let v = 0; v <= end; v += stepX) g.fillText(+v.toFixed(6), px(v), box.b + 12);
  g.fillText(axis, (box.l + box.r) / 2, box.b + 27);
  g.globalAlpha = 1;
  const line = (xs, ys, style, thick, dash = []) => {
    g.beginPath(); g.strokeStyle = style; g.lineWidth = thick; g.lineJoin = "round"; g.setLineDash(dash);
    for (let i = 0; i < ys.length && xs[i] <= end; i++) i ? g.lineTo(px(xs[i]), py(ys[i])) : g.moveTo(px(xs[i]), py(ys[i]));
    g.stroke(); g.setLineDash([]);
  };
  if (mean) {
    const shown = home.findLastIndex((v) => v <= end) + 1;
    g.beginPath();
    for (let i = 0; i < shown; i++) g.lineTo(px(home[i]), py(mean[i] + sd[i]));
    for (let i = shown - 1; i >= 0; i--) g.lineTo(px(home[i]), py(mean[i] - sd[i]));
    g.fillStyle = grey; g.globalAlpha = 0.3; g.fill(); g.globalAlpha = 1;
    line(home, mean, grey, 1.6, [5, 4]);
  }
  line(x, y, colour, 2.4);
  if (asked) line(askedAt, asked, ink, 1.4, [3, 3]);
  return { fromX: px, fromY: py, toY: (v) => bottom + ((box.b - v) / (box.b - box.t)) * (top - bottom), span: [bottom, top] };
}
