"""The conditions of a query, from the objects of its text. Pure.

Members of an object all hold, but of an object directly in `$or` any (contract artifactory-storage 7.2).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, get_args

from app.artifacts.search.grammar import Number, Object, Value
from app.artifacts.search.limits import CONDITIONS, PATTERN
from app.artifacts.search.model import (
    FIELDS,
    All,
    Any,
    Compare,
    Condition,
    Kind,
    Operator,
    Property,
    Release,
    Run,
    Side,
    Test,
    comparisons,
    is_pattern,
)
from app.artifacts.search.refusals import wrong
from app.artifacts.search.times import before, moment

_OPERATORS: tuple[str, ...] = (*get_args(Operator), "$before", "$last")
_PATTERNS = ("$match", "$nmatch")
_INT64 = 2**63 - 1
_KEY, _VALUE = "property.key", "property.value"
_RUN_FIELDS: dict[str, tuple[Side, str]] = {
    f"{side}.module.build.{name}": (side, name) for side in get_args(Side) for name in ("name", "number")
}
_RELEASE_FIELDS = {f"release_artifact.release.{name}": name for name in ("name", "version")}


class _Given(NamedTuple):
    """A member of an object: a field, and how its value is judged."""

    field: str
    tests: tuple[Test, ...]


def condition_of(criteria: Object, now: int) -> Condition:
    """The condition of the object in `items.find(…)`, at a time in Unix milliseconds; of files, unless it says more."""
    reader = _Reader(now)
    condition = reader.members(criteria, any_holds=False)
    if any(compare.field == "type" for compare in comparisons(condition)):
        return condition
    return _all([condition, Compare("type", Test("$eq", "file"))])


class _Reader:
    """Reads the objects of one query."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._count = 0

    def members(self, found: Object, *, any_holds: bool) -> Condition:
        """The condition of an object."""
        conditions = list[Condition]()
        given = list[_Given]()
        for key, value in found.members:
            match key:
                case "$and":
                    conditions.append(_all([self.members(o, any_holds=False) for o in _objects(key, value)]))
                case "$or":
                    conditions.append(_any([self.members(o, any_holds=True) for o in _objects(key, value)]))
                case "$msp":
                    conditions.append(self._same_property(_objects(key, value)))
                case _:
                    given.append(_Given(key, tuple(self._tests(key, value))))
        if any_holds:
            return _any([*conditions, *(_all(list(_conditions([one]))) for one in given)])
        return _all([*conditions, *_conditions(given)])

    def _same_property(self, found: list[Object]) -> Condition:
        keys, values = list[Test](), list[Test]()
        for key, value in (member for one in found for member in one.members):
            if not (key in (_KEY, _VALUE) or key.startswith("@")):
                raise wrong("bad_msp", f"has {key[:100]!r} in $msp, which takes conditions on properties", key)
            tests = [_present(key, test) for test in self._tests(key, value)]
            if key.startswith("@"):
                keys.extend(_key_tests(key[1:]))
            (keys if key == _KEY else values).extend(tests)
        return Property(tuple(keys), tuple(values))

    def _tests(self, field: str, value: Value) -> Iterator[Test]:
        kind = _kind(field)
        if not isinstance(value, Object):
            yield self._test(field, kind, "$eq", value)
            return
        if not value.members:
            raise wrong("no_operator", f"has an empty object as the value of {field[:100]!r}", field)
        for operator, operand in value.members:
            yield self._test(field, kind, operator, operand)

    def _test(self, field: str, kind: Kind, operator: str, value: Value) -> Test:
        self._count += 1
        if self._count > CONDITIONS:
            words = f"has more than {CONDITIONS} conditions, the most that are allowed"
            raise wrong("too_many_conditions", words)
        if operator not in _OPERATORS:
            words = f"has {operator[:100]!r} at {field[:100]!r}: known are {', '.join(_OPERATORS)}"
            raise wrong("bad_operator", words, field)
        if isinstance(value, Object | tuple):
            raise wrong("bad_value", f"has a list or an object as the value of {field[:100]!r}", field)
        if value is None:
            return _null(field, operator)
        text = value.text if isinstance(value, Number) else str(value).lower() if isinstance(value, bool) else value
        if operator in ("$before", "$last"):
            if kind != "time":
                raise wrong("bad_operator", f"has {operator} at {field[:100]!r}, which is no time", field)
            return Test("$lt" if operator == "$before" else "$gte", before(text, field, self._now))
        if kind != "text" and operator in _PATTERNS:
            raise wrong("bad_operator", f"has {operator} at {field!r}, which is no text", field)
        if operator in _PATTERNS and len(text) > PATTERN:
            words = f"has a pattern of {len(text)} characters at {field[:100]!r}; at most {PATTERN} are allowed"
            raise wrong("pattern_too_long", words, field)
        known: Operator = operator  # type: ignore[assignment]  # one of its values, as was asked before
        return Test(known, _READERS[kind](text, field))


