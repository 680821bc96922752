// What is sought in a log: which lines have the text, and where the text stands in the rows of the document.

/** Lines with the text that the server is asked for at once; places that are marked. */
const MOST = 5000, MARKED = 1000;

export class Finder {
  text = "";
  /** How many lines have the text; `more` is "+" where the server has not searched all lines. */
  total = 0;
  more = "";
  /** Which of the lines that were found it is, from 0. */
  at = 0;
  #found = [];
  #next;
  #end;

  constructor(lines) {
    this.lines = lines;
  }

  /** The position of the first line from `here` on that has a text, or of the one that is `by` further than before. */
  async find(text, by, here) {
    const isNew = text !== this.text, before = this.#found[this.at];
    if (isNew || this.#end !== this.lines.end) {
      Object.assign(this, { text, total: 0, more: "" });
      this.#found = [];
      this.#end = this.lines.end;
      if (text) await this.#search(text, this.lines.first);
      if (text !== this.text) return undefined;
      const first = this.#found.findIndex((pos) => pos >= (isNew ? here : before));
      this.at = Math.max(first, 0);
    }
    if (!isNew) {
      if (this.at + by >= this.#found.length && this.#next !== undefined) await this.#search(text, this.#next);
      const { length } = this.#found;
      this.at = (this.at + by + length) % length || 0;
    }
    return this.#found[this.at];
  }

  /** Lines that are not held are searched by the server, some at a time. */
  async #search(text, from) {
    const { lines } = this, start = this.#found.length;
    this.#next = undefined;
    if (lines.isWhole) {
      this.#found = lines.find(text);
      this.total = this.#found.length;
      return;
    }
    do {
      const range = await lines.part({ find: text, from, limit: MOST });
      if (text !== this.text) return;
      this.total = this.#found.length + range.matches;
      this.#found.push(...range.lines.map(({ pos }) => pos));
      this.more = range.searched < range.end ? "+" : "";
      this.#next = from = range.next;
    } while (from !== undefined && this.#found.length < start + MOST);
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
