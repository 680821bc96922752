"""Values in a template: their truth, their names in errors, and their text."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.convert.fault import Fault


class Struct(dict[str, Any]):
    """A mapping that stands for a struct of Go: always true, and reading a field that it lacks is an error."""


def truth(value: Any) -> bool:
    """Truth as in Go: false, 0, nil and empty texts, lists and mappings are false."""
    return isinstance(value, Struct) or bool(value)


def kind(value: Any) -> str:
    """The value's type, as errors name it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
    raise Fault(f"a value of type {type(value).__name__} cannot be used in a template")


def written(value: Any) -> Iterator[str]:
    """The value as Go's %v writes it, in pieces, so that the caller can stop at its limit: a value can be large."""
    match value:
        case None:
            yield "<nil>"
        case bool():
            yield "true" if value else "false"
        case float():
            yield _float(value)
        case Struct():
            raise Fault("a whole build or repo cannot be printed: name one of its fields")
        case Mapping():
            yield from _mapping(value)
        case str():
            yield value
        case Sequence():
            yield from _list(value)
        case _:
            kind(value)
            yield str(value)


def _list(values: Sequence[Any]) -> Iterator[str]:
    yield "["
    for number, value in enumerate(values):
        yield " " if number else ""
        yield from written(value)
    yield "]"


def _mapping(values: Mapping[str, Any]) -> Iterator[str]:
    yield "map["
    for number, key in enumerate(sorted(values)):
        yield " " if number else ""
        yield key + ":"
        yield from written(values[key])
    yield "]"


def _float(value: float) -> str:
    """The shortest digits that give the same number, with an exponent below 1e-4 and from 1e21 on."""
    if value != value:
        return "NaN"
    if abs(value) == float("inf"):
        return "+Inf" if value > 0 else "-Inf"
    if value and not 1e-4 <= abs(value) < 1e21:
        digits, _, exponent = repr(value).partition("e")
        return f"{digits.removesuffix('.0')}e{int(exponent):+03d}"
    return format(Decimal(repr(value)), "f").removesuffix(".0")
