/* Shares that sum to 1: which of them move together. No page is needed for any of this. */

import { clamp, sum } from "./common/numbers.js";

/** The shares after one of them moves: locked ones hold, the others keep their proportions within low..high; the moved
 *  one gets no more than they leave. `start` are the shares at the beginning of the drag, so that moving back restores
 *  them. */
export function shared(start, index, value, locked = [], low = 0, high = 1) {
  const open = start.map((_, i) => i).filter((i) => i !== index && !locked.includes(i));
  const shares = [...start];
  if (locked.includes(index) || !open.length) return shares;
  const room = 1 - sum(start.filter((_, i) => i !== index && !open.includes(i)));
  const least = Math.max(low, room - high * open.length);
  const most = Math.min(high, room - low * open.length);
  shares[index] = clamp(value, least, most);
  distribute(shares, start, open, room - shares[index], low, high);
  return shares;
}

/** Spreads `left` over the open shares in the proportions of `start`; those that meet a bound stay there. */
function distribute(shares, start, open, left, low, high) {
  while (open.length) {
    const weight = sum(open.map((i) => start[i]));
    for (const i of open) shares[i] = weight > 1e-9 ? (left * start[i]) / weight : left / open.length;
    const beyond = open.map((i) => shares[i] - clamp(shares[i], low, high));
    const excess = sum(beyond);
    const stuck = open.filter((_, k) => (excess >= 0 ? beyond[k] > 0 : beyond[k] < 0));
    if (!stuck.length) break;
    for (const i of stuck) {
      shares[i] = excess >= 0 ? high : low;
      left -= shares[i];
    }
    open = open.filter((i) => !stuck.includes(i));
  }
}

/** The words with which all names begin, with the blank after them. */
export function commonStart(names) {
  let start = names[0].slice(0, names[0].lastIndexOf(" ") + 1);
  while (!names.every((name) => name.startsWith(start))) {
    const shorter = start.trimEnd();
    start = shorter.slice(0, shorter.lastIndexOf(" ") + 1);
  }
  return start;
}
