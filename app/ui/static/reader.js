// The log of a step: follows a step that runs, finds, goes to errors, points at lines, and says what went wrong.
// What it must know, and all its words, are in the page: templates/parts/log.html.

import { Finder } from "./find.js";
import { stored } from "./keys.js";
import { ask, frames, Lines } from "./lines.js";
import { lineOf, make, Windows } from "./windows.js";

/** Milliseconds until a request that failed is repeated, until a step that ends has ended, and until a text is typed. */
const AGAIN = 5000, SOON = 1000, TYPED = 200;
/** Places of the strip beside a log. */
const PLACES = 200;

const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, name) => values[name].toLocaleString("en"));

/** The positions of the lines that the address points at: #L58, #L58-L70. */
export function pointed() {
  const [, from, to = from] = /^#L(\d{1,15})(?:-L?(\d{1,15}))?$/.exec(location.hash) ?? [];
  return from && [Math.min(from, to) - 1, Math.max(from, to) - 1];
}

export class Log {
  #current = -1;
  #seenEnd = 0;

  constructor(root) {
    const { dataset } = root;
    dataset.own = "";
    Object.assign(this, { root, dataset, words: JSON.parse(dataset.words), isRunning: dataset.status === "running" });
    this.lines = new Lines(dataset.log, dataset.wrong, dataset.fine);
    this.finder = new Finder(this.lines);
    const [tools, part, ...others] = root.querySelector("template").content.cloneNode(true).children;
    root.querySelector("form")?.remove();
    root.prepend(tools, part);
    root.append(...others);
    this.box = root.querySelector(".log");
    this.#try(() => this.start());
  }

  // ---- What is loaded

  async start() {
    const { lines, isRunning, dataset } = this, asked = pointed() ?? JSON.parse(dataset.at);
    const from = parseInt(new URLSearchParams(location.search).get("from")) || 0;
    const first = asked ? asked[0] : from - 1, isTail = isRunning && first < 0;
    if (isTail) await lines.part({ from: -1, limit: 1 });
    await lines.load(isTail ? Math.max(lines.end - 1, 0) : Math.max(first, 0));
    const last = lines.end - 1;
    if (last < 0 && !isRunning) return this.say(this.words.gone);
    if (first > last) await lines.load(Math.max(last, 0));
    this.furnish();
    if (isTail) this.toEnd();
    else if (asked) this.point(asked);
    else this.windows.draw({ pos: Math.max(first, lines.first), shift: 0 });
    this.listen();
    this.fetchAll();
  }

  /** Hold the whole log, unless it is very long. */
  async fetchAll() {
    const { lines } = this;
    this.windows.soon();
    for (let pos; !lines.isFull && (pos = lines.missing(this.windows.seen().pos)) !== undefined; ) {
      if (!(await this.#load(pos))) return;
    }
  }

  /** Load lines that are to be seen, in place of others that are not. */
  async need(pos) {
    const isLoaded = await this.#load(pos);
    this.lines.spare(pos);
    return isLoaded;
  }

  /** Load lines, unless loading has failed; whether they are there. */
  async #load(pos) {
    if (this.retrying) return false;
    const { version } = this.lines;
    const isLoaded = await this.#try(() => this.lines.load(pos), () => this.fetchAll());
    if (version !== this.lines.version) this.windows.redraw();
    else this.windows.soon();
    return isLoaded;
  }

  /** Whether this worked. If not, that is said, and can be tried again, which may need something `else` to be done. */
  async #try(act, retry = () => this.#try(act)) {
    try {
      await act();
      return true;
    } catch (error) {
      if (error.name !== "AbortError") this.trouble(error, retry);
      return false;
    }
  }

  /** Say why the server gives nothing; what is shown stays. */
  trouble({ status, message }, retry) {
    const { words } = this;
    const said = { undefined: words.lost, 401: words.out, 404: words.gone }[status];
    this.say(said ?? fill(words.failed, { message }), retry, status === 401);
    if (!status || status === 429 || status >= 500) this.waiting = setTimeout(() => this.retry(), AGAIN);
  }

  /** Say something below the lines, with a button to try again, or the way to sign in. */
  say(words, retry, isOut = false) {
    clearTimeout(this.waiting);
    this.retrying = retry;
    this.root.querySelector("[role=status]").textContent = words;
    this.tool("again").hidden = !retry;
    this.root.querySelector(".says a").hidden = !isOut;
  }

  retry() {
    const act = this.retrying;
    this.say("");
    act?.();
  }

  // ---- A step that runs

  /** Read the lines as they come, while the page is seen. */
  listen() {
    if (!this.isRunning || !this.windows || document.hidden || this.stream) return;
    this.stream = new AbortController();
    this.#try(() => this.#read(this.stream), () => this.listen());
  }

