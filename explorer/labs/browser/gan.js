/* The GAN lab: the game is played in Python, step by step; here it is shown, driven and dragged. */

import { make, makeButton, onPointerEnd, setText } from "../../live/browser/common/dom.js";
import { componentOf } from "../../live/browser/common/link.js";
import { figures, show } from "../../live/browser/common/numbers.js";
import { explain, term } from "../../live/browser/common/tooltip.js";
import { Transport } from "../../live/browser/common/transport.js";
import { drawCritics, drawDensities, drawNorms, drawValues, modeCount, outerMode } from "./gan_plots.js";
import { Lab } from "./lab.js";

const COLOURS = { light: { p: "#0072B2", q: "#C95B00" }, dark: { p: "#56B4E9", q: "#F0A830" } };
const STEPS_MS = 12000;
const GRIP_REACH = 26; // screen pixels
const GAME_PACES = [2, 10, 30, 60, 120]; // steps a second

/** The lab; `run` is the game on the server: its name, the step it should reach, and the step it has reached. */
class GanLab extends Lab {
  build() {
    super.build();
    this.startRun();
    const rewind = () => {
      this.startRun();
      this.link.ask();
    };
    const advance = (count) => this.advance(count);
    this.transport = new Transport(this.find(".transport"), { advance, rewind, paces: GAME_PACES });
    this.choices.find(({ name }) => name === "density").group.classList.add("short");
    this.buildStories();
    this.listenToGrips();
    this.settle();
  }

  /** Only where they take turns can the critic have several. */
  settle() {
    this.rows.turns.element.hidden = this.dial.scheme !== "alternating";
  }

  /** A new run on the server, at its start; the old one is forgotten. */
  startRun() {
    this.finishAdvance?.(this.run.to);
    const name = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
    this.run = { name, to: 0, at: 0 };
  }

  wanted() {
    return { ...super.wanted(), run: this.run };
  }

  /** Requests the next steps, again if the server's time for one answer was not enough; a promise of how many came. */
  advance(count) {
    const start = this.run.at;
    this.run.to = start + count;
    this.link.ask();
    return new Promise((resolve) => {
      this.finishAdvance = (step) => {
        clearTimeout(this.advanceTimer);
        this.finishAdvance = null;
        resolve(step - start);
      };
      this.advanceTimer = setTimeout(() => this.finishAdvance?.(start), STEPS_MS);
    });
  }

  draw(frame, stamp) {
    super.draw(frame, stamp);
    const { error, ended, step, run, id } = frame.header;
    if (run === this.run.name) this.run.at = step;
    if (!this.finishAdvance || id !== this.link.current) return;
    if (error || ended || this.run.at >= this.run.to) this.finishAdvance(this.run.at);
    else this.link.ask();
  }

  buildStories() {
    const place = this.find(".stories");
    this.stories = this.spec.presets.map((preset) => {
      const button = makeButton({ textContent: preset.label }, () => {
        this.transport.pause();
        this.startRun();
        this.apply(preset.dial);
      });
      return { preset, button: explain(button, preset.help) };
    });
    this.cure = makeButton({ className: "cure" }, () => this.switchCure());
    explain(this.cure, this.spec.glossary.cure);
    place.append(...this.stories.map(({ button }) => button), this.cure);
  }

  switchCure() {
    const preset = this.currentPreset();
    const names = Object.keys(preset.cure);
    const undone = Object.fromEntries(names.map((name) => [name, preset.dial[name]]));
    const change = this.isCured(preset) ? undone : preset.cure;
    this.startRun();
    this.apply(change);
  }

  /** Changes several entries of the dial and hands it over. */
  apply(change) {
    this.set({ ...change });
    this.release();
  }

  set(change) {
    super.set(change);
    this.showStory();
  }

  /** The preset that the dial is at, as it is or cured. */
  currentPreset() {
    const matches = ({ dial, cure }) =>
      Object.entries(dial).every(([name, value]) => this.dial[name] === value || this.dial[name] === cure[name]);
    return this.spec.presets.find(matches);
  }

  isCured({ cure }) {
    return Object.entries(cure).every(([name, value]) => this.dial[name] === value);
  }

