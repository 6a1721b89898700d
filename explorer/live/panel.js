/* The panel: sliders, picture and curves, fed by one binary frame per step. Live over a WebSocket; over page reruns without one. */

const RETRY = 15000, PATIENCE = 4000, COMMIT_PAUSE = 250, HOLD = 80;

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
    const request = { ...this.panel.request(), id: ++this.number };
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

class Panel {
  constructor(root) {
    this.root = root;
    this.element = root.querySelector(".panel");
    this.find = (selector) => this.element.querySelector(selector);
    this.canvas = this.find(".picture");
    Object.assign(this, { seq: 0, rows: {}, drawn: [], link: new Link(this) });
  }

  /** Called by Streamlit on every rerun of the page and on every change of theme. */
  attach({ data, setStateValue }) {
    this.link.rerun = (value) => setStateValue("dial", value);
    this.readTheme();
    if (data && data !== this.data) {
      this.data = data;
      const frame = decode(data);
      if (!this.spec) { this.build(frame.header.panel); this.draw(frame, null); this.link.connect(); }
      else if (this.link.mode !== "live" || (this.link.busy && frame.header.id === this.link.current)) this.link.receive(frame);
      else this.repaint();
    } else this.repaint();
  }

  readTheme() {
    const style = getComputedStyle(this.element);
    const probe = this.find(".notice");
    this.ink = getComputedStyle(probe).color;
    this.font = style.fontFamily;
    const canvas = make("canvas", { width: 1, height: 1 }).getContext("2d");
    canvas.fillStyle = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    this.theme = 0.3 * r + 0.59 * g + 0.11 * b < 128 ? "dark" : "light";
    this.element.dataset.theme = this.theme;
    this.delivered = this.theme === "dark" ? "#56B4E9" : "#0072B2";
    this.paint = null;
  }

  build(spec) {
    this.spec = spec;
    const dial = spec.dial;
    this.state = { conditions: {}, latent: { ...dial.latent }, seed: dial.seed, size: dial.size, project: dial.project, off: new Set(dial.off), drawn: { ...dial.drawn }, smooth: dial.smooth, at: { ...dial.at } };
    for (const q of spec.conditions) this.state.conditions[q.name] = dial.conditions[q.name] ?? q.default;
    for (const q of spec.conditions)
      for (let i = 0; i < (q.kind === "simplex" ? q.size : 1); i++) this.find(".conditions").append(this.row("conditions", q, q.kind === "simplex" ? i : null));
    for (const q of spec.latents) this.find(".latents").append(this.row("latent", q, null));
    this.find(".latent-head").hidden = !spec.latents.length;
    this.find(".seed").value = dial.seed;
    const size = this.find(".size");
    for (const s of spec.sizes) size.append(make("option", { value: s, textContent: `${s} ${spec.field.unit}`, selected: s === dial.size }));
    this.find(".size-box").hidden = spec.sizes.length < 2;
    const toggles = [...(spec.projection ? [["project", spec.projection, this.state.project]] : []), ...spec.stages.map((s) => [s, `Stage: ${s}`, !this.state.off.has(s)])];
    for (const [name, text, checked] of toggles)
      this.find(".toggles").append(make("label", {}, make("input", { type: "checkbox", name, checked }), text));
    if (spec.maps) this.solution = new Solution(this);
    this.charts = spec.curves.map((c) => this.chart(c));
    this.listen();
  }

  /** One slider with its number; `index` picks the component of a simplex. */
  row(group, q, index) {
    const id = `${group}-${q.name}${index ?? ""}`;
    const label = q.kind === "simplex" ? `${this.spec.field.labels[index] ?? `${q.label} ${index + 1}`}` : q.label;
    const range = make("input", { type: "range", id, min: q.low, max: q.high, step: q.step });
    const value = make("input", { type: "number", className: "value", min: q.low, max: q.high, step: "any" });
    value.setAttribute("aria-label", `${label}, exact value`);
    const free = make("button", { type: "button", className: "free-button", textContent: "×", title: "Let the seed choose" });
    free.setAttribute("aria-label", `Let the seed choose ${label}`);
    const text = make("label", { htmlFor: id, textContent: label, title: q.help });
    if (q.symbol && index === null) text.append(make("i", { textContent: q.symbol + (q.unit ? ` / ${q.unit}` : "") }));
    const element = make("div", { className: "row" }, text, value, group === "latent" ? free : "", range);
    const [from, to] = (q.trained ?? [q.low, q.high]).map((v) => `${(100 * (v - q.low)) / (q.high - q.low)}%`);
    element.style.setProperty("--from", from);
    element.style.setProperty("--to", to);
    const row = { group, q, index, element, range, value };
    this.rows[id] = row;
    range.addEventListener("input", () => { this.set(row, +range.value); if (group === "at") this.solution.scrub(); else this.ask(); });
    range.addEventListener("change", () => this.release());
    value.addEventListener("change", () => { if (value.value !== "" && Number.isFinite(+value.value)) { this.set(row, clamp(+value.value, q.low, q.high)); this.release(true); } });
    free.addEventListener("click", () => { delete this.state.latent[q.name]; range.focus(); this.release(true); });
    this.sync(row);
    return element;
  }

