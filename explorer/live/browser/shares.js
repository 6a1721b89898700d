/* The shares of a simplex on the page: bars of what is requested and delivered, and the locks that hold a share. */

import { sharpContext } from "./common/canvas.js";
import { imageCanvas, keyEntry, make, makeButton, setAttributes } from "./common/dom.js";
import { show } from "./common/numbers.js";
import { commonStart } from "./simplex.js";
import { explain, term } from "./common/tooltip.js";

const BAR_HEIGHT = 24; // screen pixels
const AXIS_ENDS = [0.3, 0.6, 1];
const PADLOCK =
  '<svg viewBox="0 0 16 16" aria-hidden="true">' +
  '<rect x="3" y="7" width="10" height="7" rx="1.5"/><path class="bow"/></svg>';

/** The button that holds one share while the others move. */
export function lockButton(label, toggle) {
  const button = makeButton({ className: "lock", innerHTML: PADLOCK }, toggle);
  return setAttributes(button, { "aria-label": `Lock ${label}` });
}

/** Shows whether a share is held, and whether one more may be. */
export function showLock(button, isLocked, noneLeft) {
  button.setAttribute("aria-pressed", String(isLocked));
  button.disabled = noneLeft && !isLocked;
  if (isLocked) explain(button, "Locked: it keeps its value while others move.");
  else if (noneLeft) explain(button, "Two must stay free: one takes what the other gives.");
  else explain(button, "Lock this value while others move.");
}

/** A row per share: a bar for delivered, a dashed line for requested, a dot for the network before correction, and how
 *  many pixels the first and the last are off. */
export class ShareBars {
  constructor(panel, quantity) {
    Object.assign(this, { panel, quantity, canvas: imageCanvas("") });
    const names = Array.from({ length: quantity.size }, (_, i) => panel.shareName(quantity, i));
    const common = commonStart(names);
    this.cells = names.map(() => [make("td", { className: "main" }), make("td"), make("td", { className: "raw" })]);
    const rows = names.map((name, i) => this.row(name.slice(common.length), i));
    const table = make("table", {}, make("thead", {}, this.head(common)), make("tbody", {}, ...rows));
    panel.find(".curves").append(make("div", { className: "bars" }, this.title(), table, this.keys()));
  }

  title() {
    const { quantity } = this;
    const heading = make("h3", {}, term(quantity.label, quantity.help));
    const hint = make("span", { className: "hint", textContent: "error: px too many or too few" });
    return make("div", { className: "curve-title" }, heading, hint);
  }

  head(common) {
    const { glossary } = this.panel.spec;
    const columns = [
      common,
      "",
      term("delivered", glossary.delivered),
      term("error (px)", glossary.error_px),
      term("before correction", glossary.error_before),
    ];
    return make("tr", {}, ...columns.map((column) => make("th", { scope: "col" }, column)));
  }

  row(name, i) {
    const { panel, quantity, canvas } = this;
    const plot = i ? [] : [make("td", { rowSpan: quantity.size, className: "plot" }, canvas)];
    return make("tr", {}, make("th", { scope: "row" }, panel.swatch(i), name), ...plot, ...this.cells[i]);
  }

  keys() {
    const { glossary } = this.panel.spec;
    const entry = (className, text, help) => keyEntry(term(text, help), { className });
    return make(
      "div",
      { className: "keys" },
      entry("delivered", "delivered", glossary.delivered),
      entry("requested", "requested", glossary.requested),
      entry("raw", "before correction", glossary.before_correction),
    );
  }

  /** Shows what the header of a frame says of these shares. */
  draw({ requested, measured, raw, shape }) {
    const { name } = this.quantity;
    const delivered = measured[name];
    if (!delivered) return;
    const shares = { delivered, requested: requested[name] ?? [], before: raw[name] ?? [] };
    const pixelCount = shape[0] * shape[1];
    this.cells.forEach(([value, error, errorBefore], i) => {
      value.textContent = show(delivered[i]);
      error.textContent = pixelError(delivered[i], shares.requested[i], pixelCount);
      errorBefore.textContent = pixelError(shares.before[i], shares.requested[i], pixelCount);
    });
    this.canvas.setAttribute("aria-label", delivered.map((_, i) => this.spokenRow(shares, i)).join("; "));
    this.plot(shares);
  }

  spokenRow({ delivered, requested, before }, i) {
    const name = this.panel.shareName(this.quantity, i);
    const values = `delivered ${show(delivered[i])}, requested ${show(requested[i])}`;
    return `${name}: ${values}, before correction ${show(before[i])}`;
  }

  plot(shares) {
    const { canvas, panel } = this;
    const count = shares.delivered.length;
    const height = BAR_HEIGHT * count;
    const { context, width } = sharpContext(canvas, height);
    const most = Math.max(...shares.delivered, ...shares.requested, ...shares.before);
    const end = AXIS_ENDS.find((value) => most <= value * 0.97) ?? 1;
    const pixelX = (value) => 4 + ((width - 8) * value) / end;
    context.fillStyle = panel.ink;
    context.globalAlpha = 0.13;
    for (let value = 0; value <= end + 1e-9; value += end / 3) {
      context.fillRect(Math.round(pixelX(value)), 0, 1, height);
    }
    context.globalAlpha = 1;
    for (let i = 0; i < count; i++) this.plotShare(context, pixelX, shares, i);
  }

  plotShare(context, pixelX, { delivered, requested, before }, i) {
    const { ink, paper, theme, spec } = this.panel;
    const colours = spec.field[theme];
    const top = i * BAR_HEIGHT;
    context.fillStyle = colours[i % colours.length];
    context.fillRect(pixelX(0), top + 6, Math.max(0.5, pixelX(delivered[i]) - pixelX(0)), BAR_HEIGHT - 12);
    if (Number.isFinite(before[i])) {
      context.beginPath();
      context.arc(pixelX(before[i]), top + BAR_HEIGHT / 2, 3.5, 0, 7);
      Object.assign(context, { fillStyle: paper, strokeStyle: ink, lineWidth: 1.5 });
      context.fill();
      context.stroke();
    }
    if (!Number.isFinite(requested[i])) return;
    context.beginPath();
    Object.assign(context, { strokeStyle: ink, lineWidth: 1.8 });
    context.setLineDash([4, 2]);
    context.moveTo(pixelX(requested[i]), top + 1);
    context.lineTo(pixelX(requested[i]), top + BAR_HEIGHT - 1);
    context.stroke();
    context.setLineDash([]);
  }
}

/** By how many pixels a share misses the requested one, with its sign; a dash where either is unknown. */
function pixelError(share, requested, pixelCount) {
  const error = (share - requested) * pixelCount;
  if (!Number.isFinite(error)) return "–";
  return `${error < 0 ? "−" : "+"}${Math.abs(error).toFixed(Math.abs(error) < 9.95 ? 1 : 0)}`;
}
