"""The functions that templates may call: Go's own here, Drone's in `library`.

`and` and `or` are only listed: `render` evaluates their arguments lazily.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.convert.fault import Fault
from app.convert.gotemplate import library
from app.convert.gotemplate.budget import Budget
from app.convert.gotemplate.printf import formatted
from app.convert.gotemplate.values import Struct, kind, truth, written

_MANY = 1000
NO_VALUE = "<no value>"
#: Characters that could end a text of JavaScript, or its element in a page.
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}


@dataclass(frozen=True, slots=True)
class Function:
    """A function, and the least and most arguments that it takes."""

    least: int
    most: int
    call: Callable[..., Any]


def find(name: str, line: int) -> Function:
    """The function of this name; a Fault names the unknown function and all known ones."""
    if name not in FUNCTIONS:
        raise Fault(f"function {name} is not supported; there are {', '.join(sorted(FUNCTIONS))}", line)
    return FUNCTIONS[name]


def check(name: str, count: int, line: int) -> None:
    """Raise Fault if there is no such function, or the function does not take `count` arguments."""
    function = find(name, line)
    if not function.least <= count <= function.most:
        most = "" if function.least == function.most else f" to {function.most}"
        raise Fault(f"{name} takes {function.least}{most} arguments, not {count}", line)


def _equal(budget: Budget, one: Any, *others: Any) -> bool:
    return any(_same(budget, one, other) for other in others)


def _not_equal(budget: Budget, one: Any, other: Any) -> bool:
    return not _same(budget, one, other)


def _same(budget: Budget, one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    _comparable(budget, one, other, "a boolean", "a number", "a text")
    return bool(one == other)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    def call(budget: Budget, one: Any, other: Any) -> bool:
        _comparable(budget, one, other, "a number", "a text")
        return compare(one, other)

    return call


def _comparable(budget: Budget, one: Any, other: Any, *kinds: str) -> None:
    if kind(one) != kind(other) or kind(one) not in kinds:
        raise Fault(f"{kind(one)} cannot be compared with {kind(other)}")
    if isinstance(one, str):
        budget.look(one)


def _not(_budget: Budget, value: Any) -> bool:
    return not truth(value)


def _default(_budget: Budget, fallback: Any, value: Any = None) -> Any:
    return value if truth(value) else fallback


def _len(budget: Budget, value: Any) -> int:
    if kind(value) not in ("a text", "a list", "a mapping"):
        raise Fault(f"{kind(value)} has no length")
    return len(_bytes(budget, value) if isinstance(value, str) else value)


def _bytes(budget: Budget, value: str) -> bytes:
    budget.look(value)
    return value.encode(errors="replace")


def _index(budget: Budget, value: Any, *keys: Any) -> Any:
    for key in keys:
        value = _item(budget, value, key)
    return value


def _item(budget: Budget, value: Any, key: Any) -> Any:
    """The value of a key, the item of a list, or the byte of a text."""
    if isinstance(value, Mapping) and isinstance(key, str) and not isinstance(value, Struct):
        return value.get(key)
    if isinstance(value, Sequence) and kind(key) == "a number" and isinstance(key, int):
        items = _bytes(budget, value) if isinstance(value, str) else value
        if not 0 <= key < len(items):
            raise Fault(f"index {key} is outside of {kind(value)} of {len(items)}")
        return items[key]
    raise Fault(f"{kind(value)} has no index that is {kind(key)}")


def _print(budget: Budget, *values: Any) -> str:
    return budget.join(_spaced(values))


def _spaced(values: Sequence[Any]) -> Iterator[str]:
    """The pieces of the values, with a space between two values of which neither is a text."""
    for number, value in enumerate(values):
        if number and not isinstance(value, str) and not isinstance(values[number - 1], str):
            yield " "
        yield from written(value)


def _println(budget: Budget, *values: Any) -> str:
    pieces = (piece for number, value in enumerate(values) for piece in (" " if number else "", *written(value)))
    return budget.join(pieces) + "\n"


def _printf(budget: Budget, pattern: Any, *values: Any) -> str:
    if not isinstance(pattern, str):
        raise Fault(f"printf starts with a format, not with {kind(pattern)}")
    for value in (pattern, *values):
        if isinstance(value, str):
            budget.look(value)
    return budget.join(formatted(pattern, values))


def _escaped(escape: Callable[[str], str]) -> Callable[..., str]:
    """A function that escapes what `print` would print; as where a value is printed, nothing is <no value>."""

    def call(budget: Budget, *values: Any) -> str:
        made = budget.join(_spaced([NO_VALUE if value is None else value for value in values]))
        budget.look(made)
        return budget.join([escape(made)])

    return call


def _js(value: str) -> str:
    return "".join(_JS.get(char) or (char if char.isprintable() else _utf16(char)) for char in value)


def _utf16(char: str) -> str:
    return f"\\u{ord(char):04X}"


def _html(value: str) -> str:
    return library.html_escaped(value).replace("\0", "\ufffd")


def _slice(budget: Budget, value: Any, *bounds: Any) -> Any:
    """A part of a text, counted in bytes, or of a list."""
    if not isinstance(value, str) and kind(value) != "a list":
        raise Fault(f"{kind(value)} cannot be sliced")
    if isinstance(value, str) and len(bounds) > 2:
        raise Fault("a text has no third bound to be sliced by")
    whole: Any = _bytes(budget, value) if isinstance(value, str) else value
    for bound in bounds:
        if not isinstance(bound, int) or isinstance(bound, bool):
            raise Fault(f"a bound of slice is a number, not {kind(bound)}")
        if not 0 <= bound <= len(whole):
            raise Fault(f"bound {bound} is outside of {kind(value)} of {len(whole)}")
    if list(bounds) != sorted(bounds):
        raise Fault("the bounds of slice must not fall")
    part = whole[bounds[0] if bounds else 0 : bounds[1] if len(bounds) > 1 else None]
    if not isinstance(value, str):
        budget.step(len(part))
        return part
    try:
        return budget.join([part.decode()])
    except UnicodeDecodeError:
        raise Fault("slice would cut a character: its bounds count bytes") from None


def _call(_budget: Budget, value: Any, *_arguments: Any) -> Any:
    raise Fault(f"call needs a function, not {kind(value)}: the data of a template hold none")


def _lazy(_budget: Budget, *_values: Any) -> Any:
    raise AssertionError("and, or are evaluated where their arguments are")


FUNCTIONS = {
    "and": Function(1, _MANY, _lazy),
    "or": Function(1, _MANY, _lazy),
    "not": Function(1, 1, _not),
    "default": Function(1, 2, _default),
    "eq": Function(2, _MANY, _equal),
    "ne": Function(2, 2, _not_equal),
    "lt": Function(2, 2, _ordered(operator.lt)),
    "le": Function(2, 2, _ordered(operator.le)),
    "gt": Function(2, 2, _ordered(operator.gt)),
    "ge": Function(2, 2, _ordered(operator.ge)),
    "len": Function(1, 1, _len),
    "index": Function(1, _MANY, _index),
    "print": Function(0, _MANY, _print),
    "println": Function(0, _MANY, _println),
    "printf": Function(1, _MANY, _printf),
    "html": Function(1, _MANY, _escaped(_html)),
    "js": Function(1, _MANY, _escaped(_js)),
    "urlquery": Function(1, _MANY, _escaped(library.query_escaped)),
    "slice": Function(1, 4, _slice),
    "call": Function(1, _MANY, _call),
} | {name: Function(*function) for name, function in library.LIBRARY.items()}
