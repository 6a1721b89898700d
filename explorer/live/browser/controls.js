/* The controls next to the picture: a row for every condition and latent direction, seed, size, and the stages. */

import { make, makeButton, setAttributes } from "./common/dom.js";
import { clamp, show } from "./common/numbers.js";
import { lockButton, showLock } from "./shares.js";
import { explain, term } from "./common/tooltip.js";

const LARGEST_SEED = 2147483647;
const NEW_SEEDS = 100000;

/** Draws every control of the panel's description and listens to them. */
export function buildControls(panel) {
  buildConditions(panel);
  const latents = panel.find(".latents");
  for (const quantity of panel.spec.latents) latents.append(sliderRow(panel, "latent", quantity));
  panel.find(".latent-head").hidden = !panel.spec.latents.length;
  buildSeedSizeAndTries(panel);
  buildStages(panel);
  listenToButtons(panel);
  listenToSeedSizeAndTries(panel);
}

function buildConditions(panel) {
  const { spec } = panel;
  const conditions = panel.find(".conditions");
  for (const quantity of spec.conditions) {
    if (quantity.kind !== "simplex") conditions.append(sliderRow(panel, "conditions", quantity));
    else conditions.append(simplexHead(quantity), ...simplexRows(panel, quantity));
  }
  for (const quantity of spec.drawable) {
    const values = spec.dial.conditions[quantity.name];
    if (values) insertUploadedCurve(panel, quantity, values);
  }
  if (spec.note) conditions.append(make("p", { className: "plain", textContent: spec.note }));
}

function simplexHead(quantity) {
  const symbol = make("i", { textContent: quantity.symbol });
  return make("h3", {}, term(quantity.label, quantity.help, symbol));
}

function simplexRows(panel, quantity) {
  return Array.from({ length: quantity.size }, (_, i) => sliderRow(panel, "conditions", quantity, i));
}

/** One slider with its number, kept in `panel.rows`; `index` picks the component of a simplex. */
export function sliderRow(panel, group, quantity, index = null) {
  const { low, high, step } = quantity;
  const id = `${group}-${quantity.name}${index ?? ""}`;
  const label = index === null ? quantity.label : panel.shareName(quantity, index);
  const range = make("input", { type: "range", id, min: low, max: high, step });
  const value = make("input", { type: "number", className: "value", min: low, max: high, step: "any" });
  value.setAttribute("aria-label", `${label}, exact value`);
  const row = { group, quantity, index, range, value, lock: null };
  const side = sideButton(panel, row, label);
  const className = index === null ? "row" : "row part";
  row.element = make("div", { className }, rowLabel(panel, row, label), value, side ?? "", range);
  styleRow(row);
  panel.rows[id] = row;
  listenToRow(panel, row);
  syncRow(panel, row);
  return row.element;
}

function rowLabel(panel, { quantity, index, range }, label) {
  const isShare = index !== null;
  const unit = quantity.unit ? ` / ${quantity.unit}` : "";
  const symbol = quantity.symbol && !isShare ? [make("i", { textContent: quantity.symbol + unit })] : [];
  const swatch = isShare ? [panel.swatch(index)] : [];
  return make("label", { htmlFor: range.id }, ...swatch, term(label, quantity.help, ...symbol));
}

/** The button of a row: a share is locked, a latent direction left to the seed. */
function sideButton(panel, row, label) {
  if (row.index !== null) return (row.lock = lockButton(label, () => panel.lock(row)));
  if (row.group !== "latent") return null;
  const free = makeButton({ className: "free-button", textContent: "×" }, () => {
    delete panel.state.latent[row.quantity.name];
    row.range.focus();
    panel.release(true);
  });
  return explain(setAttributes(free, { "aria-label": `Let the seed choose ${label}` }), "Let the seed choose.");
}

/** Shows the range seen in training on the track, and the colour of a share. */
function styleRow({ quantity, index, element }) {
  const { low, high, trained } = quantity;
  const [start, end] = (trained ?? [low, high]).map((value) => `${(100 * (value - low)) / (high - low)}%`);
  element.style.setProperty("--from", start);
  element.style.setProperty("--to", end);
  if (index !== null) element.style.setProperty("--own", `var(--label-${index})`);
}

function listenToRow(panel, row) {
  const { range, value, quantity } = row;
  range.addEventListener("input", () => {
    panel.set(row, +range.value);
    if (row.group === "at") panel.solution.scrub();
    else panel.ask();
  });
  range.addEventListener("change", () => panel.release());
  value.addEventListener("change", () => {
    if (value.value === "" || !Number.isFinite(+value.value)) return;
    panel.set(row, clamp(+value.value, quantity.low, quantity.high));
    if (panel.get(row) !== +value.value) value.value = show(panel.get(row), quantity.step);
    panel.release(true);
  });
}

