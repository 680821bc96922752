"""Lines of a log as pieces with classes of the style sheet, from text with escape sequences of terminals. Pure.

Colours, bold, faint, italic, underline and inverse are kept; every other sequence, and every other control character,
is dropped. A carriage return lets what follows overwrite the line, as progress bars do. Addresses become links.

`static/ansi.js` does the same for pages with scripts; `fixtures/ansi.json` has lines that both must read alike.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

#: Characters of one line that are shown; the raw log has the rest.
LONGEST = 20_000
#: What follows a line that is cut.
REST = " … the raw log has the rest of this line"
#: Parameters of one sequence that are read, and pieces of one line: what follows has the look of the last piece.
_MOST, _PIECES = 32, 400
_TOKEN = re.compile(
    r"\x1b\[(?P<sgr>[0-9;:]{0,120})m"
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|\Z)"
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    r"|(?P<text>[^\x00-\x08\x0b-\x1f\x7f-\x9f]+)"
)
#: An address that a text names: what ends a sentence, and what closes a bracket, is no end of it.
_LINK = re.compile(r"(?<![A-Za-z0-9])https?://[^\s<>\"'`]{0,2000}[^\s<>\"'`.,;:!?)\]}]")
_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ON = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse", 9: "struck"}
_OFF = {22: ("bold", "faint"), 23: ("italic",), 24: ("underline",), 27: ("inverse",), 29: ("struck",)}


@dataclass(frozen=True, slots=True)
class Piece:
    """A text with the classes that give its look; no classes for plain text. `link` is the address that it names."""

    text: str
    classes: str = ""
    link: str = ""


class Painter:
    """Turns lines into pieces, one after another: a colour lasts until it is ended, also over lines."""

    def __init__(self) -> None:
        self._styles: set[str] = set()
        self._front = ""
        self._back = ""

    def line(self, text: str) -> Sequence[Piece]:
        """The pieces of the next line."""
        text = text.rstrip("\r\n")
        if text.isprintable() and len(text) <= LONGEST:  # so it is with most lines
            whole = Piece(text, self._classes)
            return [*_linked(whole)] if "://" in text else [whole] if text else []
        cut, text = len(text) > LONGEST, text[:LONGEST]
        shown = self._overwritten(text) if "\r" in text else [*self._pieces(text)]
        if cut:
            shown.append(Piece(REST, "faint"))
        return [part for piece in _joined(shown) for part in _linked(piece)]

    def _overwritten(self, text: str) -> list[Piece]:
        """What a terminal shows in the end, after each part has overwritten the beginning of the parts before it."""
        cells: list[Piece] = []
        for part in text.split("\r"):
            new = [Piece(sign, piece.classes) for piece in self._pieces(part) for sign in piece.text]
            cells[: len(new)] = new
        return cells

    def _pieces(self, text: str) -> Iterator[Piece]:
        if "\x1b" not in text and text.isprintable():
            yield from [Piece(text, self._classes)] if text else []
            return
        for found in _TOKEN.finditer(text):
            if (shown := found["text"]) is not None:
                yield Piece(shown, self._classes)
            elif found["sgr"] is not None:
                self._set(found["sgr"])

    @property
    def _classes(self) -> str:
        return " ".join(filter(None, (*sorted(self._styles), self._front, self._back)))

    def _set(self, parameters: str) -> None:
        """Apply a sequence of graphics (SGR, ECMA-48 8.3.117)."""
        codes = iter([int(code[:4] or 0) for code in parameters.replace(":", ";").split(";")[:_MOST]])
        for code in codes:
            if code == 0:
                self._styles, self._front, self._back = set(), "", ""
            elif code in _ON:
                self._styles.add(_ON[code])
            elif code in _OFF:
                self._styles.difference_update(_OFF[code])
            elif code in (38, 48):
                colour = _extended(codes)
                self._colour("fg" if code == 38 else "bg", colour)
            else:
                self._basic(code)

    def _basic(self, code: int) -> None:
        tens, unit = divmod(code, 10)
        if code in (39, 49):
            self._colour("fg" if code == 39 else "bg", "")
        elif tens in (3, 4) and unit < 8:
            self._colour("fg" if tens == 3 else "bg", _NAMES[unit])
        elif tens in (9, 10) and unit < 8:
            self._colour("fg" if tens == 9 else "bg", f"bright-{_NAMES[unit]}")

    def _colour(self, ground: str, name: str) -> None:
        value = f"{ground}-{name}" if name else ""
        if ground == "fg":
            self._front = value
        else:
            self._back = value


def _extended(codes: Iterator[int]) -> str:
    """The nearest of the 16 colours to one of 256 or to a true colour; the page has no inline styles."""
    kind = next(codes, 0)
    if kind == 5:
        number = min(next(codes, 0), 255)
        if number < 16:
            return f"bright-{_NAMES[number - 8]}" if number > 7 else _NAMES[number]
        if number > 231:
            level = 8 + 10 * (number - 232)
            return _nearest(level, level, level)
        cube = [0, 95, 135, 175, 215, 255]
        number -= 16
        return _nearest(cube[number // 36], cube[number // 6 % 6], cube[number % 6])
    if kind == 2:
        return _nearest(next(codes, 0), next(codes, 0), next(codes, 0))
    return ""


def _nearest(red: int, green: int, blue: int) -> str:
    """The colour whose parts are on where they are above the middle; bright where the strongest is very strong."""
    parts = [min(part, 255) for part in (red, green, blue)]
    strongest = max(parts)
    number = sum(1 << at for at, part in enumerate(parts) if strongest > 48 and part > strongest // 2)
    return f"bright-{_NAMES[number]}" if strongest > 192 else _NAMES[number]


def _joined(pieces: Iterable[Piece]) -> Sequence[Piece]:
    """The pieces, neighbours of one look put together."""
    found: list[tuple[str, list[str]]] = []
    for piece in pieces:
        if found and (found[-1][0] == piece.classes or len(found) == _PIECES):
            found[-1][1].append(piece.text)
        else:
            found.append((piece.classes, [piece.text]))
    return [Piece("".join(texts), classes) for classes, texts in found]


def _linked(piece: Piece) -> Iterator[Piece]:
    """The piece, with each address in a piece of its own."""
    at = 0
    for found in _LINK.finditer(piece.text) if "://" in piece.text else ():
        if found.start() > at:
            yield replace(piece, text=piece.text[at : found.start()])
        yield replace(piece, text=found[0], link=found[0])
        at = found.end()
    if at < len(piece.text):
        yield replace(piece, text=piece.text[at:])
