/* Shares that sum to 1: which of them move together, and bars of what was asked, delivered and raw. */

const BAR = 24, TOPS = [0.3, 0.6, 1];
const sum = (values) => values.reduce((a, b) => a + b, 0);

/** The shares after one of them moves: locked ones hold, the others keep their proportions within low..high; the moved one gets
    no more than they leave. `start` are the shares at the beginning of the drag, so that moving back restores them. */
function shared(start, index, value, locked = [], low = 0, high = 1) {
  let open = start.map((_, i) => i).filter((i) => i !== index && !locked.includes(i));
  const out = [...start], room = 1 - sum(start.filter((_, i) => i !== index && !open.includes(i)));
  if (locked.includes(index) || !open.length) return out;
  out[index] = clamp(value, Math.max(low, room - high * open.length), Math.min(high, room - low * open.length));
  for (let left = room - out[index]; open.length; ) {
    const weight = sum(open.map((i) => start[i]));
    for (const i of open) out[i] = weight > 1e-9 ? (left * start[i]) / weight : left / open.length;
    const over = open.map((i) => out[i] - clamp(out[i], low, high)), excess = sum(over);
    const stuck = open.filter((_, k) => (excess >= 0 ? over[k] > 0 : over[k] < 0));
    if (!stuck.length) break;
    for (const i of stuck) { out[i] = excess >= 0 ? high : low; left -= out[i]; }
    open = open.filter((i) => !stuck.includes(i));
  }
  return out;
}

const PADLOCK = `<svg viewBox="0 0 16 16" aria-hidden="true"><rect x="3" y="7" width="10" height="7" rx="1.5"/><path class="bow"/></svg>`;

/** The button that holds one share while the others move. */
function lockButton(label, toggle) {
  const button = make("button", { type: "button", className: "lock", innerHTML: PADLOCK });
  button.setAttribute("aria-label", `Lock ${label}`);
  button.addEventListener("click", toggle);
  return button;
}

/** Shows whether a share is held, and whether one more may be. */
function showLock(button, on, full) {
  button.setAttribute("aria-pressed", String(on));
  button.disabled = full && !on;
  button.title = on ? "Locked: it keeps its value while others move" : full ? "Two must stay free: one takes what the other gives" : "Lock this value while others move";
}

/** The words with which all names begin. */
function sharedStart(names) {
  let start = names[0].slice(0, names[0].lastIndexOf(" ") + 1);
  while (!names.every((name) => name.startsWith(start))) start = start.trimEnd().slice(0, start.trimEnd().lastIndexOf(" ") + 1);
  return start;
}

/** A row per share: bar delivered, dashed line requested, dot raw, and by how many pixels the last two are off. */
class Bars {
  constructor(panel, q) {
    Object.assign(this, { panel, q, canvas: make("canvas") });
    this.canvas.setAttribute("role", "img");
    const names = Array.from({ length: q.size }, (_, i) => panel.part(q, i)), common = sharedStart(names);
    const head = make("tr", {}, ...[common, "", "delivered", "off", "raw off"].map((t) => make("th", { textContent: t, scope: "col" })));
    this.cells = Array.from({ length: q.size }, () => [make("td", { className: "main" }), make("td"), make("td", { className: "raw" })]);
    const rows = this.cells.map((cells, i) => {
      const name = make("th", { scope: "row", title: names[i] }, panel.swatch(i), names[i].slice(common.length));
      return make("tr", {}, name, ...(i ? [] : [make("td", { rowSpan: q.size, className: "plot" }, this.canvas)]), ...cells);
    });
    const key = (className, text) => make("span", {}, make("b", { className }), text);
    const keys = make("div", { className: "keys" }, key("delivered", "delivered"), key("requested", "requested"), key("raw", "raw, before projection"));
    panel.find(".curves").append(make("div", { className: "bars" }, make("div", { className: "curve-title" }, make("h3", { textContent: q.label }), make("span", { className: "hint", textContent: `off: px too many or too few` })), make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)), keys));
  }

  draw({ requested, measured, raw, shape }) {
    const { name } = this.q, given = measured[name];
    if (!given) return;
    const asked = requested[name] ?? [], plain = raw[name] ?? [], count = shape[0] * shape[1];
    const off = (values, i) => { const d = (values[i] - asked[i]) * count; return Number.isFinite(d) ? `${d < 0 ? "−" : "+"}${Math.abs(d).toFixed(Math.abs(d) < 9.95 ? 1 : 0)}` : "–"; };
    this.cells.forEach(([value, away, before], i) => { value.textContent = show(given[i]); away.textContent = off(given, i); before.textContent = off(plain, i); });
    this.canvas.setAttribute("aria-label", given.map((v, i) => `${this.panel.part(this.q, i)}: delivered ${show(v)}, requested ${show(asked[i])}, raw ${show(plain[i])}`).join("; "));
    this.plot(asked, given, plain);
  }

  plot(asked, given, plain) {
    const { canvas, panel } = this, n = given.length, height = BAR * n;
    const { g, width } = sharp(canvas, height);
    const most = Math.max(...given, ...asked, ...plain), top = TOPS.find((t) => most <= t * 0.97) ?? 1, px = (v) => 4 + ((width - 8) * v) / top;
    const colours = panel.spec.field[panel.theme];
    g.fillStyle = panel.ink;
    for (let v = 0; v <= top + 1e-9; v += top / 3) { g.globalAlpha = 0.13; g.fillRect(Math.round(px(v)), 0, 1, height); }
    for (let i = 0; i < n; i++) {
      const y = i * BAR, middle = y + BAR / 2;
      g.globalAlpha = 1; g.fillStyle = colours[i % colours.length];
      g.fillRect(px(0), y + 6, Math.max(0.5, px(given[i]) - px(0)), BAR - 12);
      if (Number.isFinite(plain[i])) {
        g.beginPath(); g.arc(px(plain[i]), middle, 3.5, 0, 7); g.fillStyle = panel.paper; g.fill();
        g.strokeStyle = panel.ink; g.lineWidth = 1.5; g.stroke();
      }
      if (!Number.isFinite(asked[i])) continue;
      g.beginPath(); g.strokeStyle = panel.ink; g.lineWidth = 1.8; g.setLineDash([4, 2]);
      g.moveTo(px(asked[i]), y + 1); g.lineTo(px(asked[i]), y + BAR - 1); g.stroke(); g.setLineDash([]);
    }
  }
}
