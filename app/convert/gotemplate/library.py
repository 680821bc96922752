"""The functions that Drone's template library adds to Go's own (contract drone-yaml 14)."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html.entities import html5
from typing import Any
from urllib.parse import quote_plus

from app.convert.fault import Fault
from app.convert.gotemplate import times
from app.convert.gotemplate.budget import Budget
from app.convert.gotemplate.times import Time
from app.convert.gotemplate.values import Struct, fixed, general, kind

#: What Go takes for space, as Unicode does.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
#: Letters whose lower case is one letter in Go and two in Python.
_LOWER = {"İ": "i"}
_HTML = {"&": "&amp;", "'": "&#39;", "<": "&lt;", ">": "&gt;", '"': "&#34;"}
_ENTITY = re.compile(r"&(?:#[xX](?P<hex>[0-9a-fA-F]+);?|#(?P<number>[0-9]+);?|(?P<name>[a-zA-Z0-9]+;?))")
#: What browsers read in the numbers 0x80 to 0x9f.
_WINDOWS = {0x80 + n: bytes([0x80 + n]).decode("cp1252", "replace") for n in range(0x20)}
_LONGEST_PREFIX = 6
_INT64 = 2**63
_JSON = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def _shown(value: Any) -> str:
    """The value as a text, as the library reads its arguments. Raises Fault for lists and mappings."""
    match value:
        case str() | Time():
            return str(value)
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return fixed(value)
    raise Fault(f"{kind(value)} is no text")


def html_escaped(value: str) -> str:
    """The text with the characters escaped that mean something in HTML."""
    return "".join(_HTML.get(char, char) for char in value)


def query_escaped(value: str) -> str:
    """The text for the query of a URL."""
    return quote_plus(value, safe="", errors="replace")


def _text(value: Any) -> str:
    """A text; for an argument that must be one."""
    if not isinstance(value, str):
        raise Fault(f"a text is due, not {kind(value)}")
    return value


def _whole(value: Any) -> int:
    """A whole number of 64 bits; for an argument that must be one."""
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
        raise Fault(f"a whole number is due, not {kind(value)}")
    if not -_INT64 <= value < _INT64:
        raise Fault(f"{value} is too large")
    return int(value)


def _changed(change: Callable[..., str]) -> Callable[..., str]:
    """A function that makes a text of one text and further arguments."""

    def call(budget: Budget, value: Any, *rest: Any) -> str:
        budget.look(one := _shown(value))
        return budget.join([change(one, *rest)])

    return call


def _asked(ask: Callable[[str, str], bool], read: Callable[[Any], str] = _shown) -> Callable[..., bool]:
    """A function that asks something of two texts; `read` reads the second one."""

    def call(budget: Budget, value: Any, other: Any) -> bool:
        one, part = _shown(value), read(other)
        budget.look(one)
        budget.look(part)
        return ask(one, part)

    return call


def _trim_left(budget: Budget, value: Any, chars: Any) -> str:
    one, cut = _shown(value), _cut(budget, value, chars)
    return budget.join([one[next((n for n, char in enumerate(one) if char not in cut), len(one)) :]])


def _trim_right(budget: Budget, value: Any, chars: Any) -> str:
    one, cut = _shown(value), _cut(budget, value, chars)
    return budget.join([one[: next((n for n in range(len(one), 0, -1) if one[n - 1] not in cut), 0)]])


def _cut(budget: Budget, value: Any, chars: Any) -> frozenset[str]:
    """The characters to cut off: a set, because each character of the value is looked for in them."""
    budget.look(_shown(value))
    budget.look(_text(chars))
    return frozenset(chars)


def _by_letter(change: Callable[[str], str], otherwise: Callable[[str], str] | None = None) -> Callable[[str], str]:
    """Change each letter to one letter; a letter that would become several stays."""

    def letter(char: str) -> str:
        for one in (change, otherwise):
            if one and len(made := one(char)) == 1:
                return made
        return _LOWER.get(char, char) if change is str.lower else char

    whole = str.lower if change is str.lower else str.upper
    return lambda value: whole(value) if value.isascii() else "".join(map(letter, value))


def _pad(budget: Budget, value: Any, padding: Any, count: Any, *, left: bool) -> str:
    one, fill, number = _shown(value), _shown(padding), max(0, _whole(count))
    budget.room(len(one) + len(fill) * number)
    return budget.join([fill * number + one if left else one + fill * number])


def _pad_left(budget: Budget, value: Any, padding: Any, count: Any) -> str:
    return _pad(budget, value, padding, count, left=True)


def _pad_right(budget: Budget, value: Any, padding: Any, count: Any) -> str:
    return _pad(budget, value, padding, count, left=False)


def _replace(budget: Budget, value: Any, old: Any, new: Any) -> str:
    one, before, after = _shown(value), _shown(old), _shown(new)
    budget.look(one)
    count = one.count(before) if before else len(one) + 1
    budget.room(len(one) + count * (len(after) - len(before)))
    return budget.join([one.replace(before, after)])


def _split(budget: Budget, value: Any, separator: Any, most: Any = -1) -> list[str]:
    one, between, count = _shown(value), _text(separator), _whole(most)
    if count == 0:
        return []
    budget.look(one)
    budget.step(one.count(between) if between else len(one))
    parts = one.split(between, count - 1 if count > 0 else -1) if between else _letters(one, count)
    for part in parts:
        budget.join([part])
    return parts


def _letters(value: str, count: int) -> list[str]:
    """The characters of a text; with a count, the last part is the rest."""
    if 0 < count < len(value):
        return [*value[: count - 1], value[count - 1 :]]
    return list(value)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(re.sub(r"[\r\n]", "", value), validate=True).decode()
    except (binascii.Error, ValueError):
        raise Fault("base64Decode has no text in base64") from None


def _unescaped(value: str) -> str:
    return _ENTITY.sub(_character, value)


def _character(entity: re.Match[str]) -> str:
    if name := entity["name"]:
        if name in html5:
            return html5[name]
        # Old entities need no semicolon, so a name may begin with one.
        for length in range(min(len(name) - 1, _LONGEST_PREFIX), 1, -1):
            if name[:length] in html5:
                return html5[name[:length]] + name[length:]
        return entity[0]
    digits, base = (entity["hex"], 16) if entity["hex"] else (entity["number"], 10)
    digits = digits.lstrip("0")  # Python reads no number of many digits
    code = int(digits or "0", base) if len(digits) < 10 else -1
    if code in _WINDOWS:
        return _WINDOWS[code]
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def _hash(name: str) -> Callable[[str], str]:
    return lambda value: hashlib.new(name, value.encode(errors="replace"), usedforsecurity=False).hexdigest()


def _urlized(value: str) -> str:
    return query_escaped(value.strip(_SPACE).replace(" ", "-"))


def _json(budget: Budget, value: Any) -> str:
    return budget.join(_pieces(value))


def _pieces(value: Any) -> Iterator[str]:
    match value:
        case Struct():
            raise Fault("a whole build or repo cannot be written: name one of its fields")
        case Mapping():
            yield "{"
            for number, key in enumerate(sorted(value)):
                yield f"{',' if number else ''}{_json_text(key)}:"
                yield from _pieces(value[key])
            yield "}"
        case str():
            yield _json_text(value)
        case Time():
            yield f'"{value.format("2006-01-02T15:04:05.999999999Z07:00")}"'
        case Sequence():
            yield "["
            for number, item in enumerate(value):
                yield "," if number else ""
                yield from _pieces(item)
            yield "]"
        case float():
            yield _json_number(value)
        case _:
            yield json.dumps(value)


def _json_text(value: str) -> str:
    return re.sub(r"[<>&\u2028\u2029]", lambda char: _JSON[char[0]], json.dumps(value, ensure_ascii=False))


def _json_number(value: float) -> str:
    if value and not 1e-6 <= abs(value) < 1e21:
        return re.sub(r"e-0", "e-", general(value))
    return fixed(value)


def _now(budget: Budget) -> Time:
    return budget.now


def _time(budget: Budget, value: Any) -> Time:
    match value:
        case Time():
            return value
        case str():
            budget.step()
            return times.read(value)
        case bool() | float() | None:
            pass
        case int():
            return times.at(value)
    raise Fault(f"{kind(value)} is no time")


def _date(budget: Budget, layout: Any, value: Any) -> str:
    form = _text(layout)
    budget.look(form)
    return budget.join([_time(budget, value).format(form)])


#: The least and most arguments of each function, and the function.
LIBRARY: dict[str, tuple[int, int, Callable[..., Any]]] = {
    "base64Decode": (1, 1, _changed(_decoded)),
    "base64Encode": (1, 1, _changed(lambda value: base64.b64encode(value.encode(errors="replace")).decode())),
    "chomp": (1, 1, _changed(lambda value: value.rstrip("\r\n"))),
    "contains": (2, 2, _asked(lambda value, part: part in value)),
    "containsAny": (2, 2, _asked(lambda value, chars: not set(value).isdisjoint(chars))),
    "dateFormat": (2, 2, _date),
    "hasPrefix": (2, 2, _asked(str.startswith, _text)),
    "hasSuffix": (2, 2, _asked(str.endswith, _text)),
    "htmlEscape": (1, 1, _changed(html_escaped)),
    "htmlUnescape": (1, 1, _changed(_unescaped)),
    "jsonify": (1, 1, _json),
    "lower": (1, 1, _changed(_by_letter(str.lower))),
    "md5": (1, 1, _changed(_hash("md5"))),
    "now": (0, 0, _now),
    "padLeft": (3, 3, _pad_left),
    "padRight": (3, 3, _pad_right),
    "replace": (3, 3, _replace),
    "sha1": (1, 1, _changed(_hash("sha1"))),
    "sha256": (1, 1, _changed(_hash("sha256"))),
    "split": (2, 2, _split),
    "splitn": (3, 3, _split),
    "time": (1, 1, _time),
    "title": (1, 1, _changed(_by_letter(str.title, str.upper))),
    "trim": (1, 1, _changed(lambda value: value.strip(_SPACE))),
    "trimLeft": (2, 2, _trim_left),
    "trimPrefix": (2, 2, _changed(lambda value, prefix: value.removeprefix(_text(prefix)))),
    "trimRight": (2, 2, _trim_right),
    "trimSuffix": (2, 2, _changed(lambda value, suffix: value.removesuffix(_text(suffix)))),
    "upper": (1, 1, _changed(_by_letter(str.upper, str.title))),
    "urlize": (1, 1, _changed(_urlized)),
}