  get(row) {
    const held = this.state[row.group][row.q.name] ?? this.drawnLatent?.[row.q.name] ?? row.q.default;
    return row.index === null ? held : held[row.index];
  }

  set(row, value) {
    const held = this.state[row.group];
    if (row.index === null) held[row.q.name] = value;
    else {
      const old = held[row.q.name], rest = 1 - old[row.index], n = old.length;
      held[row.q.name] = old.map((v, i) => (i === row.index ? value : rest > 1e-9 ? (v * (1 - value)) / rest : (1 - value) / (n - 1)));
    }
    for (const r of Object.values(this.rows)) if (r.q === row.q) this.sync(r);
  }

  /** Slider and number show what the state holds, or what the seed drew. */
  sync(row) {
    const value = this.get(row), free = row.group === "latent" && !(row.q.name in this.state.latent);
    row.element.classList.toggle("free", free);
    if (+row.range.value !== value) row.range.value = value;
    if (this.root.activeElement !== row.value) row.value.value = show(value, row.q.step);
    row.range.setAttribute("aria-valuetext", `${show(value, row.q.step)} ${row.q.unit}${free ? ", drawn by the seed" : ""}`);
  }

  request() {
    const s = this.state;
    return { model: this.spec.model, conditions: s.conditions, latent: s.latent, seed: s.seed, size: s.size, project: s.project, off: [...s.off], drawn: s.drawn, smooth: s.smooth, at: s.at };
  }

  ask() { this.link.ask(); }

  /** The finger let go: ask once more if something changed, then hand the vector over once. */
  release(changed = false) {
    for (const row of Object.values(this.rows)) this.sync(row);
    if (changed) this.ask();
    this.handOver();
  }

  handOver() {
    clearTimeout(this.commit);
    this.commit = setTimeout(() => {
      if (this.link.mode === "fallback" && (this.link.want || this.link.waiting())) { this.handOver(); return; }
      this.link.hold();
      (window.explorerReleased ??= {})[this.spec.model] = { ...this.request(), id: this.link.number };
      window.dispatchEvent(new Event("explorer-release"));
    }, COMMIT_PAUSE);
  }

  listen() {
    const seed = this.find(".seed"), size = this.find(".size");
    const actions = {
      reset: () => { this.state.latent = {}; },
      random: () => { for (const q of this.spec.latents) { const [a, b] = q.trained ?? [q.low, q.high]; this.state.latent[q.name] = a + ((b - a) * (Math.random() + Math.random())) / 2; } },
      again: () => { this.state.seed = Math.floor(Math.random() * 100000); seed.value = this.state.seed; },
    };
    for (const button of this.element.querySelectorAll("[data-act]"))
      button.addEventListener("click", () => { actions[button.dataset.act](); this.release(true); });
    seed.addEventListener("change", () => { this.state.seed = clamp(Math.floor(+seed.value) || 0, 0, 2147483647); seed.value = this.state.seed; this.release(true); });
    size.addEventListener("change", () => { this.state.size = +size.value; this.release(true); });
    this.find(".toggles").addEventListener("change", ({ target }) => {
      if (target.name === "project") this.state.project = target.checked;
      else if (target.checked) this.state.off.delete(target.name); else this.state.off.add(target.name);
      this.release(true);
    });
    this.observer = new ResizeObserver(() => this.repaint());
    this.observer.observe(this.find(".readout"));
    this.observer.observe(this.find(".mat") ?? this.find(".maps"));
  }

