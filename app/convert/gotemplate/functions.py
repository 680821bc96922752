"""The functions that templates may call. `and` and `or` are only listed: `render` evaluates their arguments lazily."""

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.convert.fault import Fault
from app.convert.gotemplate.budget import Budget
from app.convert.gotemplate.values import Struct, kind, truth, written

_VERB = re.compile(r"%(.?)|[^%]+", re.DOTALL)
_MANY = 1000


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
    if isinstance(value, str):
        budget.look(value)
        return len(value.encode(errors="replace"))
    return len(value)


def _index(_budget: Budget, value: Any, *keys: Any) -> Any:
    for key in keys:
        value = _item(value, key)
    return value


def _item(value: Any, key: Any) -> Any:
    if isinstance(value, Mapping) and isinstance(key, str) and not isinstance(value, Struct):
        return value.get(key)
    if kind(value) == "a list" and kind(key) == "a number" and isinstance(key, int):
        if not 0 <= key < len(value):
            raise Fault(f"index {key} is outside of a list of {len(value)}")
        return value[key]
    raise Fault(f"{kind(value)} has no index that is {kind(key)}")


def _print(budget: Budget, *values: Any) -> str:
    return budget.join(_spaced(values))


def _spaced(values: Sequence[Any]) -> Iterator[str]:
    """The pieces of the values, with a space between two values of which neither is a text."""
    for number, value in enumerate(values):
        if number and not isinstance(value, str) and not isinstance(values[number - 1], str):
            yield " "
        yield from written(value)


def _printf(budget: Budget, pattern: Any, *values: Any) -> str:
    if not isinstance(pattern, str):
        raise Fault(f"printf starts with a format, not with {kind(pattern)}")
    return budget.join(_formatted(pattern, values))


def _formatted(pattern: str, values: Sequence[Any]) -> Iterator[str]:
    left = iter(values)
    for match in _VERB.finditer(pattern):
        if match[1] is None:
            yield match[0]
        elif match[1] == "%":
            yield "%"
        else:
            yield from _verb(match[0], left)
    if next(left, left) is not left:
        raise Fault("printf has more values than verbs")


def _verb(verb: str, values: Iterator[Any]) -> Iterator[str]:
    if verb not in ("%s", "%d", "%v", "%q"):
        raise Fault(f"printf knows %s, %d, %v, %q and %%, not {verb}")
    if (value := next(values, values)) is values:
        raise Fault(f"printf has no value for {verb}")
    wanted = {"%s": str, "%q": str, "%d": int}.get(verb, object)
    if not isinstance(value, wanted) or (verb == "%d" and isinstance(value, bool)):
        raise Fault(f"printf cannot write {kind(value)} with {verb}; %v writes everything")
    if verb == "%q":
        yield json.dumps(value, ensure_ascii=False)
    else:
        yield from written(value)


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
    "printf": Function(1, _MANY, _printf),
}
