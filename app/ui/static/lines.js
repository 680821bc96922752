// The lines of a log, as far as the browser holds them: in blocks, which are asked for where they are read.

import { plain } from "./ansi.js";

/** Lines of a block, which one request may ask for; characters that are held. */
const BLOCK = 5000, HELD = 8e6;
/** Characters of a line that are searched for signs of an error. */
const SEARCHED = 1000;

/** An answer; an Error with `status` and the server's words for one that refuses, without `status` for none. */
export async function ask(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) {
    const { message } = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(message), { status: answer.status });
  }
  return answer;
}

/** The frames of a stream of events, as many as have come. */
export async function* frames(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { done, value } = await reader.read();
    if (done) return;
    const found = (rest + value).split("\n\n");
    rest = found.pop();
    yield found;
  }
}

export class Lines {
  /** Positions of the first line that is kept, and of the line that comes next; what the server says is cut off. */
  first = 0;
  end = 0;
  cut = "";
  /** Counts how often the log has become another one. */
  version = 0;
  #address;
  #signs;
  #blocks = new Map();
  #asked = new Map();
  #size = 0;

  /** `signs` are the patterns of a line that looks like an error, and of one that does not all the same. */
  constructor(address, ...signs) {
    this.#address = address;
    this.#signs = signs.map((sign) => new RegExp(sign, "i"));
  }

  get isWhole() {
    return this.missing(this.end) === undefined;
  }

  /** Whether no more is held without being read. */
  get isFull() {
    return this.#size >= HELD;
  }

  /** The positions of the lines that look like errors. */
  get wrong() {
    return this.#sorted().flatMap((block) => block.wrong);
  }

  /** The text and the time of a line; undefined for one that is not held. */
  at(pos) {
    const block = this.#block(pos);
    return block && pos < block.upto ? (block.lines[pos - block.from] ?? { out: "", time: 0 }) : undefined;
  }

  /** The line that no block has and that is the nearest to a line, by blocks; undefined for none. */
  missing(near) {
    let best;
    for (let pos = this.first; pos < this.end; pos = pos - (pos % BLOCK) + BLOCK) {
      const upto = this.#block(pos)?.upto ?? pos;
      const isNearer = best === undefined || Math.abs(pos - near) < Math.abs(best - near);
      if (isNearer && upto < Math.min(pos - (pos % BLOCK) + BLOCK, this.end)) best = upto;
    }
    return best;
  }

  /** Hold the block of a line. */
  load(pos) {
    const from = pos - (pos % BLOCK);
    if (!this.#asked.has(from)) {
      const asking = this.#load(from).finally(() => this.#asked.delete(from));
      this.#asked.set(from, asking);
    }
    return this.#asked.get(from);
  }

  async #load(from) {
    const to = from + BLOCK;
    for (let next = this.#block(from)?.upto ?? from; next < to; ) {
      const range = await this.part({ from: next, limit: to - next });
      const block = this.#block(from) ?? this.#begin(from);
      for (const line of range.lines) this.#put(block, line);
      next = range.next ?? to;
      block.upto = Math.max(block.upto, Math.min(next, to, range.end));
    }
  }

  /** Hold no more than may be held: what is far from a line goes. */
  spare(near) {
    const far = ({ from }) => Math.abs(from - near);
    for (const block of this.#sorted().sort((one, other) => far(other) - far(one))) {
      if (this.#size <= HELD || far(block) <= 2 * BLOCK) break;
      this.#blocks.delete(block.from);
      for (const line of block.lines) this.#size -= line?.out.length ?? 0;
    }
  }

  /** A part of the log as the server answers; it tells where the log begins and ends. */
  async part(query) {
    const { end } = this, range = await (await ask(`${this.#address}?${new URLSearchParams(query)}`)).json();
    if (range.first !== this.first || range.end < end) this.forget();
    Object.assign(this, { first: range.first, end: Math.max(this.end, range.end), cut: range.cut ?? "" });
    return range;
  }

  /** Hold no line any more: the log is another one than it was. */
  forget() {
    Object.assign(this, { first: 0, end: 0, cut: "", version: this.version + 1 });
    this.#blocks.clear();
    this.#size = 0;
  }

  /** Take the next lines of a step that runs. */
  add(lines) {
    for (const line of lines.filter(({ pos }) => pos >= this.end)) {
      const from = line.pos - (line.pos % BLOCK);
      const block = this.#block(from) ?? (this.end <= from ? this.#begin(from) : undefined);
      if (block && block.upto >= Math.min(this.end, line.pos)) {
        this.#put(block, line);
        block.upto = line.pos + 1;
      }
      this.end = line.pos + 1;
    }
  }

  /** The positions of the lines that are held and have a text, in any letter case. */
  find(text) {
    const needle = text.toLowerCase(), found = [];
    for (const { from, folded } of this.#sorted()) {
      folded.forEach((line, at) => line.includes(needle) && found.push(from + at));
    }
    return found;
  }

  /** The position of the first line from one on that looks like an error; the server knows what is not held. */
  async error(from) {
    if (this.isWhole) return this.wrong.find((pos) => pos >= from);
    for (let next = from; next !== undefined; ) {
      const range = await this.part({ errors: true, from: next, limit: 1 });
      if (range.lines.length) return range.lines[0].pos;
      next = range.next;
    }
  }

  #block(pos) {
    return this.#blocks.get(pos - (pos % BLOCK));
  }

  #begin(from) {
    const block = { from, upto: from, lines: [], folded: [], wrong: [] };
    this.#blocks.set(from, block);
    return block;
  }

  #put(block, { pos, out, time }) {
    const [bad, fine] = this.#signs, folded = plain(out).toLowerCase(), start = folded.slice(0, SEARCHED);
    const isWrong = bad.test(start) && !fine.test(start);
    if (isWrong) block.wrong.push(pos);
    block.folded[pos - block.from] = folded;
    block.lines[pos - block.from] = { out, time, isWrong };
    this.#size += out.length;
  }

  #sorted() {
    return [...this.#blocks.values()].sort((one, other) => one.from - other.from);
  }
}
