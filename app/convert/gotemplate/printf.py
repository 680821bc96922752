"""The formats of Go's printf: flags, widths, precisions, places of values, and verbs.

Where Go writes its own complaint into the text (`%!d(string=x)`), a Fault says what does not fit.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.convert.fault import Fault
from app.convert.gotemplate.quoted import quoted, quoted_rune
from app.convert.gotemplate.times import Time
from app.convert.gotemplate.values import Struct, general, kind

_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>(?:\[\d+\])?\*|\d+)?(?:\.(?P<precision>(?:\[\d+\])?\*|\d*))?"
    r"(?P<place>\[\d+\])?(?P<verb>.)?|[^%]+",
    re.DOTALL,
)
#: Characters of a width or precision, at most.
MAX_WIDTH = 10_000
#: Digits of a place, width or precision that are read: more than any of these has.
MAX_DIGITS = 9
_BASES = {"d": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_PREFIXES = {"b": "0b", "o": "0", "O": "0", "x": "0x", "X": "0X"}


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb with its flags; `precision` is None if the format gives none."""

    name: str
    flags: str
    width: int
    precision: int | None

    def has(self, flag: str) -> bool:
        """Whether the format gives this flag."""
        return flag in self.flags

    def padded(self, text: str) -> str:
        """The text in its width, filled up with spaces, or with zeros by that flag."""
        return text.rjust(self.width, "0") if self.has("0") and not self.has("-") else self.spaced(text)

    def spaced(self, text: str) -> str:
        """The text in its width, filled up with spaces."""
        return text.ljust(self.width) if self.has("-") else text.rjust(self.width)


def formatted(pattern: str, values: Sequence[object]) -> Iterator[str]:
    """The pieces of the text. Raises Fault."""
    arguments = _Arguments(values)
    for match in _VERB.finditer(pattern):
        if match["verb"] == "%":
            yield "%"
        elif match[0][0] != "%":
            yield match[0]
        else:
            verb = _verb(match, arguments)
            yield from _written(verb, arguments.next(match["place"], match[0]))
    arguments.close()


class _Arguments:
    """The values of a format, taken one after the other, or by their places."""

    def __init__(self, values: Sequence[object]) -> None:
        self._values = values
        self._at = 0
        self._placed = False

    def next(self, place: str | None, verb: str) -> object:
        """The next value, or the one at `[place]`."""
        if place:
            self._at, self._placed = int(place[1:-1][:MAX_DIGITS]) - 1, True
        if not 0 <= self._at < len(self._values):
            raise Fault(f"printf has no value for {verb[:40]}")
        self._at += 1
        return self._values[self._at - 1]

    def size(self, given: str | None, verb: str) -> int | None:
        """A width or precision: digits, or a value for `*`; no digits are 0."""
        if given is None:
            return None
        value = self.next(given[:-1], verb) if given.endswith("*") else int(given[:MAX_DIGITS] or 0)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_WIDTH:
            raise Fault(f"a width or precision of printf is a number up to {MAX_WIDTH}")
        return value

    def close(self) -> None:
        """Raise Fault if a value is left."""
        if not self._placed and self._at < len(self._values):
            raise Fault("printf has more values than verbs")


def _verb(match: re.Match[str], arguments: _Arguments) -> Verb:
    if not match["verb"]:
        raise Fault(f"printf has no verb in {match[0][:40]}")
    width = arguments.size(match["width"], match[0])
    precision = arguments.size(match["precision"], match[0])
    flags = match["flags"]
    if match["verb"] == "v":
        flags = flags.replace("+", "")
    if width is not None and width < 0:
        flags, width = flags + "-", -width
    if precision is not None and precision < 0:
        precision = None
    return Verb(match["verb"], flags, width or 0, precision)


def _written(verb: Verb, value: object) -> Iterator[str]:
    match value:
        case Struct():
            raise Fault("a whole build or repo cannot be printed: name one of its fields")
        case Mapping() | Time() | list() if verb.name == "v" and verb.has("#"):
            raise Fault(f"printf cannot write {kind(value)} with %#v; jsonify writes lists and mappings")
        case Mapping():
            yield from _mapping(verb, value)
        case str() | Time() | bool() | int() | float() | None:
            yield _scalar(verb, value)
        case Sequence():
            yield from _list(verb, value)
        case _:
            raise _unfit(verb, value)


def _list(verb: Verb, values: Sequence[object]) -> Iterator[str]:
    yield "["
    for number, value in enumerate(values):
        yield " " if number else ""
        yield from _inner(verb, value)
    yield "]"


def _mapping(verb: Verb, values: Mapping[str, object]) -> Iterator[str]:
    yield "map["
    for number, key in enumerate(sorted(values)):
        yield " " if number else ""
        yield from _written(verb, key)
        yield ":"
        yield from _inner(verb, values[key])
    yield "]"