  async #read(stream) {
    const { signal } = stream, { lines, dataset } = this;
    let isOver = false;
    try {
      const answer = await ask(dataset.stream, { signal, headers: { "Last-Event-ID": lines.end - 1 } });
      for await (const some of frames(answer)) {
        const told = some.flatMap((frame) => /^data: (.*)$/m.exec(frame)?.[1] ?? []);
        isOver = told.at(-1) === "eof";
        this.take(told.filter((text) => text !== "eof").map(JSON.parse));
      }
    } finally {
      if (this.stream === stream) this.stream = undefined;
    }
    if (!isOver) throw new Error();
    await this.end();
  }

  take(fresh) {
    this.lines.add(fresh);
    this.windows.soon();
  }

  /** The step is over, if the server says so: get the rest, and say how it ended. */
  async end() {
    const { dataset, lines, words } = this;
    const build = await (await ask(dataset.build)).json();
    const stage = build.stages.find((one) => one.number === Number(dataset.stage));
    const { status, exit_code: code } = stage.steps.find((one) => one.number === Number(dataset.step));
    if (status === "running") {
      this.waiting = setTimeout(() => this.listen(), SOON); // the server is about to know
      return;
    }
    const { pos } = this.windows.seen(), { version, end } = lines;
    this.isRunning = false;
    this.tool("follow").hidden = true;
    await lines.part({ from: end, limit: 1 });
    if (version !== lines.version) this.windows.redraw({ pos, shift: 0 });
    this.say(fill(status === "failure" ? words.exit : words.ended, { status: words.statuses[status] ?? status, code }));
    await this.fetchAll();
    this.windows.draw();
    this.windows.follows = false;
  }

  follow(follows) {
    this.windows.follows = follows;
    this.tool("follow").setAttribute("aria-pressed", follows);
    this.windows.draw();
  }

  toEnd() {
    this.follow(true);
    this.box.scrollIntoView({ block: "nearest" });
  }

  // ---- The tools

  tool(name) {
    return this.root.querySelector(`[name=${name}]`);
  }

  furnish() {
    const { box, root, words } = this;
    if (this.windows) return this.windows.redraw();
    this.page = [...box.childNodes]; // what is printed
    const need = (pos) => this.need(pos);
    this.windows = new Windows(box, this.lines, { need, drawn: () => this.drawn(), rest: words.rest });
    root.querySelector(".tools").hidden = false;
    this.tool("follow").hidden = !this.isRunning;
    this.tool("times").value = stored((kept) => kept.getItem("gantry.times")) ?? "";
    this.retime();
    this.wrap(stored((kept) => kept.getItem("gantry.wrap")) === "on");
    const on = (name, event, act) => this.tool(name).addEventListener(event, act);
    on("wrap", "click", () => this.wrap(!this.windows.isWrapped));
    on("times", "change", () => this.retime());
    on("follow", "click", () => this.follow(!this.windows.follows));
    on("fresh", "click", () => (this.toEnd(), box.focus()));
    on("before", "click", () => this.find(-1));
    on("after", "click", () => this.find(1));
    on("again", "click", () => this.retry());
    on("earlier", "click", () => (this.go(this.windows.from - 1), box.focus()));
    on("later", "click", () => (this.go(this.windows.to), box.focus()));
    on("find", "input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.find(0), this.lines.isWhole ? 0 : TYPED);
    });
    root.addEventListener("keydown", (event) => this.pressed(event) && event.preventDefault());
    this.windows.list.addEventListener("click", (event) => this.clicked(event));
    box.addEventListener("copy", (event) => this.copy(event));
    box.addEventListener("scroll", () => {
      if (this.isRunning && this.windows.follows !== this.windows.isAtEnd) this.follow(this.windows.isAtEnd);
      this.windows.soon();
    });
  }

  wrap(isWrapped) {
    const { pos, shift } = this.windows.seen();
    this.windows.isWrapped = isWrapped;
    this.box.classList.toggle("wrap", isWrapped);
    this.tool("wrap").setAttribute("aria-pressed", isWrapped);
    stored((all) => all.setItem("gantry.wrap", isWrapped ? "on" : "off"));
    this.windows.redraw({ pos, shift: Math.min(shift, 0) });
  }

  retime() {
    const kind = this.tool("times").value, { zone, started } = this.dataset;
    const since = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, 0)}`;
    const format = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: zone });
    const clock = (seconds) => format.format(1000 * (Number(started) + seconds));
    stored((kept) => kept.setItem("gantry.times", kind));
    this.windows.timeOf = { since, clock }[kind];
    this.windows.redraw();
  }

  /** After the windows have changed: what else tells of the lines. */
  drawn() {
    const { lines, root, words, windows } = this, { from, note, to } = windows;
    const part = root.querySelector(".part"), [told, earlier, later] = part.children;
    note.textContent = lines.cut;
    note.hidden = !lines.cut;
    earlier.hidden = from === lines.first;
    later.hidden = to === lines.end;
    part.hidden = earlier.hidden && later.hidden;
    told.textContent = fill(words.part, { from: from + 1, to, n: lines.end });
    if (windows.follows || !this.isRunning) this.#seenEnd = lines.end;
    const n = lines.end - this.#seenEnd, button = this.tool("fresh");
    button.hidden = !n;
    button.textContent = fill(n === 1 ? words.one : words.fresh, { n });
    const place = (pos) => Math.floor((PLACES * (pos - from)) / (to - from));
    const places = [...new Set(lines.wrong.filter((pos) => pos >= from && pos < to).map(place))];
    if (places.join() !== this.places) {
      this.places = places.join();
      root.querySelector(".strip").replaceChildren(...places.map(() => make("i")));
      root.querySelectorAll("i").forEach((mark, at) => (mark.style.top = `${(100 * places[at]) / PLACES}%`));
    }
    this.finder.mark(windows.rows());
  }

  // ---- Lines that are gone to

  async go(pos) {
    if (!this.lines.at(pos)) await this.need(pos);
    this.#current = pos;
    this.follow(false);
    this.windows.show(pos);
    this.box.scrollIntoView({ block: "nearest" });
  }

  /** Point at lines, and show the first. */
  async point([from, to]) {
    this.windows.choose(from, to);
    const { first, end } = this.lines;
    if (from >= end) this.say(fill(this.words.short, { n: end }));
    if (end) await this.go(Math.min(Math.max(from, first), end - 1));
  }

  /** Have the address name lines, as a new entry of the history or in place of the entry. */
  name(from, to, isNew) {
    const hash = `#L${from + 1}${to > from ? `-L${to + 1}` : ""}`;
    history[isNew ? "pushState" : "replaceState"](null, "", this.dataset.here + hash);
    this.windows.choose(from, to);
  }

  clicked(event) {
    const number = event.target.closest("li > a");
    if (!number || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const at = lineOf(number.parentElement), [from, to] = this.windows.chosen;
    const start = event.shiftKey && from <= to ? from : at;
    this.name(Math.min(start, at), Math.max(start, at), true);
  }

  /** The place that is read: the line that was gone to, if it is in sight. */
  #here() {
    const { pos } = this.windows.seen(), row = document.getElementById(`L${this.#current + 1}`);
    const top = row && row.getBoundingClientRect().top - this.box.getBoundingClientRect().top;
    return row && top >= 0 && top < this.box.clientHeight ? this.#current : pos - 1;
  }

  /** Go to the next error, from the last one to the first. */
  async error() {
    const { lines } = this, here = this.#here();
    let found;
    const isAsked = await this.#try(async () => {
      found = (await lines.error(here + 1)) ?? (here < lines.first ? undefined : await lines.error(lines.first));
    }, () => this.error());
    if (!isAsked) return;
    if (found === undefined) return this.say(this.words.fine);
    await this.go(found);
    this.name(found, found, false);
  }

  /** Find what is typed: at the place that is read, or `by` lines with it further. */
  async find(by) {
    const { finder, words } = this, text = this.tool("find").value;
    let pos;
    if (!(await this.#try(async () => (pos = await finder.find(text, by, this.#here())), () => this.find(by)))) return;
    if (text !== finder.text) return;
    const told = pos === undefined ? words.none : fill(words.of, { n: finder.at + 1, total: finder.total });
    this.root.querySelector("output").textContent = text && told;
    if (pos !== undefined) await this.go(pos);
    if (pos !== undefined && by) this.name(pos, pos, false);
    this.windows.soon();
  }

  // ---- Keys and copying

  /** Whether a key does something within the log. */
  pressed({ key, ctrlKey, metaKey, altKey, shiftKey, target }) {
    const isTyping = target.matches("input, select");
    if (altKey) return false;
    if (ctrlKey || metaKey) {
      if (key === "f") return this.key("f");
      if (key !== "a" || isTyping) return false;
      this.windows.choose(this.lines.first, this.lines.end - 1);
      document.getSelection().empty();
      return true;
    }
    if (target === this.tool("find")) {
      if (key === "Enter") this.find(shiftKey ? -1 : 1);
      if (key === "Escape") {
        target.value = "";
        this.find(0);
        this.box.focus();
      }
      return key === "Enter" || key === "Escape";
    }
    return !isTyping && this.key(key);
  }

  /** Whether a key does something, wherever it is pressed. */
  key(key) {
    if (!this.windows) return false;
    if (key === "f") this.tool("find").select();
    else if (key === "e") this.error();
    else if (key === "Home") this.go(this.lines.first);
    else if (key === "End" && this.isRunning) this.toEnd();
    else if (key === "End") this.go(this.lines.end - 1);
    else return false;
    return true;
  }

  /** Copy the lines that are selected or, where none is, those that are pointed at. */
  copy(event) {
    const text = this.windows.selected();
    if (text === undefined) return;
    event.preventDefault();
    if (text === null) this.say(this.words.many);
    else event.clipboardData.setData("text/plain", text);
  }

  leave() {
    this.stream?.abort();
    clearTimeout(this.waiting);
  }
}
