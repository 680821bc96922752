"""Values in a template: their truth, their names in errors, and their text."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.convert.fault import Fault
from app.convert.gotemplate.times import Time

#: The power of ten from which on a number is written with an exponent.
_LARGE = 6


class Struct(dict[str, Any]):
    """A mapping that stands for a struct of Go: always true, and reading a field that it lacks is an error."""


def truth(value: Any) -> bool:
    """Truth as in Go: false, 0, nil and empty texts, lists and mappings are false."""
    return isinstance(value, Struct | Time) or bool(value)


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
        case Time():
            return "a time"
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
            yield general(value)
        case Struct():
            raise Fault("a whole build or repo cannot be printed: name one of its fields")
        case Mapping():
            yield from _mapping(value)
        case str() | Time():
            yield str(value)
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


def fixed(value: float) -> str:
    """The shortest digits that give the same number, without an exponent."""
    return f"{Decimal(repr(value)).normalize():f}"


def general(value: float, precision: int | None = None) -> str:
    """The number with an exponent below 1e-4 and from 1e6 or the precision on; the shortest digits without one."""
    if precision is not None:
        return f"{value:.{precision or 1}g}"
    number = Decimal(repr(value)).normalize()
    if value and not -4 <= number.adjusted() < _LARGE:
        mantissa, _, power = f"{number:e}".partition("e")
        return f"{mantissa}e{int(power):+03d}"
    return f"{number:f}"