def _inner(verb: Verb, value: object) -> Iterator[str]:
    """A value in a list or mapping: there, any verb writes nothing as <nil>."""
    return iter(("<nil>",)) if value is None else _written(verb, value)


def _scalar(verb: Verb, value: str | Time | bool | float | None) -> str:
    made: str | None
    match value:
        case None:
            made = verb.padded("<nil>") if verb.name == "v" else None
        case bool():
            made = verb.padded("true" if value else "false") if verb.name in "vt" else None
        case str():
            made = _text(verb, value)
        case int():
            made = _integer(verb, value)
        case float():
            made = _float(verb, value)
        case Time():
            made = _text(verb, str(value))
    if made is None:
        raise _unfit(verb, value)
    return made


def _unfit(verb: Verb, value: object) -> Fault:
    return Fault(f"printf cannot write {kind(value)} with %{verb.name}; %v writes everything")


def _text(verb: Verb, value: str) -> str | None:
    if verb.precision is not None and verb.name in "vsq":
        value = value[: verb.precision]
    match verb.name:
        case "v" if verb.has("#"):
            return verb.padded(quoted(value, ascii_only=False))
        case "v" | "s":
            return verb.padded(value)
        case "q" if verb.has("#") and _is_raw(value):
            return verb.padded(f"`{value}`")
        case "q":
            return verb.padded(quoted(value, ascii_only=verb.has("+")))
        case "x" | "X":
            return verb.padded(_hexadecimal(verb, value.encode(errors="replace")))
        case _:
            return None


def _is_raw(value: str) -> bool:
    return all(char == "\t" or (char >= " " and char not in "`\x7f\ufeff") for char in value)


def _hexadecimal(verb: Verb, value: bytes) -> str:
    if verb.precision is not None:
        value = value[: verb.precision]
    prefix = "0x" if verb.has("#") and value else ""
    text = value.hex(f" {prefix}"[:1]) if verb.has(" ") and value else value.hex()
    if verb.has(" ") and prefix:
        text = text.replace(" ", f" {prefix}")
    made = prefix + text
    return made.upper() if verb.name == "X" else made


def _integer(verb: Verb, value: int) -> str | None:
    match verb.name:
        case "v":
            return _digits(verb, value, "d")
        case name if name in _BASES:
            return _digits(verb, value, name)
        case "c":
            return verb.padded(_rune(value))
        case "q":
            return verb.padded(quoted_rune(_rune(value), ascii_only=verb.has("+")))
        case "U":
            code = f"U+{value % 2**64:0{max(4, verb.precision or 0)}X}"
            shown = verb.has("#") and 0 <= value < 0x110000 and _rune(value).isprintable()
            return verb.spaced(f"{code} '{_rune(value)}'" if shown else code)
        case _:
            return None


def _rune(value: int) -> str:
    return chr(value) if 0 <= value < 0x110000 and not 0xD800 <= value < 0xE000 else "\ufffd"


def _digits(verb: Verb, value: int, name: str) -> str:
    digits = format(abs(value), _BASES[name])
    sign = "-" if value < 0 else "+" if verb.has("+") else " " if verb.has(" ") else ""
    prefix = _PREFIXES.get(name, "") if verb.has("#") else ""
    if verb.precision is not None:
        if verb.precision == 0 and value == 0:
            return " " * verb.width
        digits = digits.rjust(verb.precision, "0")
    elif verb.has("0") and not verb.has("-"):
        digits = digits.rjust(verb.width - len(sign), "0")
    if prefix == "0" and digits.startswith("0"):
        prefix = ""
    if name == "O":
        prefix = "0o" + prefix
    return verb.spaced(sign + prefix + digits)


def _float(verb: Verb, value: float) -> str | None:
    if (write := _FLOATS.get(verb.name)) is None:
        return None
    if verb.has("#") and verb.name != "v":
        raise Fault("printf knows no # for numbers with a fraction")
    text = write(abs(value), verb.precision)
    if verb.name in "EG":
        text = text.upper()
    sign = "-" if str(value)[0] == "-" else "+" if verb.has("+") else " " if verb.has(" ") else ""
    if verb.has("0") and not verb.has("-"):
        text = text.rjust(verb.width - len(sign), "0")
    return verb.spaced(sign + text)


def _fixed(value: float, precision: int | None) -> str:
    return f"{value:.{6 if precision is None else precision}f}"


def _exponential(value: float, precision: int | None) -> str:
    return f"{value:.{6 if precision is None else precision}e}"


_FLOATS: dict[str, Callable[[float, int | None], str]] = {
    "v": general,
    "g": general,
    "G": general,
    "f": _fixed,
    "F": _fixed,
    "e": _exponential,
    "E": _exponential,
}
