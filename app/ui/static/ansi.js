// Lines of a log as pieces, from text with escape sequences of terminals: as app/ui/ansi.py, which says what is kept;
// here 256 and true colours are exact.

/** Characters of one line that are shown. */
const LONGEST = 20000;
const MOST = 32, PIECES = 400;
const CONTROL = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f";
const SEQUENCES =
  "\\x1b\\[[0-?]*[ -/]*[@-~]?" +
  "|\\x1b[\\]PX^_][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\|$)" +
  `|\\x1b[ -/]*[0-~]?|[${CONTROL}]`;
const TOKEN = new RegExp(`\\x1b\\[([0-9;:]{0,120})m|${SEQUENCES}|([^${CONTROL}]+)`, "g");
const DROPPED = new RegExp(SEQUENCES, "g");
const SPECIAL = new RegExp(`[${CONTROL}]`);
const LINK = /(?<![A-Za-z0-9])https?:\/\/[^\s<>"'`]{0,2000}[^\s<>"'`.,;:!?)\]}]/g;
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const ON = { 1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse", 9: "struck" };
const OFF = { 22: ["bold", "faint"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 29: ["struck"] };
const CUBE = [0, 95, 135, 175, 215, 255];

/** A line without escape sequences and control characters. */
export function plain(text) {
  return SPECIAL.test(text) ? text.replace(DROPPED, "") : text;
}

/** A line as it is read, without its end. */
export function read(line) {
  return line.length > LONGEST ? plain(line) : new Painter("").line(line).map(({ text }) => text).join("");
}

/** Turns lines into pieces, one after another: a colour lasts until it is ended, also over lines. */
export class Painter {
  /** With the colours that last after another painter's lines; `note` ends a line that is cut. */
  constructor(note, { styles, front = "", back = "" } = {}) {
    Object.assign(this, { note, styles: new Set(styles), front, back });
  }

  /** The pieces of the next line: text, classes, link, and exact colours of the text and of its ground. */
  line(whole) {
    let end = whole.length;
    while (end && "\r\n".includes(whole[end - 1])) end--;
    const text = whole.slice(0, Math.min(end, LONGEST));
    const shown = text.includes("\r") ? this.#overwritten(text) : this.#pieces(text);
    if (end > LONGEST) shown.push({ text: this.note, look: lookOf("faint") });
    return joined(shown).flatMap(linked);
  }

  /** What a terminal shows in the end: of each column, the last part that is as long. */
  #overwritten(text) {
    const parts = text.split("\r").filter(Boolean).map((part) => [part.length, this.#pieces(part)]);
    const cells = [];
    for (const [length, pieces] of parts.reverse()) {
      if (length <= cells.length) continue;
      const signs = pieces.flatMap(({ text, look }) => Array.from(text, (sign) => ({ text: sign, look })));
      cells.push(...signs.slice(cells.length));
    }
    return cells;
  }

  #pieces(text) {
    if (!SPECIAL.test(text)) return text ? [{ text, look: this.#look() }] : [];
    const found = [];
    let look = this.#look();
    for (const [, codes, shown] of text.matchAll(TOKEN)) {
      if (shown !== undefined) found.push({ text: shown, look });
      else if (codes !== undefined) look = this.#set(codes);
    }
    return found;
  }

  #look() {
    const { front, back } = this;
    const named = (colour, ground) => colour && `${ground}-${colour.startsWith("rgb") ? "exact" : colour}`;
    const classes = [...[...this.styles].sort(), named(front, "fg"), named(back, "bg")].filter(Boolean).join(" ");
    return lookOf(classes, front, back);
  }

  /** Apply a sequence of graphics (SGR, ECMA-48 8.3.117). */
  #set(said) {
    const codes = said.replaceAll(":", ";").split(";", MOST).map((code) => Number(code.slice(0, 4)));
    for (let code; (code = codes.shift()) !== undefined; ) {
      const tens = Math.floor(code / 10), unit = code % 10;
      if (code === 0) Object.assign(this, { styles: new Set(), front: "", back: "" });
      else if (ON[code]) this.styles.add(ON[code]);
      else if (OFF[code]) OFF[code].forEach((style) => this.styles.delete(style));
      else if (code === 38) this.front = extended(codes);
      else if (code === 48) this.back = extended(codes);
      else if (code === 39) this.front = "";
      else if (code === 49) this.back = "";
      else if (tens === 3 && unit < 8) this.front = NAMES[unit];
      else if (tens === 4 && unit < 8) this.back = NAMES[unit];
      else if (tens === 9 && unit < 8) this.front = `bright-${NAMES[unit]}`;
      else if (tens === 10 && unit < 8) this.back = `bright-${NAMES[unit]}`;
    }
    return this.#look();
  }
}

function lookOf(classes, ...colours) {
  const [front = "", back = ""] = colours.map((colour) => (colour.startsWith("rgb") ? colour : ""));
  return { classes, front, back, key: classes + front + back };
}

/** A colour of 256, or a true one: a name, or exact. */
function extended(codes) {
  const next = () => Math.min(codes.shift() ?? 0, 255);
  const kind = next();
  if (kind === 2) return `rgb(${next()}, ${next()}, ${next()})`;
  if (kind !== 5) return "";
  const number = next(), at = number - 16;
  if (at < 0) return number > 7 ? `bright-${NAMES[number - 8]}` : NAMES[number];
  const level = 8 + 10 * (number - 232);
  const parts = number > 231 ? [level, level, level] : [36, 6, 1].map((size) => CUBE[Math.floor(at / size) % 6]);
  return `rgb(${parts.join(", ")})`;
}

/** The pieces, neighbours of one look put together. */
function joined(pieces) {
  const found = [];
  for (const { text, look } of pieces) {
    const last = found.at(-1);
    if (last?.key === look.key || found.length === PIECES) last.text += text;
    else found.push({ text, ...look });
  }
  return found;
}

/** The piece, with each address in a piece of its own. */
function linked(piece) {
  if (!piece.text.includes("://")) return [piece];
  const parts = [];
  let at = 0;
  for (const { 0: link, index } of piece.text.matchAll(LINK)) {
    if (index > at) parts.push({ ...piece, text: piece.text.slice(at, index) });
    parts.push({ ...piece, text: link, link });
    at = index + link.length;
  }
  if (at < piece.text.length) parts.push({ ...piece, text: piece.text.slice(at) });
  return parts;
}
