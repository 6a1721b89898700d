/* A lab's panel: sliders and choices on the left, fed by one frame per change like the panel of a model (see link.js). */

class Lab {
  /** Draws the controls into `.conditions` of the root; who extends it draws the frame in `repaint()`, on `.picture` among others,
      and may add to `build()`. */
  constructor(root) {
    this.root = root;
    this.element = root.querySelector(".panel");
    this.find = (selector) => this.element.querySelector(selector);
    Object.assign(this, { seq: 0, drawn: [], rows: {}, link: new Link(this) });
  }

  attach({ data, setStateValue }) {
    this.link.rerun = (value) => setStateValue("dial", value);
    Object.assign(this, themeOf(this.element, this.find(".notice")));
    if (data && data !== this.data) {
      this.data = data;
      const frame = decode(data);
      if (!this.spec) { this.spec = frame.header.panel; this.dial = { ...this.spec.dial }; this.build(); this.draw(frame, null); this.link.connect(); }
      else if (this.link.mode !== "live" || (this.link.busy && frame.header.id === this.link.current)) this.link.receive(frame);
      else this.repaint();
    } else if (this.frame) this.repaint();
  }

  build() {
    const place = this.find(".conditions");
    for (const q of this.spec.quantities) place.append(this.slider(q));
    for (const c of this.spec.choices) place.append(this.choice(c));
    this.observer = new ResizeObserver(() => { if (this.frame) this.repaint(); });
    this.observer.observe(this.element);
  }

  slider(q) {
    const id = `dial-${q.name}`;
    const range = make("input", { type: "range", id, min: q.low, max: q.high, step: q.step });
    const value = make("input", { type: "number", className: "value", min: q.low, max: q.high, step: q.step === 1 ? 1 : "any" });
    value.setAttribute("aria-label", `${q.label}, exact value`);
    const label = make("label", { htmlFor: id, title: q.help }, q.label, make("i", { textContent: q.symbol }));
    const element = make("div", { className: "row" }, label, value, range);
    element.style.setProperty("--from", "0%");
    this.rows[q.name] = { q, range, value, element };
    range.addEventListener("input", () => this.set({ [q.name]: +range.value }));
    range.addEventListener("change", () => this.release());
    value.addEventListener("change", () => {
      if (value.value !== "" && Number.isFinite(+value.value)) this.set({ [q.name]: clamp(q.step === 1 ? Math.round(+value.value) : +value.value, q.low, q.high) });
      this.sync(this.rows[q.name], true);
      this.release();
    });
    this.sync(this.rows[q.name]);
    return element;
  }

  choice(c) {
    const buttons = c.options.map(([word, label, help]) => {
      const b = make("button", { type: "button", textContent: label, title: help });
      b.setAttribute("aria-pressed", this.dial[c.name] === word);
      b.addEventListener("click", () => {
        for (const other of buttons) other.setAttribute("aria-pressed", other === b);
        this.set({ [c.name]: word });
        this.release();
      });
      return b;
    });
    const group = make("div", { className: "modes choice" }, ...buttons);
    group.dataset.count = buttons.length;
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", c.label);
    return make("div", { className: "start" }, make("h3", { textContent: c.label }), group);
  }

  sync(row, forced = false) {
    const value = this.dial[row.q.name], { low, high } = row.q;
    if (+row.range.value !== value) row.range.value = value;
    if (forced || this.root.activeElement !== row.value) row.value.value = show(value, row.q.step);
    row.element.style.setProperty("--to", `${(100 * (value - low)) / (high - low)}%`);
    row.range.setAttribute("aria-valuetext", show(value, row.q.step));
  }

  /** Changes the dial and asks for its frame; what must follow from a change is up to `settle`. */
  set(change) {
    Object.assign(this.dial, change);
    this.settle?.(change);
    for (const row of Object.values(this.rows)) this.sync(row);
    this.link.ask();
  }

  wanted() { return { lab: this.spec.model.split("/")[1], dial: this.dial }; }

  /** The finger let go: the dial is handed over once. */
  release() {
    clearTimeout(this.commit);
    this.commit = setTimeout(() => {
      if (this.link.mode === "fallback" && (this.link.want || this.link.waiting())) { this.release(); return; }
      this.link.hold();
      (window.explorerReleased ??= {})[this.spec.model] = { ...this.wanted(), id: this.link.number };
      window.dispatchEvent(new Event("explorer-release"));
    }, COMMIT_PAUSE);
  }

  draw(frame, stamp) {
    const { error } = frame.header, notice = this.find(".notice");
    notice.textContent = error ?? "";
    notice.className = `notice ${error ? "error" : ""}`;
    if (!error) { this.frame = frame; this.repaint(); }
    const now = performance.now(), canvas = this.find(".picture");
    canvas.dataset.seq = ++this.seq;
    if (stamp !== null) { this.drawn.push(now); canvas.dataset.lag = (now - stamp).toFixed(1); }
    this.times();
  }

  /** How the panel is fed, and how fast while dragging. */
  times() {
    const now = performance.now();
    this.drawn = this.drawn.filter((t) => now - t < 1000);
    const pace = this.drawn.length > 3 ? `, ${Math.round(((this.drawn.length - 1) * 1000) / (this.drawn.at(-1) - this.drawn[0]))} frames/s` : "";
    const how = { live: "live", fallback: "through page reruns", asleep: "live", connecting: "connecting" }[this.link.mode];
    const ms = this.frame?.header.ms;
    this.find(".pace").textContent = `${how}${pace}${ms ? `, computed in ${ms.toFixed(1)} ms` : ""}`;
  }

  close() { clearTimeout(this.commit); this.observer?.disconnect(); this.link.close(); }
}

/** The component around one kind of lab. */
function mounted(Kind) {
  return (component) => {
    const root = component.parentElement;
    if (!root.labOfExplorer) root.labOfExplorer = new Kind(root);
    const lab = root.labOfExplorer;
    lab.attach(component);
    return () => { lab.close(); delete root.labOfExplorer; };
  };
}
