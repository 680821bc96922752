// What is sought in a log: which lines have the text, and where the text stands in the rows of the document.

/** Lines with the text that the server is asked for at once; places that are marked. */
const MOST = 5000, MARKED = 1000;

export class Finder {
  text = "";
  /** How many lines have the text, and which of them was gone to, from 0. */
  total = 0;
  at = 0;
  // Some of these lines: their positions, which of them the first is, and where those after them begin.
  #run = { found: [], start: 0 };
  #end;
  #ready;

  constructor(lines) {
    this.lines = lines;
  }

  get #pos() {
    return this.#run.found[this.at - this.#run.start];
  }

  /** The position of the first line from `here` on that has a text, or of the one that is `by` further than before. */
  async find(text, by, here) {
    const { lines } = this, isNew = text !== this.text, near = isNew ? here : (this.#pos ?? here);
    if (isNew || this.#end !== lines.end) {
      Object.assign(this, { text, total: 0 });
      this.#end = lines.end;
      this.#ready = text && this.#begin(text, near);
    }
    try {
      await this.#ready;
      if (!isNew && this.total) await this.#walk(text, by);
    } catch (error) {
      if (text === this.text) this.text = ""; // what is tried again begins anew
      throw error;
    }
    return this.total && text === this.text ? this.#pos : undefined;
  }

  async #begin(text, near) {
    const all = await this.#from(text, this.lines.first), total = all.matches;
    let run = all;
    if (all.next !== undefined && all.found.at(-1) < near) {
      const rest = await this.#from(text, near);
      if (rest.matches) run = { ...rest, start: total - rest.matches };
    }
    this.#go(text, run, run.start + Math.max(run.found.findIndex((pos) => pos >= near), 0), total);
  }

  /** Go on by one line or back, from the last to the first and from the first to the last. */
  async #walk(text, by) {
    const { total, lines } = this, { found, start, next } = this.#run, at = (this.at + by + total) % total;
    let run = this.#run;
    if (!(at - start in found)) {
      if (at && by < 0) run = await this.#before(text, at < this.at ? found[0] : lines.end, at);
      else run = await this.#from(text, at ? next : lines.first, at);
    }
    this.#go(text, run, at, total);
  }

  #go(text, run, at, total) {
    if (text !== this.text) return;
    this.#run = run;
    Object.assign(this, { at, total });
  }

  /** The first lines from a position on, and how many there are. */
  async #from(text, pos, start = 0) {
    const { lines } = this, run = { found: [], matches: 0, start };
    if (lines.isWhole) {
      const found = lines.find(text);
      return { found, matches: found.length, start: 0 };
    }
    for (let end = pos + 1; pos < end && text === this.text; ) {
      const range = await lines.part({ find: text, from: pos, limit: MOST });
      if (!run.found.length) Object.assign(run, { found: range.lines.map((line) => line.pos), next: range.next });
      run.matches += range.matches;
      pos = range.searched;
      end = range.end;
    }
    return run;
  }

  /** The lines before a position, up to the one that is the `at`th. */
  async #before(text, next, at) {
    const { lines } = this, found = [];
    for (let to = next, from; !found.length && to > lines.first; to = from) {
      from = Math.max(to - MOST, lines.first);
      for (let pos = from; pos < to; ) {
        const range = await lines.part({ find: text, from: pos, limit: MOST });
        found.push(...range.lines.map((line) => line.pos).filter((one) => one < to));
        pos = range.next ?? to;
      }
    }
    return { found, start: at + 1 - found.length, next };
  }

  /** Mark the text in rows. */
  mark(rows) {
    const needle = this.text.toLowerCase(), ranges = [];
    for (const row of needle ? rows : []) {
      const text = row.textContent.toLowerCase();
      for (let at = -1; (at = text.indexOf(needle, at + 1)) >= 0 && ranges.length < MARKED; ) {
        ranges.push(rangeOf(row, at, at + needle.length));
      }
    }
    CSS.highlights?.set("found", new Highlight(...ranges));
  }
}

/** The characters of an element from one on up to another. */
function rangeOf(element, from, to) {
  const range = new Range(), walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let at = 0, node; (node = walker.nextNode()); at += node.length) {
    if (from >= at && from < at + node.length) range.setStart(node, from - at);
    if (to > at && to <= at + node.length) range.setEnd(node, to - at);
  }
  return range;
}