/** Slider and number show what the state holds, or what the seed drew. */
export function syncRow(panel, row) {
  const { quantity, range, value, lock, element } = row;
  const current = panel.get(row);
  const isFree = row.group === "latent" && !(quantity.name in panel.state.latent);
  element.classList.toggle("free", isFree);
  if (+range.value !== current) range.value = current;
  if (panel.root.activeElement !== value) value.value = show(current, quantity.step);
  if (lock) {
    const locked = panel.state.locked[quantity.name] ?? [];
    const isLocked = locked.includes(row.index);
    disableRow(row, isLocked);
    element.classList.toggle("held", isLocked);
    showLock(lock, isLocked, locked.length >= quantity.size - 2);
  }
  const spoken = `${show(current, quantity.step)} ${quantity.unit}${isFree ? ", drawn by the seed" : ""}`;
  range.setAttribute("aria-valuetext", spoken);
}

/** Slider and number of a row take no input, or do again. */
export function disableRow(row, isDisabled) {
  row.range.disabled = row.value.disabled = isDisabled;
}

/** A curve that came as numbers: it replaces the slider of the same statistic until it is removed. */
function insertUploadedCurve(panel, quantity, values) {
  const slider = panel.rows[`conditions-${quantity.replaces}`]?.element;
  const remove = makeButton({ className: "free-button", textContent: "×" }, () => {
    delete panel.state.conditions[quantity.name];
    row.remove();
    if (slider) slider.hidden = false;
    panel.release(true);
  });
  setAttributes(remove, { "aria-label": `Remove the curve: ${quantity.label}` });
  explain(remove, "Remove the curve.");
  const symbol = make("i", { textContent: quantity.symbol });
  const label = make("label", {}, term(quantity.label, quantity.help, symbol));
  const count = make("span", { textContent: `${values.length} values` });
  const row = make("div", { className: "row given" }, label, count, remove);
  panel.state.conditions[quantity.name] = values;
  if (slider) slider.hidden = true;
  panel.find(".conditions").insertBefore(row, slider ?? null);
}

function buildSeedSizeAndTries(panel) {
  const { spec } = panel;
  const { dial } = spec;
  const option = (value, text, current) => make("option", { value, textContent: text, selected: value === current });
  panel.find(".seed").value = dial.seed;
  panel.find(".size").append(...spec.sizes.map((size) => option(size, `${size} ${spec.field.unit}`, dial.size)));
  panel.find(".size-box").hidden = spec.sizes.length < 2;
  panel.find(".best-of").append(...spec.tries.map((count) => option(count, count, dial.best_of)));
  panel.find(".best-box").hidden = !spec.tries.length;
}

/** A check box for the projection and for each stage of the generator. */
function buildStages(panel) {
  const { spec, state } = panel;
  const toggle = (name, text, checked, help) => {
    const box = make("input", { type: "checkbox", name, checked });
    panel.find(".toggles").append(explain(make("label", {}, box, text), help));
  };
  if (spec.projection) toggle("project", spec.projection, state.project, spec.glossary.projection);
  for (const stage of spec.stages) {
    const text = `Stage: ${stage}${spec.late.includes(stage) ? " (on release)" : ""}`;
    toggle(stage, text, !state.off.has(stage), spec.glossary[`stage.${stage}`] ?? spec.glossary.stage);
  }
  panel.find(".toggles").addEventListener("change", ({ target }) => {
    if (target.name === "project") state.project = target.checked;
    else if (target.checked) state.off.delete(target.name);
    else state.off.add(target.name);
    panel.release(true);
  });
}

function listenToButtons(panel) {
  const { state, spec } = panel;
  const actions = {
    reset: () => {
      state.latent = {};
    },
    random: () => {
      for (const { name, trained, low, high } of spec.latents) {
        const [start, end] = trained ?? [low, high];
        state.latent[name] = start + ((end - start) * (Math.random() + Math.random())) / 2;
      }
    },
    again: () => {
      state.seed = Math.floor(Math.random() * NEW_SEEDS);
      panel.find(".seed").value = state.seed;
    },
  };
  for (const button of panel.element.querySelectorAll("[data-act]")) {
    button.addEventListener("click", () => {
      actions[button.dataset.act]();
      panel.release(true);
    });
  }
}

function listenToSeedSizeAndTries(panel) {
  const { state } = panel;
  const seed = panel.find(".seed");
  seed.addEventListener("change", () => {
    state.seed = clamp(Math.floor(+seed.value) || 0, 0, LARGEST_SEED);
    seed.value = state.seed;
    panel.release(true);
  });
  panel.find(".size").addEventListener("change", ({ target }) => {
    state.size = +target.value;
    panel.release(true);
  });
  panel.find(".best-of").addEventListener("change", ({ target }) => {
    state.bestOf = +target.value;
    panel.release(true);
  });
}
