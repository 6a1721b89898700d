/* The panel: sliders, picture, bars and curves, fed by one binary frame per step. */

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
    Object.assign(this, themeOf(this.element, this.find(".notice")));
    this.delivered = this.theme === "dark" ? "#56B4E9" : "#0072B2";
  }

  build(spec) {
    this.spec = spec;
    const dial = spec.dial;
    this.state = { conditions: {}, latent: { ...dial.latent }, seed: dial.seed, size: dial.size, project: dial.project, off: new Set(dial.off), bestOf: dial.best_of, drawn: { ...dial.drawn }, smooth: dial.smooth, at: { ...dial.at }, locked: { ...dial.locked } };
    for (const q of spec.conditions) this.state.conditions[q.name] = dial.conditions[q.name] ?? q.default;
    for (const q of spec.conditions) {
      const simplex = q.kind === "simplex";
      if (simplex) this.find(".conditions").append(make("h3", { textContent: q.label, title: q.help }, make("i", { textContent: q.symbol })));
      for (let i = 0; i < (simplex ? q.size : 1); i++) this.find(".conditions").append(this.row("conditions", q, simplex ? i : null));
    }
    for (const q of spec.drawable) if (dial.conditions[q.name]) this.given(q, dial.conditions[q.name]);
    if (spec.note) this.find(".conditions").append(make("p", { className: "plain", textContent: spec.note }));
    for (const q of spec.latents) this.find(".latents").append(this.row("latent", q, null));
    this.find(".latent-head").hidden = !spec.latents.length;
    this.find(".seed").value = dial.seed;
    const size = this.find(".size");
    for (const s of spec.sizes) size.append(make("option", { value: s, textContent: `${s} ${spec.field.unit}`, selected: s === dial.size }));
    this.find(".size-box").hidden = spec.sizes.length < 2;
    for (const n of spec.tries) this.find(".best-of").append(make("option", { value: n, textContent: n, selected: n === dial.best_of }));
    this.find(".best-box").hidden = !spec.tries.length;
    const toggles = [...(spec.projection ? [["project", spec.projection, this.state.project]] : []), ...spec.stages.map((s) => [s, `Stage: ${s}${spec.late.includes(s) ? " (on release)" : ""}`, !this.state.off.has(s)])];
    for (const [name, text, checked] of toggles)
      this.find(".toggles").append(make("label", {}, make("input", { type: "checkbox", name, checked }), text));
    if (spec.maps) this.solution = new Solution(this); else this.picture = new Picture(this);
    if (spec.handles.length) this.handles = new Handles(this);
    this.bars = spec.conditions.filter((q) => q.kind === "simplex").map((q) => new Bars(this, q));
    this.charts = spec.curves.map((c) => this.chart(c));
    this.listen();
  }

  /** One slider with its number; `index` picks the component of a simplex. */
  row(group, q, index) {
    const id = `${group}-${q.name}${index ?? ""}`;
    const label = index === null ? q.label : this.part(q, index);
    const range = make("input", { type: "range", id, min: q.low, max: q.high, step: q.step });
    const value = make("input", { type: "number", className: "value", min: q.low, max: q.high, step: "any" });
    value.setAttribute("aria-label", `${label}, exact value`);
    const free = make("button", { type: "button", className: "free-button", textContent: "×", title: "Let the seed choose" });
    free.setAttribute("aria-label", `Let the seed choose ${label}`);
    const text = make("label", { htmlFor: id, title: q.help }, ...(index === null ? [] : [this.swatch(index)]), label);
    if (q.symbol && index === null) text.append(make("i", { textContent: q.symbol + (q.unit ? ` / ${q.unit}` : "") }));
    const lock = index === null ? null : lockButton(label, () => this.lock(row));
    const element = make("div", { className: index === null ? "row" : "row part" }, text, value, group === "latent" ? free : lock ?? "", range);
    const [from, to] = (q.trained ?? [q.low, q.high]).map((v) => `${(100 * (v - q.low)) / (q.high - q.low)}%`);
    element.style.setProperty("--from", from);
    element.style.setProperty("--to", to);
    const row = { group, q, index, element, range, value, lock };
    if (lock) element.style.setProperty("--own", `var(--label-${index})`);
    this.rows[id] = row;
    range.addEventListener("input", () => { this.set(row, +range.value); if (group === "at") this.solution.scrub(); else this.ask(); });
    range.addEventListener("change", () => this.release());
    value.addEventListener("change", () => {
      if (value.value === "" || !Number.isFinite(+value.value)) return;
      this.set(row, clamp(+value.value, q.low, q.high));
      if (this.get(row) !== +value.value) value.value = show(this.get(row), q.step);
      this.release(true);
    });
    free.addEventListener("click", () => { delete this.state.latent[q.name]; range.focus(); this.release(true); });
    this.sync(row);
    return element;
  }

  /** A curve that was given in numbers: it stands in the place of the slider that it replaces until it is taken away. */
  given(q, values) {
    const slider = this.rows[`conditions-${q.replaces}`]?.element;
    const away = make("button", { type: "button", className: "free-button", textContent: "×", title: "Take the curve away" });
    const label = make("label", { title: q.help }, q.label, make("i", { textContent: q.symbol }));
    const row = make("div", { className: "row given" }, label, make("span", { textContent: `${values.length} values` }), away);
    away.setAttribute("aria-label", `Take the curve away: ${q.label}`);
    this.state.conditions[q.name] = values;
    if (slider) slider.hidden = true;
    this.find(".conditions").insertBefore(row, slider ?? null);
    away.addEventListener("click", () => {
      delete this.state.conditions[q.name];
      row.remove();
      if (slider) slider.hidden = false;
      this.release(true);
    });
  }

  /** Name of one share: the label it counts, else its number. */
  part(q, index) { return this.spec.field.labels[index] ?? `${q.label} ${index + 1}`; }

  swatch(index) { const b = make("b", { className: "swatch" }); b.style.background = `var(--label-${index})`; return b; }

  get(row) {
    const held = this.state[row.group][row.q.name] ?? this.drawnLatent?.[row.q.name] ?? row.q.default;
    return row.index === null ? held : held[row.index];
  }

  set(row, value) {
    const held = this.state[row.group], { name, low, high } = row.q;
    if (row.index === null) held[name] = value;
    else {
      if (this.moving?.row !== row) this.moving = { row, start: held[name] };
      held[name] = shared(this.moving.start, row.index, value, this.state.locked[name], low, high);
    }
    for (const r of Object.values(this.rows)) if (r.q === row.q) this.sync(r);
    this.handles?.place();
  }

  /** Holds a share, or lets it go. */
  lock(row) {
    const { locked } = this.state, held = locked[row.q.name] ?? [];
    locked[row.q.name] = held.includes(row.index) ? held.filter((i) => i !== row.index) : [...held, row.index];
    this.release();
  }

  /** Slider and number show what the state holds, or what the seed drew. */
  sync(row) {
    const value = this.get(row), free = row.group === "latent" && !(row.q.name in this.state.latent);
    row.element.classList.toggle("free", free);
    if (+row.range.value !== value) row.range.value = value;
    if (this.root.activeElement !== row.value) row.value.value = show(value, row.q.step);
    if (row.lock) {
      const held = this.state.locked[row.q.name] ?? [], on = held.includes(row.index);
      row.range.disabled = row.value.disabled = on;
      row.element.classList.toggle("held", on);
      showLock(row.lock, on, held.length >= row.q.size - 2);
    }
    row.range.setAttribute("aria-valuetext", `${show(value, row.q.step)} ${row.q.unit}${free ? ", drawn by the seed" : ""}`);
  }

  request() {
    const s = this.state;
    return { model: this.spec.model, conditions: s.conditions, latent: s.latent, seed: s.seed, size: s.size, project: s.project, off: [...s.off], best_of: s.bestOf, drawn: s.drawn, smooth: s.smooth, at: s.at, locked: s.locked };
  }

  /** What the model is asked now: while something moves, one draw without the stages that are left to the release. */
  wanted() { const request = this.request(); return this.quick ? { ...request, best_of: 1, off: [...new Set([...request.off, ...this.spec.late])] } : request; }

  ask() { this.quick = true; this.link.ask(); }

  /** The finger let go: ask once more if something changed, then hand the vector over once. */
  release(changed = false) {
    this.moving = null;
    for (const row of Object.values(this.rows)) this.sync(row);
    const unfinished = this.quick && (this.state.bestOf > 1 || this.spec.late.some((s) => !this.state.off.has(s)));
    this.quick = false;
    if (changed || unfinished) this.link.ask();
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
    this.find(".best-of").addEventListener("change", ({ target }) => { this.state.bestOf = +target.value; this.release(true); });
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
    this.error = frame.header.error;
    this.element.dataset.refused = !!this.error;
    if (this.error && this.frame) { this.notice(this.error, "error"); return; }
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
    if (this.solution) this.solution.repaint(arrays); else this.picture.draw(arrays.picture);
    this.handles?.fit(...arrays.picture.shape, this.picture.scale);
    for (const bars of this.bars) bars.draw(header);
    this.spec.curves.forEach((c, i) => this.charts[i](arrays, c.name));
    for (const row of Object.values(this.rows)) if (row.group === "latent" && !(row.q.name in this.state.latent)) this.sync(row);
    this.numbers(header, arrays);
    const warnings = [...header.warnings];
    if (this.spec.projection && !this.state.project) warnings.push(`${this.spec.projection} is off: this is the raw output of the generator.`);
    if (this.error) this.notice(this.error, "error"); else this.notice(warnings.join(" "), warnings.length ? "warn" : "");
  }

  notice(text, kind) {
    const element = this.find(".notice");
    if (element.textContent !== text) element.textContent = text;
    element.className = `notice ${kind}`;
  }

  /** A function that draws one curve with its reference band. */
  chart(curve) {
    const canvas = make("canvas", { className: "curve" }), title = make("div", { className: "curve-title" }, make("h3", { textContent: curve.label }));
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${curve.label}: delivered against held-out simulations`);
    const key = (text, style, band) => { const b = make("b", { className: band ? "band" : "" }); b.style.cssText = style; return make("span", {}, b, text); };
    const keys = make("div", { className: "keys" });
    this.find(".curves").append(title, canvas, keys);
    const q = this.spec.drawable.find((d) => d.stroke && d.name === curve.name), pull = q && new Pull(this, q, canvas, title);
    const strips = this.spec.drawable.filter((d) => d.stroke?.below === curve.name).map((d) => new Strip(this, d, keys));
    return (arrays, name) => {
      const y = arrays[`live.${name}`], x = arrays[`at.${name}`], mean = arrays[`mean.${name}`], sd = arrays[`sd.${name}`], home = arrays[`home.${name}`], asked = arrays[`asked.${name}`];
      const grey = this.theme === "dark" ? "#A9B4C0" : "#5B6570";
      const state = `${this.theme} ${!!mean} ${!!asked}`;
      if (keys.dataset.state !== state) {
        keys.dataset.state = state;
        keys.replaceChildren(key("delivered", `color:${this.delivered}`), ...(asked ? [key("requested", `color:${this.ink};border-top:2px dashed`)] : []), ...(mean ? [key("held-out mean", `color:${grey};border-top:2px dashed`), key("± 1 sd", `background:${grey}55`, true)] : []));
      }
      const map = plot(canvas, { x, y, mean, sd, home, asked, askedAt: arrays[`asked_at.${name}`], span: pull?.span, axis: curve.axis, ink: this.ink, grey, colour: this.delivered, font: this.font, height: this.spec.curves.length > 1 ? 150 : (asked ? 214 : 236) - 56 * strips.length });
      pull?.place(map);
      for (const strip of strips) strip.draw(map);
    };
  }

  numbers(header, arrays) {
    const named = Object.fromEntries([...this.spec.conditions, ...this.spec.latents].map((q) => [q.name, q]));
    const rows = [];
    for (const [name, value] of Object.entries(header.measured)) {
      const q = named[name], label = q?.label ?? this.spec.names[name] ?? name.replaceAll("_", " "), asked = header.requested[name], raw = header.raw[name];
      if (!Array.isArray(value)) rows.push([label, ...[asked, value, raw].map((v) => (this.solution || !q ? figures(v, 4) : show(v, q.step / 10)))]);
      else if (q?.kind !== "simplex") value.forEach((v, i) => rows.push([this.spec.field.labels[i] ?? `${label} ${i + 1}`, show(asked?.[i]), show(v), show(raw[i])]));
    }
    for (const [label, value, raw] of header.checks ?? []) rows.push([label, "", figures(value), figures(raw)]);
    this.find(".numbers").hidden = !rows.length;
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
    this.find(".scalars").classList.toggle("alone", about.every((s) => values[s.name].length < 2));
    if (!this.scalarCells) {
      this.scalarCells = about.map((s) => [make("th", { scope: "row", title: s.help }, s.label, make("i", { textContent: s.unit })), make("td"), make("td")]);
      this.find(".scalars tbody").append(...this.scalarCells.map((cells) => make("tr", {}, ...cells)));
    }
    about.forEach((s, i) => {
      const [value, mean, sd] = values[s.name], far = mean !== undefined && sd > 0 && Math.abs(value - mean) > 3 * sd;
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
    const tried = this.frame?.header.tried;
    if (tried) {
      const least = Math.min(...tried), mean = tried.reduce((a, b) => a + b) / tried.length;
      rows.push([`Best of ${tried.length}, L_I unrefined`, `${least.toExponential(1)} (mean ${mean.toExponential(1)})`]);
    }
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
