/* One sentence of help for a symbol, a term or a control: by pointer, keyboard focus or tap.
 *
 * An element with `data-help` opens the one bubble of its panel. Terms can be focused themselves; an element that is or
 * holds a control opens it with the control's focus. Escape, a scroll, or a press elsewhere closes it. */

import { make, setAttributes } from "./dom.js";
import { clamp } from "./numbers.js";

const CONTROLS = "button, input, select, a[href], [role=slider]";
const HOVER_MS = 250;
const SCROLL_AFTER_FOCUS_MS = 300;
const BUBBLE_GAP = 8; // screen pixels between the element and the bubble, and to the edge of the window

/** Gives an element its sentence, or takes it away. A term becomes focusable. Returns the element. */
export function explain(element, sentence) {
  if (!sentence) return unexplained(element);
  if (element.dataset.help === sentence) return element;
  element.dataset.help = sentence;
  if (element.matches(CONTROLS) || element.querySelector(CONTROLS)) return element;
  element.classList.add("term");
  return setAttributes(element, { tabindex: 0, role: "term" });
}

function unexplained(element) {
  if (element.dataset.help === undefined) return element;
  delete element.dataset.help;
  element.classList.remove("term");
  for (const name of ["tabindex", "role"]) element.removeAttribute(name);
  return element;
}

/** The text as a term with its sentence, or as it is where there is none; `children` follow within the term. */
export function term(text, sentence, ...children) {
  const parts = [text, ...children];
  return sentence ? explain(make("span", {}, ...parts), sentence) : make("span", {}, ...parts);
}

/** Gives every element with `data-term` below `element` the sentence that the glossary has for it. */
export function explainTerms(element, glossary) {
  for (const described of element.querySelectorAll("[data-term]")) {
    explain(described, glossary[described.dataset.term]);
  }
}

/** The bubble of a panel; it stands at the end of the panel's element. */
export class Tooltip {
  constructor(element) {
    Object.assign(this, { element, opener: null, touched: false, pressed: false });
    this.bubble = make("div", { className: "bubble", id: "help-bubble", hidden: true });
    setAttributes(this.bubble, { role: "tooltip", popover: "manual" });
    element.append(this.bubble);
    const listeners = { pointerover: "onOver", pointerout: "onOut", pointerdown: "onDown", focusin: "onFocus" };
    const more = { focusout: "close", click: "onClick", keydown: "onKey" };
    for (const [type, method] of Object.entries({ ...listeners, ...more })) {
      element.addEventListener(type, (event) => this[method](event));
    }
    this.onPage = {
      keydown: (event) => event.key === "Escape" && this.close(),
      pointerdown: (event) => event.composedPath().includes(this.opener) || this.close(),
      scroll: () => this.onScroll(),
    };
    this.onRelease = () => {
      this.pressed = false;
    };
    for (const type of ["pointerup", "pointercancel"]) document.addEventListener(type, this.onRelease, true);
  }

  /** The element with help around the target of an event. */
  helped({ target }) {
    return target.closest("[data-help]");
  }

  onOver(event) {
    const opener = this.helped(event);
    if (event.pointerType === "touch" || event.buttons || !opener || opener === this.opener) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(opener), HOVER_MS);
  }

  onOut(event) {
    const opener = this.helped(event);
    if (event.pointerType === "touch" || !opener || opener.contains(event.relatedTarget)) return;
    clearTimeout(this.timer);
    if (opener === this.opener && !opener.matches(":focus-visible")) this.close();
  }

  onDown(event) {
    clearTimeout(this.timer);
    this.touched = event.pointerType !== "mouse";
    this.pressed = true;
    if (!this.touched) this.close();
  }

  onFocus(event) {
    if (this.pressed || !event.target.matches(":focus-visible")) return;
    const opener = this.helped(event);
    if (!opener) return;
    this.focused = performance.now();
    this.open(opener);
  }

  /** A tap opens the bubble, and closes it on the term that it stands at. */
  onClick(event) {
    const opener = this.helped(event);
    const isTerm = opener?.matches(".term");
    if (!opener || !(this.touched || isTerm)) return;
    if (isTerm) event.preventDefault(); // a term in a label is read, its control stays as it is
    if (isTerm && opener === this.opener) this.close();
    else this.open(opener);
  }

  onKey(event) {
    if (event.key !== "Enter" && event.key !== " ") return;
    if (!event.target.matches(".term")) return;
    event.preventDefault();
    this.open(event.target);
  }

  onScroll() {
    const { top } = this.opener.getBoundingClientRect();
    if (Math.abs(top - this.top) < 2) return;
    if (performance.now() - this.focused < SCROLL_AFTER_FOCUS_MS) this.place();
    else this.close();
  }

  open(opener) {
    if (!opener.isConnected || !opener.dataset.help) return;
    this.close();
    this.opener = opener;
    this.bubble.textContent = opener.dataset.help;
    this.bubble.hidden = false;
    this.bubble.showPopover?.();
    this.described = opener.matches(CONTROLS) ? opener : (opener.querySelector(CONTROLS) ?? opener);
    this.described.setAttribute("aria-describedby", this.bubble.id);
    for (const [type, listener] of Object.entries(this.onPage)) document.addEventListener(type, listener, true);
    this.place();
  }

  close() {
    clearTimeout(this.timer);
    if (!this.opener) return;
    this.described.removeAttribute("aria-describedby");
    this.opener = null;
    this.bubble.hidePopover?.();
    this.bubble.hidden = true;
    for (const [type, listener] of Object.entries(this.onPage)) document.removeEventListener(type, listener, true);
  }

  /** Below the opener, above it where there is no room below; never beyond the window. */
  place() {
    const around = this.opener.getBoundingClientRect();
    const { width, height } = this.bubble.getBoundingClientRect();
    const below = around.bottom + BUBBLE_GAP;
    const above = around.top - BUBBLE_GAP - height;
    const top = below + height > window.innerHeight - BUBBLE_GAP && above > BUBBLE_GAP ? above : below;
    const left = clamp(around.left + (around.width - width) / 2, BUBBLE_GAP, window.innerWidth - BUBBLE_GAP - width);
    this.bubble.style.left = `${left}px`;
    this.bubble.style.top = `${top}px`;
    this.top = around.top;
  }

  /** Takes the listeners off the page. */
  remove() {
    this.close();
    for (const type of ["pointerup", "pointercancel"]) document.removeEventListener(type, this.onRelease, true);
    this.bubble.remove();
  }
}
