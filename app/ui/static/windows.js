// The lines of a log that are in the document: windows of them, those around what is seen.

import { Painter, read } from "./ansi.js";

/** Lines of a window; screens of windows that are there before and after what is seen; lines that a colour may last. */
const WINDOW = 100, SCREENS = 2, LASTS = 5000;
/** Lines of a part to scroll through: an element may not be of any height. */
const PART = 200000;

export const make = (name, values) => Object.assign(document.createElement(name), values);
export const lineOf = (row) => Number(row.id.slice(1)) - 1;
const windowOf = (pos) => Math.floor(pos / WINDOW);
const rowOf = (node) => (node.closest ? node : node.parentElement)?.closest(".lines li");

export class Windows {
  /** Whether the end is kept in sight; whether lines are wrapped; what stands before a line for its time. */
  follows = false;
  isWrapped = false;
  timeOf;
  /** Positions of the lines that are pointed at. */
  chosen = [0, -1];
  #base = 0;
  #parts = new Map();
  #heights = new Map();
  #painters = new Map();

  /** `need` is asked for lines that are not held, `drawn` is called after each change; `rest` ends a line that is cut. */
  constructor(box, lines, { need, drawn, rest }) {
    Object.assign(this, { box, lines, need, drawn, rest });
    this.note = make("p", { className: "gap", hidden: true });
    this.list = make("div", { className: "lines" });
    box.replaceChildren(this.note, this.list);
    new ResizeObserver(() => this.#resized()).observe(box);
  }

  /** The positions of the first line of the part to scroll through, and of the line after it. */
  get from() {
    return Math.max(this.#base, this.lines.first);
  }

  get to() {
    return Math.min(windowOf(this.from + PART) * WINDOW, this.lines.end);
  }

  /** Draw with the next frame. */
  soon() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  /** Put into the document what is near; the line on top stays where it is, or the end in sight. */
  draw(kept = this.isWrapped && this.seen()) {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const pos = this.follows ? this.lines.end - 1 : (kept?.pos ?? this.from);
    if (pos < this.from || pos >= this.to) this.#base = windowOf(Math.max(pos - PART / 2, 0)) * WINDOW;
    do {
      this.list.style.height = `${this.#topOf(this.to)}px`;
      if (this.follows) this.box.scrollTop = this.box.scrollHeight;
      else if (kept) this.box.scrollTop = this.list.offsetTop + this.#topOf(kept.pos) + kept.shift;
      this.#place();
    } while (this.isWrapped && this.#measure());
    this.drawn();
  }

  /** Draw all lines anew. */
  redraw(kept = this.seen()) {
    for (const { node } of this.#parts.values()) node.remove();
    this.#parts.clear();
    this.#heights.clear();
    this.draw(kept);
  }

  /** The first line that is seen, and how many pixels of it are not. */
  seen() {
    let y = this.box.scrollTop - this.list.offsetTop;
    for (const { key, from, to, height } of this.#all()) {
      if (y >= height && to < this.to) {
        y -= height;
        continue;
      }
      const row = [...(this.#parts.get(key)?.node.children ?? [])].find((one) => one.offsetTop + one.offsetHeight > y);
      if (row) return { pos: lineOf(row), shift: y - row.offsetTop };
      const at = Math.max(Math.floor((y / height) * (to - from)), 0);
      return { pos: Math.min(from + at, to - 1), shift: Math.min(y, 0) };
    }
    return { pos: this.from, shift: 0 };
  }

  /** Show a line, in the upper third of what is seen. */
  show(pos) {
    this.draw({ pos, shift: -Math.round(this.box.clientHeight / 3) });
  }

  /** Whether the end is in sight. */
  get isAtEnd() {
    const { box } = this, isThere = box.scrollTop + box.clientHeight >= box.scrollHeight - this.#lineHeight;
    return isThere && this.to === this.lines.end;
  }

  /** Point at lines. */
  choose(from, to) {
    this.chosen = [from, to];
    for (const { node } of this.#parts.values()) for (const row of node.children) this.#mark(row, lineOf(row));
  }

  /** The texts of the lines that are in the document, as elements. */
  rows() {
    return [...this.#parts.values()].flatMap(({ node }) => [...node.children].map((row) => row.lastChild));
  }

  /** The text that is selected or, where none is, of the lines that are pointed at, without numbers and escapes.
      Undefined for none in the log, null for lines that are not held. */
  selected() {
    const selection = document.getSelection(), range = selection.rangeCount && selection.getRangeAt(0);
    if (selection.isCollapsed) return this.#text(...this.chosen);
    const first = rowOf(range.startContainer), last = rowOf(range.endContainer);
    if (!first || !last) return undefined;
    const before = new Range(), after = new Range();
    before.selectNodeContents(first.lastChild);
    after.selectNodeContents(last.lastChild);
    if (first.lastChild.contains(range.startContainer)) before.setStart(range.startContainer, range.startOffset);
    if (last.lastChild.contains(range.endContainer)) after.setEnd(range.endContainer, range.endOffset);
    if (first === last) after.setStart(before.startContainer, before.startOffset);
    if (first === last) return String(after);
    const between = this.#text(lineOf(first) + 1, lineOf(last) - 1);
    return between === null ? null : `${before}\n${between ?? ""}${after}`;
  }

  /** Whole lines; undefined for none. */
  #text(from, to) {
    let text;
    for (let pos = from; pos <= to; pos++) {
      const line = this.lines.at(pos);
      if (!line) return null;
      text = `${text ?? ""}${read(line.out)}\n`;
    }
    return text;
  }

  *#all() {
    const { to: end } = this;
    for (let { from } = this, key, to; from < end; from = to) {
      key = windowOf(from);
      to = Math.min((key + 1) * WINDOW, end);
      yield { key, from, to, height: this.#heights.get(key) ?? (to - from) * this.#lineHeight };
    }
  }

  get #lineHeight() {
    return (this.lineHeight ??= parseFloat(getComputedStyle(this.box).lineHeight));
  }

  #topOf(pos) {
    let y = 0;
    for (const { key, from, to, height } of this.#all()) {
      if (pos < to) {
        const row = this.#parts.get(key)?.node.children[pos - from];
        return y + (row?.offsetTop ?? ((pos - from) / (to - from)) * height);
      }
      y += height;
    }
    return y;
  }

  #place() {
    const { box } = this, reach = SCREENS * box.clientHeight, top = box.scrollTop - this.list.offsetTop;
    const wanted = new Map();
    let y = 0;
    for (const one of this.#all()) {
      if (y + one.height >= top - reach && y <= top + box.clientHeight + reach) wanted.set(one.key, { ...one, y });
      y += one.height;
    }
    const selection = document.getSelection();
    for (const [key, { node }] of this.#parts) {
      if (wanted.has(key) || (!selection.isCollapsed && selection.containsNode(node, true))) continue;
      node.remove();
      this.#parts.delete(key);
    }
    for (const one of wanted.values()) this.#put(one);
  }

  #put({ key, from, to, y }) {
    const { lines } = this;
    let part = this.#parts.get(key);
    if (!part && lines.at(from)) {
      part = { node: make("ol"), next: from, painter: this.#painter(from) };
      const after = Math.min(...[...this.#parts.keys()].filter((other) => other > key));
      this.list.insertBefore(part.node, this.#parts.get(after)?.node ?? null);
      this.#parts.set(key, part);
    }
    if (part) {
      part.node.style.top = `${y}px`;
      const rows = [];
      for (; part.next < to && lines.at(part.next); part.next++) rows.push(this.#row(part.next, part.painter));
      part.node.append(...rows);
      if (part.next % WINDOW === 0) this.#painters.set(part.next, new Painter(this.rest, part.painter));
    }
    if (!lines.at(to - 1)) this.need(to - 1);
  }

  /** A painter with the colours that last at a line, as far as the lines before it are held. */
  #painter(pos) {
    let from = pos;
    while (!this.#painters.has(from) && pos - from < LASTS && this.lines.at(from - 1)) from--;
    const painter = new Painter(this.rest, this.#painters.get(from));
    for (; from < pos; from++) if (this.lines.at(from).out.includes("\x1b")) painter.line(this.lines.at(from).out);
    return painter;
  }

  #row(pos, painter) {
    const { out, time, isWrong } = this.lines.at(pos), row = make("li", { id: `L${pos + 1}` }), text = make("span");
    text.append(...painter.line(out).map(shown));
    if (this.timeOf) text.dataset.time = this.timeOf(time);
    row.append(make("a", { href: `#${row.id}`, textContent: pos + 1, tabIndex: -1 }), text);
    row.classList.toggle("wrong", isWrong);
    this.#mark(row, pos);
    return row;
  }

  #mark(row, pos) {
    row.classList.toggle("here", this.chosen[0] <= pos && pos <= this.chosen[1]);
  }

  /** Whether a window turns out to have another height than was thought. */
  #measure() {
    let isNew = false;
    for (const [key, { node, next }] of this.#parts) {
      const isPart = next < Math.min((key + 1) * WINDOW, this.to);
      if (isPart || this.#heights.get(key) === node.offsetHeight) continue;
      this.#heights.set(key, node.offsetHeight);
      isNew = true;
    }
    return isNew;
  }

  #resized() {
    const { clientWidth } = this.box;
    if (this.isWrapped && clientWidth !== this.width) this.#heights.clear();
    this.width = clientWidth;
    this.lineHeight = undefined;
    this.soon();
  }
}

/** A piece of a line, which is only ever set as text. */
function shown({ text, classes, link, front, back }) {
  const textContent = text.replaceAll("\n", "⏎");
  if (!classes && !link) return textContent;
  const node = make(link ? "a" : "span", { className: classes, textContent });
  if (link) Object.assign(node, { href: link, rel: "noopener noreferrer nofollow" });
  if (front) node.style.setProperty("--ink", front);
  if (back) node.style.setProperty("--frame", back);
  return node;
}
