/* Numbers: bounds, rounding, and how they are written. No page is needed for any of this. */

/** `value`, moved into low..high. */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/** The sum of all values. */
export function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** A number with as many decimals as the step of its slider needs; a dash where there is none. */
export function show(value, step) {
  if (value === null || value === undefined || !Number.isFinite(+value)) return "–";
  const digits = step ? clamp(-Math.floor(Math.log10(step) + 1e-9), 0, 6) : 4;
  return (+value).toFixed(digits);
}

/** `count` significant figures, without an exponent where that reads well. */
export function figures(value, count = 3) {
  if (!Number.isFinite(value)) return "–";
  const plain = value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4);
  return plain ? String(+value.toPrecision(count)) : value.toExponential(1);
}

/** A round number as short as it can be: 0.02, 5e-4. */
export function shortest(value) {
  if (value >= 1e-3) return String(+value.toPrecision(3));
  return value.toExponential(+value.toExponential(0) === value ? 0 : 1);
}

/** The largest of 1, 2, 5 times a power of ten that is at most `span`: a distance between ticks. */
export function niceStep(span) {
  const unit = 10 ** Math.floor(Math.log10(span));
  return [5, 2, 1].map((factor) => factor * unit).find((step) => step <= span * 1.0001) ?? unit;
}

/** A whole number in raised digits, as an exponent. */
export function superscript(whole) {
  return String(whole).replace(/./g, (digit) => ({ "-": "⁻" })[digit] ?? "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
}

/** A whole number in lowered digits, as an index. */
export function subscript(whole) {
  return String(whole).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
}

/** Linear interpolation of `ys` over increasing `xs` at `x`; constant beyond the ends. */
export function interpolate(xs, ys, x) {
  const following = xs.findIndex((value) => value >= x);
  const right = clamp(following, 1, xs.length - 1);
  const share = clamp((x - xs[right - 1]) / (xs[right] - xs[right - 1]), 0, 1);
  return ys[right - 1] + share * (ys[right] - ys[right - 1]);
}

/** The index of the smallest of the values. */
export function indexOfSmallest(values) {
  return values.indexOf(Math.min(...values));
}

/** Points [x, y] of a curve, in pieces where it is finite. */
export function finitePieces(xs, ys) {
  const pieces = [[]];
  ys.forEach((y, i) => {
    if (Number.isFinite(y)) pieces.at(-1).push([xs[i], y]);
    else if (pieces.at(-1).length) pieces.push([]);
  });
  return pieces.filter((piece) => piece.length);
}