  draw(frame, stamp) {
    if (frame.header.error) { this.notice(frame.header.error, "error"); return; }
    this.frame = frame;
    this.drawnLatent = frame.header.latent;
    this.repaint();
    const now = performance.now();
    this.canvas.dataset.seq = ++this.seq;
    this.canvas.dataset.id = frame.header.id;
    if (stamp !== null) { this.drawn.push(now); this.lag = now - stamp; this.canvas.dataset.lag = this.lag.toFixed(1); }
    this.times();
  }

  repaint() {
    if (!this.frame) return;
    const { header, arrays } = this.frame;
    if (this.solution) this.solution.repaint(arrays); else this.picture(arrays.picture);
    this.spec.curves.forEach((c, i) => this.charts[i](arrays, c.name));
    for (const row of Object.values(this.rows)) if (row.group === "latent" && !(row.q.name in this.state.latent)) this.sync(row);
    this.numbers(header, arrays);
    const warnings = [...header.warnings];
    if (this.spec.projection && !this.state.project) warnings.push(`${this.spec.projection} is off: this is the raw output of the generator.`);
    this.notice(warnings.join(" "), warnings.length ? "warn" : "");
  }

  notice(text, kind) {
    const element = this.find(".notice");
    if (element.textContent !== text) element.textContent = text;
    element.className = `notice ${kind}`;
  }

  palette() {
    const stops = this.spec.field[this.theme];
    return this.spec.field.kind === "continuous" ? ramp(stops) : Uint32Array.from(stops, packed);
  }

  picture(pixels) {
    const [rows, columns] = pixels.shape;
    if (this.canvas.width !== columns || this.canvas.height !== rows) { Object.assign(this.canvas, { width: columns, height: rows }); this.image = null; }
    const context = this.canvas.getContext("2d");
    this.image ??= context.createImageData(columns, rows);
    if (!this.paint) { this.paint = this.palette(); this.legend(); }
    const out = new Uint32Array(this.image.data.buffer), colours = this.paint;
    for (let i = 0; i < pixels.length; i++) out[i] = colours[pixels[i]];
    context.putImageData(this.image, 0, 0);
    const unit = this.spec.field.unit, length = nice(columns / 4), width = this.find(".mat").clientWidth;
    this.find(".scale i").style.width = `${(length / columns) * width}px`;
    this.find(".scale span").textContent = `${length} ${unit}`;
    this.find(".extent").textContent = `${columns} × ${rows} ${unit}`;
    this.canvas.setAttribute("aria-label", `${this.spec.title}, ${columns} by ${rows} ${unit}, seed ${this.state.seed}`);
  }

  legend() {
    const { kind, labels, low, high } = this.spec.field, stops = this.spec.field[this.theme];
    const swatch = (background, className = "") => { const b = make("b", { className }); b.style.background = background; return b; };
    if (kind === "continuous") {
      this.find(".legend").replaceChildren(make("span", {}, `${low} `, swatch(`linear-gradient(to right, ${stops})`, "ramp"), `${high}`));
      return;
    }
    const names = labels.length ? labels : ["phase 0", "phase 1"];
    this.find(".legend").replaceChildren(...names.map((name, i) => make("span", {}, swatch(stops[i]), name)));
  }