def _kind(field: str) -> Kind:
    if field in FIELDS:
        return FIELDS[field]
    if field.startswith("archive."):
        raise wrong("no_archive_search", f"has {field[:100]!r}: what is inside of archives is not searched", field)
    known = (_KEY, _VALUE, *_RUN_FIELDS, *_RELEASE_FIELDS)
    if field in known or (field.startswith("@") and 1 < len(field) <= PATTERN):
        return "text"
    words = f"has the field {field[:100]!r}: known are {', '.join((*FIELDS, *known))}, @KEY, $and, $or and $msp"
    raise wrong("bad_field", words, field)


def _null(field: str, operator: str) -> Test:
    if not (field == _VALUE or field.startswith("@")):
        raise wrong("bad_null", f"has null at {field!r}: only a property can be absent", field)
    if operator == "$eq":
        return Test("$eq", None)
    if operator == "$ne":
        return Test("$ne", None)
    raise wrong("bad_null", f"has null with {operator} at {field[:100]!r}: only $eq and $ne take null", field)


def _whole(text: str, field: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        raise wrong("bad_number", f"has {text[:100]!r} at {field!r}, which takes a whole number", field)
    number = _INT64 if len(digits) > 18 else int(digits)
    return -number if text.startswith("-") else number


_READERS: dict[Kind, Callable[[str, str], str | int]] = {
    "text": lambda text, _: text,
    "number": _whole,
    "time": moment,
}


def _objects(key: str, value: Value) -> list[Object]:
    objects = [one for one in value if isinstance(one, Object)] if isinstance(value, tuple) else None
    if objects is None or not isinstance(value, tuple) or len(objects) < len(value):
        raise wrong("bad_list", f"has something else than a list of objects at {key}", key)
    return objects


def _conditions(given: list[_Given]) -> Iterator[Condition]:
    """The conditions of members of one object: those on a run belong together, and those on a release bundle or on a
    property."""
    keys, values = list[Test](), list[Test]()
    runs: dict[Side, dict[str, list[Test]]] = {}
    release: dict[str, list[Test]] = {"name": [], "version": []}
    for field, tests in given:
        if field in FIELDS:
            yield from (Compare(field, test) for test in tests)
        elif field.startswith("@"):
            yield from (_property(_key_tests(field[1:]), test) for test in tests)
        elif field in _RUN_FIELDS:
            side, name = _RUN_FIELDS[field]
            runs.setdefault(side, {"name": [], "number": []})[name].extend(tests)
        elif field in _RELEASE_FIELDS:
            release[_RELEASE_FIELDS[field]].extend(tests)
        else:
            (keys if field == _KEY else values).extend(tests)
    yield from (Run(side, tuple(found["name"]), tuple(found["number"])) for side, found in runs.items())
    if any(release.values()):
        yield Release(tuple(release["name"]), tuple(release["version"]))
    if keys or values:
        yield _pair(tuple(keys), tuple(values))


def _key_tests(key: str) -> tuple[Test, ...]:
    if key == "*":
        return ()
    return (Test("$match" if is_pattern(key) else "$eq", key),)


def _property(keys: tuple[Test, ...], test: Test) -> Property:
    """The condition that a property of such a key has a value that passes; for what is negative, that none has."""
    if test.value is None:
        return Property(keys, (), lacks=test.operator == "$eq")
    if test.negative:
        return Property(keys, (test.opposite,), lacks=True)
    return Property(keys, (test,))


def _pair(keys: tuple[Test, ...], values: tuple[Test, ...]) -> Property:
    """The condition of `property.key` and `property.value` in one object."""
    if len(values) == 1 and (not keys or (len(keys) == 1 and not keys[0].negative)):
        return _property(keys, values[0])
    if len(keys) == 1 and not values and keys[0].negative:
        return Property((keys[0].opposite,), (), lacks=True)
    return Property(keys, tuple(_present(_VALUE, test) for test in values))


def _present(field: str, test: Test) -> Test:
    if test.value is None:
        raise wrong("bad_null", f"has null at {field[:100]!r} beside other conditions on the same property", field)
    return test


def _all(conditions: list[Condition]) -> Condition:
    flat = [part for one in conditions for part in (one.members if isinstance(one, All) else (one,))]
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def _any(conditions: list[Condition]) -> Condition:
    flat = [part for one in conditions for part in (one.members if isinstance(one, Any) else (one,))]
    return flat[0] if len(flat) == 1 else Any(tuple(flat))
