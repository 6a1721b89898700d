/* What is measured, in numbers: the table of requested and delivered, descriptors, times, and the notice below them. */

import { make, setText } from "./common/dom.js";
import { curveArrays, deviation } from "./common/frames.js";
import { FrameRate, MODE_WORDS } from "./common/link.js";
import { figures, show, sum } from "./common/numbers.js";
import { explain, term } from "./common/tooltip.js";

const FAR_IN_SD = 3;

/** The tables of a panel; `frames` counts those that were drawn while dragging. */
export class Readout {
  constructor(panel) {
    Object.assign(this, { panel, frames: new FrameRate(), lag: 0 });
  }

  /** The tables show a frame. */
  draw({ header, arrays }) {
    this.drawNumbers(this.numberRows(header));
    this.drawDescriptors(header.descriptors);
    this.deviations = this.panel.spec.curves.map(({ name }) => deviation(curveArrays(arrays, name)));
  }

  /** Rows [label, help, requested, delivered, before correction], as texts. */
  numberRows(header) {
    const { spec, solution } = this.panel;
    const quantities = new Map([...spec.conditions, ...spec.latents].map((quantity) => [quantity.name, quantity]));
    const rows = [];
    for (const [name, value] of Object.entries(header.measured)) {
      const quantity = quantities.get(name);
      const label = quantity?.label ?? spec.names[name] ?? name.replaceAll("_", " ");
      const help = quantity?.help ?? spec.glossary[`invariance.${name}`] ?? spec.glossary.invariance;
      const [requested, before] = [header.requested[name], header.raw[name]];
      const text = (number) => (solution || !quantity ? figures(number, 4) : show(number, quantity.step / 10));
      if (!Array.isArray(value)) rows.push([label, help, ...[requested, value, before].map(text)]);
      else if (quantity?.kind !== "simplex") {
        value.forEach((part, i) => {
          const partLabel = spec.field.labels[i] ?? `${label} ${i + 1}`;
          rows.push([partLabel, help, show(requested?.[i]), show(part), show(before[i])]);
        });
      }
    }
    for (const [label, value, before] of header.checks ?? []) {
      rows.push([label, spec.glossary[`check.${label}`] ?? spec.glossary.check, "", figures(value), figures(before)]);
    }
    return rows;
  }

  drawNumbers(rows) {
    const table = this.panel.find(".numbers");
    table.hidden = !rows.length;
    if (this.numberCells?.length !== rows.length) this.buildNumbers(table, rows);
    rows.forEach(([label, help, ...texts], i) => {
      const [name, ...cells] = this.numberCells[i];
      setText(name, label);
      explain(name, help);
      texts.forEach((text, j) => {
        cells[j].textContent = text;
      });
    });
  }

  buildNumbers(table, rows) {
    const { glossary } = this.panel.spec;
    const columns = [
      "",
      term("requested", glossary.requested),
      term("delivered", glossary.delivered),
      term("before correction", glossary.before_correction),
    ];
    const head = make("tr", {}, ...columns.map((column) => make("th", { scope: "col" }, column)));
    table.querySelector("thead").replaceChildren(head);
    this.numberCells = rows.map(() => [make("span"), make("td"), make("td", { className: "main" }), make("td")]);
    const body = this.numberCells.map(([name, ...cells]) =>
      make("tr", {}, make("th", { scope: "row" }, name), ...cells),
    );
    table.querySelector("tbody").replaceChildren(...body);
  }

  /** Scalars of the delivered array, with mean and sd of the simulated reference. */
  drawDescriptors(values) {
    const { panel } = this;
    const described = panel.spec.scalars.filter(({ name }) => values[name]);
    const table = panel.find(".scalars");
    table.hidden = !described.length;
    table.classList.toggle(
      "alone",
      described.every(({ name }) => values[name].length < 2),
    );
    if (!this.descriptorCells) this.buildDescriptors(table, described);
    described.forEach(({ name }, i) => showDescriptor(this.descriptorCells[i], values[name]));
  }

  buildDescriptors(table, described) {
    this.descriptorCells = described.map(() => ({ value: make("span"), reference: make("td") }));
    const rows = described.map(({ label, help, unit }, i) => {
      const name = make("th", { scope: "row" }, term(label, help), make("i", { textContent: unit }));
      const { value, reference } = this.descriptorCells[i];
      return make("tr", {}, name, make("td", {}, value), reference);
    });
    table.querySelector("tbody").append(...rows);
  }

  /** Counts a frame that was drawn `lag` milliseconds after the change it answers. */
  countFrame(now, lag) {
    this.frames.mark(now);
    this.lag = lag;
  }

  /** Rows [label, help, text] of the list of times. */
  timeTexts() {
    const { panel } = this;
    const { glossary, curves } = panel.spec;
    const header = panel.frame?.header;
    const rows = [];
    curves.forEach((curve, i) => {
      const distances = this.deviations?.[i];
      if (!distances) return;
      const [distance, expected] = distances.map((value) => value.toFixed(4));
      rows.push(["Curve from reference mean", glossary.deviation, `${distance} (expected ${expected})`]);
    });
    if (header?.tried) {
      const { tried } = header;
      const [least, mean] = [Math.min(...tried), sum(tried) / tried.length].map((value) => value.toExponential(1));
      rows.push([`Best of ${tried.length}, L_I unrefined`, glossary.tried, `${least} (mean ${mean})`]);
    }
    for (const [label, ms] of header?.times ?? [["Time per sample", header?.ms]]) {
      rows.push([label, glossary[`time.${label}`] ?? glossary.time, ms === undefined ? "–" : `${ms.toFixed(1)} ms`]);
    }
    return [...rows, ...this.paceTexts()];
  }

  paceTexts() {
    const { panel, frames, lag } = this;
    const { glossary } = panel.spec;
    const rate = frames.perSecond();
    if (rate !== null) this.pace = `${rate} frames/s, ${lag.toFixed(0)} ms behind`;
    const { mode } = panel.link;
    const rows = [["While dragging", glossary.dragging, this.pace ?? MODE_WORDS[mode]]];
    if (this.pace && mode === "fallback") rows.push(["Connection", glossary.connection, MODE_WORDS[mode]]);
    return rows;
  }

  /** The list of times shows what is known; its terms stay, so that the help of one can be read meanwhile. */
  drawTimes() {
    const texts = this.timeTexts();
    const labels = texts.map(([label]) => label);
    const list = this.panel.find(".times");
    if (labels.join() !== this.timeLabels) {
      this.timeLabels = labels.join();
      this.timeCells = texts.map(() => make("dd"));
      const pairs = texts.map(([label, help], i) => [make("dt", {}, term(label, help)), this.timeCells[i]]);
      list.replaceChildren(...pairs.flat());
    }
    texts.forEach(([, , text], i) => setText(this.timeCells[i], text));
  }

  /** The sentence below the tables; `kind` is `error`, `warn` or nothing. */
  notice(text, kind) {
    const element = this.panel.find(".notice");
    setText(element, text);
    element.className = `notice ${kind}`;
  }
}

function showDescriptor({ value, reference }, [measured, mean, sd]) {
  const isFar = mean !== undefined && sd > 0 && Math.abs(measured - mean) > FAR_IN_SD * sd;
  value.textContent = figures(measured);
  value.parentElement.className = isFar ? "far" : "";
  reference.textContent = mean === undefined ? "–" : `${figures(mean)} ± ${figures(sd, 2)}`;
  explain(value, isFar ? "More than 3 standard deviations from the mean of the simulated reference." : "");
}