  showStory() {
    const current = this.currentPreset();
    for (const { preset, button } of this.stories) button.setAttribute("aria-pressed", preset === current);
    this.cure.hidden = !current?.with;
    if (!current?.with) return;
    const isCured = this.isCured(current);
    this.cure.textContent = `${isCured ? "Cured" : "Cure it"}: ${current.with}`;
    this.cure.setAttribute("aria-pressed", isCured);
  }

  /** Handles on p: the round one moves it, the square one spreads its bumps, the one on the flank widens them. */
  listenToGrips() {
    const canvas = this.find(".density canvas");
    canvas.addEventListener("pointerdown", (event) => {
      const box = canvas.getBoundingClientRect();
      const distance = (grip) => Math.hypot(grip.x - (event.clientX - box.x), grip.y - (event.clientY - box.y));
      const nearest = [...(this.grips ?? [])].sort((a, b) => distance(a) - distance(b))[0];
      if (!nearest || distance(nearest) > GRIP_REACH) return;
      this.held = nearest.name;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.held) this.pullGrip(this.densityAxes.valueX(event.clientX - canvas.getBoundingClientRect().x));
    });
    onPointerEnd(canvas, () => {
      if (!this.held) return;
      this.held = null;
      this.release();
    });
  }

  pullGrip(x) {
    const { centre } = this.dial;
    const gap = (2 * (x - centre)) / (modeCount(this.dial) - 1);
    const values = { centre: x, gap, width: x - outerMode(this.dial) };
    this.setFromPointer({ [this.held]: values[this.held] });
  }

  get colours() {
    return COLOURS[this.theme];
  }

  repaint() {
    if (!this.frame || !this.transport) return;
    const { step } = this.frame.header;
    this.element.dataset.step = step;
    this.transport.show(step);
    this.showStory();
    const { axes, grips } = drawDensities(this);
    Object.assign(this, { densityAxes: axes, grips });
    drawCritics(this);
    drawValues(this);
    drawNorms(this);
    this.showNumbers();
  }

  /** Tiles [name, value, help]: both sides of each identity, and what was learnt. */
  tiles() {
    const { facts, dial } = this.frame.header;
    const isWasserstein = dial.loss === "wgan_gp";
    const number = (value) => show(Math.abs(value) < 5e-5 ? 0 : value);
    const { glossary } = this.spec;
    const identityHelp = dial.loss === "relativistic" ? glossary.identity_pairs : glossary.identity;
    return [
      [isWasserstein ? "E f − E f(G), learnt" : "V(D), learnt", number(facts.learnt), glossary.learnt],
      [isWasserstein ? "the same at f*" : "V(D*)", number(facts.optimal), glossary.optimal],
      [isWasserstein ? "W₁ = ∫|F_p − F_q|" : "−log 4 + 2 JSD", number(facts.identity), identityHelp],
      isWasserstein
        ? ["slope of f", figures(facts.slope), glossary.slope]
        : ["mean |D − ½|", show(facts.off), glossary.distance_from_half],
      isWasserstein
        ? ["weights of f", figures(facts.weights), glossary.weights]
        : ["mean D", show(facts.mean), glossary.mean_critic],
      ["modes covered", `${facts.modes[0]} of ${facts.modes[1]}`, glossary.modes],
      ["W₁(p, q)", show(facts.w1, 0.001), glossary.w1],
      ["gradient of G", facts.generator === null ? "–" : figures(facts.generator), glossary.gradient],
    ];
  }

  showNumbers() {
    const tiles = this.tiles();
    const names = tiles.map(([name]) => name).join();
    if (names !== this.tileNames) {
      this.tileNames = names;
      this.tileValues = tiles.map(() => make("dd"));
      const cells = tiles.map(([name, , help], i) =>
        make("div", {}, make("dt", {}, term(name, help)), this.tileValues[i]),
      );
      this.find(".tiles").replaceChildren(...cells);
    }
    tiles.forEach(([, value], i) => setText(this.tileValues[i], value));
    this.showVerdict();
  }

  showVerdict() {
    const [state, sentence] = this.frame.header.verdict;
    const verdict = this.find(".verdict");
    verdict.dataset.state = state;
    const name = state[0].toUpperCase() + state.slice(1);
    verdict.replaceChildren(make("b", { textContent: name }), sentence);
  }

  close() {
    this.transport?.pause();
    super.close();
  }
}

export default componentOf(GanLab, "labOfExplorer");