  /** A function that draws one curve with its reference band. */
  chart(curve) {
    const canvas = make("canvas", { className: "curve" });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${curve.label}: delivered against held-out simulations`);
    const key = (text, style, band) => { const b = make("b", { className: band ? "band" : "" }); b.style.cssText = style; return make("span", {}, b, text); };
    const keys = make("div", { className: "keys" });
    this.find(".curves").append(make("div", { className: "curve-title" }, make("h3", { textContent: curve.label })), canvas, keys);
    return (arrays, name) => {
      const y = arrays[`live.${name}`], x = arrays[`at.${name}`], mean = arrays[`mean.${name}`], sd = arrays[`sd.${name}`], home = arrays[`home.${name}`];
      const grey = this.theme === "dark" ? "#A9B4C0" : "#5B6570";
      const state = `${this.theme} ${!!mean}`;
      if (keys.dataset.state !== state) {
        keys.dataset.state = state;
        keys.replaceChildren(key("delivered", `color:${this.delivered}`), ...(mean ? [key("held-out mean", `color:${grey}`), key("± 1 sd", `background:${grey}55`, true)] : []));
      }
      plot(canvas, { x, y, mean, sd, home, unit: this.spec.field.unit, ink: this.ink, grey, colour: this.delivered, font: this.font, height: this.spec.curves.length > 1 ? 150 : 236 });
    };
  }

  numbers(header, arrays) {
    const named = Object.fromEntries([...this.spec.conditions, ...this.spec.latents].map((q) => [q.name, q]));
    const rows = [];
    for (const [name, value] of Object.entries(header.measured)) {
      const label = named[name]?.label ?? name.replaceAll("_", " "), asked = header.requested[name], raw = header.raw[name];
      if (!Array.isArray(value)) rows.push(this.solution ? [label, ...[asked, value, raw].map((v) => figures(v, 4))] : [label, show(asked), show(value), show(raw)]);
      else value.forEach((v, i) => rows.push([this.spec.field.labels[i] ?? `${label} ${i + 1}`, show(asked?.[i]), show(v), show(raw[i])]));
    }
    for (const [label, value, raw] of header.checks ?? []) rows.push([label, "", figures(value), figures(raw)]);
    if (this.table?.length !== rows.length) {
      this.find(".numbers thead").replaceChildren(); this.find(".numbers tbody").replaceChildren();
      this.find(".numbers thead").append(make("tr", {}, ...["", "requested", "delivered", "raw"].map((t) => make("th", { textContent: t, scope: "col" }))));
      this.table = rows.map(() => [make("th", { scope: "row" }), make("td"), make("td", { className: "main" }), make("td")]);
      this.find(".numbers tbody").append(...this.table.map((cells) => make("tr", {}, ...cells)));
    }
    rows.forEach((row, i) => row.forEach((text, j) => { this.table[i][j].textContent = text; }));
    this.descriptors(header.descriptors);
    this.scatter = this.spec.curves.map((c) => deviation(arrays, c.name));
  }

  /** Scalars of the delivered array, beside mean and sd of the held-out data. */
  descriptors(values) {
    const about = this.spec.scalars.filter((s) => values[s.name]);
    this.find(".scalars").hidden = !about.length;
    if (!this.scalarCells) {
      this.scalarCells = about.map((s) => [make("th", { scope: "row", title: s.help }, s.label, make("i", { textContent: s.unit })), make("td"), make("td")]);
      this.find(".scalars tbody").append(...this.scalarCells.map((cells) => make("tr", {}, ...cells)));
    }
    about.forEach((s, i) => {
      const [value, mean, sd] = values[s.name], far = mean !== undefined && Math.abs(value - mean) > 3 * sd;
      this.scalarCells[i][1].textContent = figures(value);
      this.scalarCells[i][1].className = far ? "far" : "";
      this.scalarCells[i][1].title = far ? "More than 3 standard deviations from the held-out mean" : "";
      this.scalarCells[i][2].textContent = mean === undefined ? "–" : `${figures(mean)} ± ${figures(sd, 2)}`;
    });
  }

  times() {
    const now = performance.now();
    this.drawn = this.drawn.filter((t) => now - t < 1000);
    const rows = [];
    this.spec.curves.forEach((c, i) => { const s = this.scatter?.[i]; if (s) rows.push([`Curve from held-out mean`, `${s[0].toFixed(4)} (natural ${s[1].toFixed(4)})`]); });
    const times = this.frame?.header.times ?? [["Time per sample", this.frame?.header.ms]];
    for (const [label, ms] of times) rows.push([label, ms === undefined ? "–" : `${ms.toFixed(1)} ms`]);
    if (this.drawn.length > 3) this.pace = `${Math.round(((this.drawn.length - 1) * 1000) / (this.drawn.at(-1) - this.drawn[0]))} frames/s, ${this.lag.toFixed(0)} ms behind`;
    const how = { live: "live", fallback: "through page reruns (no live route)", asleep: "live", connecting: "connecting" }[this.link.mode];
    rows.push(["While dragging", this.pace ?? how]);
    if (this.pace && this.link.mode === "fallback") rows.push(["Connection", how]);
    this.find(".times").replaceChildren(...rows.flatMap(([a, b]) => [make("dt", { textContent: a }), make("dd", { textContent: b })]));
  }

  close() { clearTimeout(this.commit); this.observer?.disconnect(); this.link.close(); }
}

export default function (component) {
  const root = component.parentElement;
  if (!root.panelOfExplorer) root.panelOfExplorer = new Panel(root);
  const panel = root.panelOfExplorer;
  panel.attach(component);
  return () => { panel.close(); delete root.panelOfExplorer; };
}
