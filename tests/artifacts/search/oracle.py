"""What a query means, said once more and slowly: an object of AQL is judged item by item, in Python.

An object is a list of pairs; `$and` and `$or` have lists of objects as their values.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Members: TypeAlias = "list[tuple[str, Any]]"
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda a, b: a == b,
    "$ne": lambda a, b: a != b,
    "$gt": lambda a, b: a > b,
    "$gte": lambda a, b: a >= b,
    "$lt": lambda a, b: a < b,
    "$lte": lambda a, b: a <= b,
    "$match": lambda a, b: re.fullmatch(regex(b), a, re.DOTALL) is not None,
    "$nmatch": lambda a, b: re.fullmatch(regex(b), a, re.DOTALL) is None,
}
OPPOSITE = {"$ne": "$eq", "$nmatch": "$match"}
RUNS = {
    f"{side}.module.build.{what}": (side, what) for side in ("artifact", "dependency") for what in ("name", "number")
}


def regex(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in pattern)


@dataclass(frozen=True)
class Thing:
    """A file or a folder."""

    repo: str
    path: str
    name: str
    folder: bool = False
    content: str = ""
    props: tuple[tuple[str, str], ...] = ()
    created: int = 0

    @property
    def whole(self) -> str:
        return self.name if self.path == "." else f"{self.path}/{self.name}"


@dataclass(frozen=True)
class Ran:
    """A run of build-info."""

    name: str
    number: str
    artifact: tuple[str, ...] = ()
    dependency: tuple[str, ...] = ()


@dataclass
class World:
    """All that is stored; `virtual` has the members of virtual repositories."""

    things: list[Thing]
    runs: list[Ran]
    virtual: dict[str, list[str]] = field(default_factory=dict)


def aql(value: Any) -> str:
    """The text of an object, a list or a plain value."""
    if isinstance(value, list) and (not value or isinstance(value[0], tuple)):
        return "{" + ",".join(f"{json.dumps(key)}:{aql(one)}" for key, one in value) + "}"
    if isinstance(value, Lists):
        return "[" + ",".join(map(aql, value.objects)) + "]"
    return json.dumps(value)


@dataclass
class Lists:
    """A list of objects."""

    objects: list[Members]


def keys_of(members: Members) -> Iterator[tuple[str, Any]]:
    for key, value in members:
        yield key, value
        if isinstance(value, Lists):
            for one in value.objects:
                yield from keys_of(one)


class Oracle:
    """Judges items; `readable` says which runs the caller may read."""

    def __init__(self, world: World, readable: Callable[[Ran], bool]) -> None:
        self._world = world
        self._runs = [run for run in world.runs if readable(run)]

    def finds(self, members: Members, thing: Thing) -> bool:
        if thing.folder and not any(key == "type" for key, _ in keys_of(members)):
            return False
        named = any(self._names(value, thing.repo) for key, value in keys_of(members) if key == "repo")
        if thing.repo.endswith("build-info") and not named:
            return False
        return self._holds(members, thing, any_holds=False)

    def _names(self, value: Any, repo: str) -> bool:
        return any(
            operator in ("$eq", "$match") and wanted.strip("*?") and self._repo(repo, operator, wanted)
            for operator, wanted in tests(value)
        )

    def _holds(self, members: Members, thing: Thing, *, any_holds: bool) -> bool:
        results = list[bool]()
        pairs: Members = []
        runs: dict[str, Members] = {}
        for key, value in members:
            if key == "$and":
                results.append(all(self._holds(one, thing, any_holds=False) for one in value.objects))
            elif key == "$or":
                results.append(any(self._holds(one, thing, any_holds=True) for one in value.objects))
            elif key in ("property.key", "property.value") and not any_holds:
                pairs.append((key, value))
            elif key in RUNS and not any_holds:
                runs.setdefault(RUNS[key][0], []).append((RUNS[key][1], value))
            else:
                results.append(self._judge(key, value, thing))
        if pairs:
            results.append(self._pair(pairs, thing))
        results.extend(self._ran(side, found, thing) for side, found in runs.items())
        return any(results) if any_holds else all(results)

    def _judge(self, key: str, value: Any, thing: Thing) -> bool:
        if key in RUNS:
            return self._ran(RUNS[key][0], [(RUNS[key][1], value)], thing)
        if key.startswith("property."):
            return self._pair([(key, value)], thing)
        if key.startswith("@"):
            return all(self._property(key[1:], operator, wanted, thing) for operator, wanted in tests(value))
        return all(self._field(key, operator, wanted, thing) for operator, wanted in tests(value))

    def _field(self, key: str, operator: str, wanted: Any, thing: Thing) -> bool:
        if key == "repo":
            if operator in OPPOSITE:
                return not self._repo(thing.repo, OPPOSITE[operator], wanted)
            return self._repo(thing.repo, operator, wanted)
        if key == "type":
            kind = "folder" if thing.folder else "file"
            return wanted == "any" or COMPARE[operator](kind, wanted)
        depth = 0 if thing.whole == "." else thing.whole.count("/") + 1
        actual: Any = {"path": thing.path, "name": thing.name, "size": len(thing.content), "depth": depth}[key]
        return COMPARE[operator](actual, wanted)

    def _repo(self, repo: str, operator: str, wanted: str) -> bool:
        keys = [repo, *(key for key, members in self._world.virtual.items() if repo in members)]
        return any(COMPARE[operator](key, wanted) for key in keys)

    def _property(self, key: str, operator: str, wanted: Any, thing: Thing) -> bool:
        values = [value for name, value in thing.props if COMPARE["$match"](name, key)]
        if wanted is None:
            return bool(values) == (operator == "$ne")
        if operator in OPPOSITE:
            return not any(COMPARE[OPPOSITE[operator]](value, wanted) for value in values)
        return any(COMPARE[operator](value, wanted) for value in values)

    def _pair(self, pairs: Members, thing: Thing) -> bool:
        """One test of a key with one of a value is as `@key`; several are of one property."""
        keys = [test for key, value in pairs if key == "property.key" for test in tests(value)]
        values = [test for key, value in pairs if key == "property.value" for test in tests(value)]
        if len(values) == 1 and (not keys or (len(keys) == 1 and keys[0][0] not in OPPOSITE)):
            (operator, wanted) = values[0]
            known = [value for name, value in thing.props if all(COMPARE[op](name, want) for op, want in keys)]
            if operator in OPPOSITE:
                return not any(COMPARE[OPPOSITE[operator]](value, wanted) for value in known)
            return any(COMPARE[operator](value, wanted) for value in known)
        if len(keys) == 1 and not values and keys[0][0] in OPPOSITE:
            return not any(COMPARE[OPPOSITE[keys[0][0]]](name, keys[0][1]) for name, _ in thing.props)
        return any(
            all(COMPARE[op](name, want) for op, want in keys) and all(COMPARE[op](value, want) for op, want in values)
            for name, value in thing.props
        )

    def _ran(self, side: str, members: Members, thing: Thing) -> bool:
        return not thing.folder and any(
            thing.content in getattr(run, side)
            and all(COMPARE[op](getattr(run, what), want) for what, value in members for op, want in tests(value))
            for run in self._runs
        )


def tests(value: Any) -> list[tuple[str, Any]]:
    return value if isinstance(value, list) else [("$eq", value)]
