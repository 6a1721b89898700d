/* The panel's line to the model: live over a WebSocket, over page reruns where there is none. */

const RETRY = 15000, PATIENCE = 4000, HOLD = 80, COMMIT_PAUSE = 250;

class Link {
  /* One request in flight, the newest waits; WebSocket first, page reruns when there is none. */
  constructor(panel) { Object.assign(this, { panel, mode: "connecting", busy: false, quiet: 0, want: null, tried: 0, number: 0, rerun: null }); }

  connect() {
    if (this.socket || this.closed) return;
    this.tried = performance.now();
    let socket;
    try {
      const base = this.panel.spec.route.replace(/^\/*/, "/");
      socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${base}`);
    } catch { this.setMode("fallback"); return; }
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    const timer = setTimeout(() => this.setMode("fallback"), PATIENCE); // it may still open later
    socket.onopen = () => { clearTimeout(timer); this.opened = true; this.setMode("live"); };
    socket.onmessage = (event) => this.receive(decode(event.data));
    socket.onclose = () => {
      clearTimeout(timer);
      const wasLive = this.opened;
      Object.assign(this, { socket: null, opened: false });
      if (this.closed) return;
      if (this.sent && this.busy) this.want = this.want || this.sent;
      this.busy = false;
      if (wasLive && !this.want) this.mode = "asleep"; else if (wasLive) this.connect(); else this.setMode("fallback");
    };
  }

  setMode(mode) { this.mode = mode; this.panel.element.dataset.mode = mode; this.panel.times(); this.pump(); }

  /** Asks for the current dial; `stamp` is when the oldest change in it was made. */
  ask() {
    this.want = { stamp: this.want?.stamp ?? performance.now() };
    if (this.mode === "asleep") { this.setMode("connecting"); this.connect(); }
    else if (this.mode === "fallback" && performance.now() - this.tried > RETRY) this.connect();
    this.pump();
  }

  /** True while an answer is due; one that never came is given up. */
  waiting() { return this.busy && performance.now() - this.since < (this.mode === "live" ? 10000 : 3000); }

  /** Page reruns of two places that leave together become one, so nothing is sent for a moment. */
  hold() { this.quiet = performance.now() + HOLD; setTimeout(() => this.pump(), HOLD + 10); }

  pump() {
    if (!this.want || this.mode === "connecting" || this.waiting()) return;
    if (this.mode === "fallback" && performance.now() < this.quiet) return;
    const { stamp } = this.want;
    const request = { ...this.panel.wanted(), id: ++this.number };
    if (this.mode === "live") {
      if (this.socket?.readyState !== 1) return;
      this.socket.send(JSON.stringify(request));
    } else this.rerun(request);
    Object.assign(this, { sent: this.want, want: null, busy: true, since: performance.now(), stamp, current: this.number });
  }

  receive(frame) {
    const mine = frame.header.id === this.current;
    if (mine) { this.busy = false; this.pump(); }
    this.panel.draw(frame, mine ? this.stamp : null);
  }

  close() { this.closed = true; this.socket?.close(); }
}
