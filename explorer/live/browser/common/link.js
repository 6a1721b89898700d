/* The panel's line to the model: live over a WebSocket, over page reruns where there is none.
 *
 * One request is in flight and the newest waits; so a drag never queues, whatever the model takes. */

import { decodeFrame } from "./frames.js";

const RETRY_MS = 15000;
const OPENING_MS = 4000;
const HOLD_MS = 80;
const COMMIT_PAUSE_MS = 250;
const ANSWER_MS = { live: 10000, fallback: 3000 };
const OPEN = 1; // WebSocket.OPEN

/** How the panel is fed, in words, by the link's mode. */
export const MODE_WORDS = {
  live: "updates as you drag",
  fallback: "updates through page reruns",
  asleep: "updates as you drag",
  connecting: "connecting",
};

/** The connection of a panel, which has `spec.route`, `element`, `wanted()`, `draw(frame, stamp)` and `showTimes()`. */
export class Link {
  constructor(panel) {
    const counters = { quiet: 0, tried: 0, number: 0 };
    Object.assign(this, { panel, mode: "connecting", busy: false, want: null, rerun: null, ...counters });
  }

  /** Opens the WebSocket, unless it is open or the panel is closed. */
  connect() {
    if (this.socket || this.closed) return;
    this.tried = performance.now();
    let socket;
    try {
      const route = this.panel.spec.route.replace(/^\/*/, "/");
      socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${route}`);
    } catch {
      this.setMode("fallback");
      return;
    }
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    const timer = setTimeout(() => this.setMode("fallback"), OPENING_MS); // it may still open later
    socket.onopen = () => {
      clearTimeout(timer);
      this.opened = true;
      this.setMode("live");
    };
    socket.onmessage = (event) => this.receive(decodeFrame(event.data));
    socket.onclose = () => {
      clearTimeout(timer);
      this.onClose();
    };
  }

  onClose() {
    const wasLive = this.opened;
    Object.assign(this, { socket: null, opened: false });
    if (this.closed) return;
    if (this.sent && this.busy) this.want = this.want || this.sent;
    this.busy = false;
    if (wasLive && !this.want) this.mode = "asleep";
    else if (wasLive) this.connect();
    else this.setMode("fallback");
  }

  setMode(mode) {
    this.mode = mode;
    this.panel.element.dataset.mode = mode;
    this.panel.showTimes();
    this.pump();
  }

  /** Requests a frame of the current dial; `stamp` is when the oldest change in it was made. */
  ask() {
    this.want = { stamp: this.want?.stamp ?? performance.now() };
    if (this.mode === "asleep") {
      this.setMode("connecting");
      this.connect();
    } else if (this.mode === "fallback" && performance.now() - this.tried > RETRY_MS) this.connect();
    this.pump();
  }

  /** True while an answer is due; one that never came is given up. */
  waiting() {
    return this.busy && performance.now() - this.since < (ANSWER_MS[this.mode] ?? ANSWER_MS.fallback);
  }

  /** Page reruns of two places that leave together become one, so nothing is sent for a moment. */
  hold() {
    this.quiet = performance.now() + HOLD_MS;
    setTimeout(() => this.pump(), HOLD_MS + 10);
  }

  pump() {
    if (!this.want || this.mode === "connecting" || this.waiting()) return;
    if (this.mode === "fallback" && performance.now() < this.quiet) return;
    const { stamp } = this.want;
    const request = { ...this.panel.wanted(), id: ++this.number };
    if (this.mode === "live") {
      if (this.socket?.readyState !== OPEN) return;
      this.socket.send(JSON.stringify(request));
    } else this.rerun(request);
    Object.assign(this, { sent: this.want, want: null, busy: true, stamp, current: this.number });
    this.since = performance.now();
  }

  receive(frame) {
    const isAnswer = frame.header.id === this.current;
    if (isAnswer) {
      this.busy = false;
      this.pump();
    }
    this.panel.draw(frame, isAnswer ? this.stamp : null);
  }

  /** True where a frame that came with the page is to be shown: there is no live route, or it is the answer due. */
  takesPageFrame(frame) {
    return this.mode !== "live" || (this.busy && frame.header.id === this.current);
  }

  /** Hands the request that `request()` returns to the rest of the page, once, a moment after the last release. */
  commit(request) {
    clearTimeout(this.commitTimer);
    this.commitTimer = setTimeout(() => {
      if (this.mode === "fallback" && (this.want || this.waiting())) {
        this.commit(request);
        return;
      }
      this.hold();
      (window.explorerReleased ??= {})[this.panel.spec.model] = { ...request(), id: this.number };
      window.dispatchEvent(new Event("explorer-release"));
    }, COMMIT_PAUSE_MS);
  }

  close() {
    clearTimeout(this.commitTimer);
    this.closed = true;
    this.socket?.close();
  }
}

/** Times of the frames drawn in the last second of a drag. */
export class FrameRate {
  constructor() {
    this.times = [];
  }

  mark(now) {
    this.times.push(now);
  }

  /** Frames a second, or null where too few were drawn. */
  perSecond() {
    const now = performance.now();
    this.times = this.times.filter((time) => now - time < 1000);
    if (this.times.length < 4) return null;
    return Math.round(((this.times.length - 1) * 1000) / (this.times.at(-1) - this.times[0]));
  }
}

/** A Streamlit component that keeps one object of `Kind` at `name` on its root: attached on every rerun. */
export function componentOf(Kind, name) {
  return (component) => {
    const root = component.parentElement;
    if (!root[name]) root[name] = new Kind(root);
    const kept = root[name];
    kept.attach(component);
    return () => {
      kept.close();
      delete root[name];
    };
  };
}
