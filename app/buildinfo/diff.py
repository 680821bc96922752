"""Compares two runs of a build. Pure.

Contract artifactory-build 4.10. The forms differ between the clients: see `as_described`, `as_served` and `as_names`.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from typing_extensions import TypedDict

from app.buildinfo.document import Document
from app.buildinfo.model import Artifact, Dependency

T = TypeVar("T", Artifact, Dependency)
V = TypeVar("V")

Kind: TypeAlias = Literal["new", "updated", "removed", "unchanged"]
KINDS: tuple[Kind, ...] = ("updated", "unchanged", "removed", "new")


@dataclass(frozen=True)
class Group(Generic[V]):
    """What differs and what does not: of what is in both runs, the value of the newer run."""

    new: list[V] = field(default_factory=list)
    updated: list[V] = field(default_factory=list)
    removed: list[V] = field(default_factory=list)
    unchanged: list[V] = field(default_factory=list)

    def of(self, kind: Kind) -> list[V]:
        """The values of one kind."""
        found: list[V] = getattr(self, kind)
        return found


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a build; `old` is the value of the older run, when it differs."""

    key: str
    value: str
    old: str = ""


class DiffJSON(TypedDict):
    """What differs between two runs: by `new`, `updated`, `removed` and `unchanged`."""

    artifacts: dict[str, Any]
    dependencies: dict[str, Any]
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs between two runs."""

    artifacts: Group[Artifact]
    dependencies: Group[Dependency]
    properties: Group[Property]


def compare(newer: Document, older: Document) -> Diff:
    """What differs between two runs."""
    return Diff(
        _entries(newer.entries.artifacts, older.entries.artifacts),
        _entries(newer.entries.dependencies, older.entries.dependencies),
        _properties(newer.content.get("properties", {}), older.content.get("properties", {})),
    )


def _entries(newer: Iterable[T], older: Iterable[T]) -> Group[T]:
    """Entries of one module and one name are paired: first those of the same bytes, then the others."""
    group, unpaired = Group[T](), list[T]()
    left: dict[Hashable, dict[str, list[T]]] = {}
    for entry in older:
        left.setdefault(_key(entry), {}).setdefault(_bytes(entry), []).append(entry)
    for entry in newer:
        known = left.get(_key(entry), {})
        if same := known.get(_bytes(entry)):
            same.pop()
            group.unchanged.append(entry)
        else:
            unpaired.append(entry)
    others = {key: [entry for same in known.values() for entry in same] for key, known in left.items()}
    for entry in unpaired:
        if unequal := others.get(_key(entry)):
            unequal.pop()
            group.updated.append(entry)
        else:
            group.new.append(entry)
    for rest in others.values():
        group.removed.extend(rest)
    return group


def _key(entry: Artifact | Dependency) -> Hashable:
    return entry.module, entry.name


def _bytes(entry: Artifact | Dependency) -> str:
    return entry.sums.sha1 or entry.sums.sha256 or entry.sums.md5


def _properties(newer: Mapping[str, str], older: Mapping[str, str]) -> Group[Property]:
    group = Group[Property]()
    for key, value in newer.items():
        if key not in older:
            group.new.append(Property(key, value))
        elif older[key] == value:
            group.unchanged.append(Property(key, value))
        else:
            group.updated.append(Property(key, value, older[key]))
    group.removed.extend(Property(key, value) for key, value in older.items() if key not in newer)
    return group


def as_described(diff: Diff) -> DiffJSON:
    """The form of the API's description: maps of properties."""
    return {
        "artifacts": {kind: [_short(entry, "name") for entry in diff.artifacts.of(kind)] for kind in KINDS},
        "dependencies": {kind: [_short(entry, "id") for entry in diff.dependencies.of(kind)] for kind in KINDS},
        "properties": {kind: {p.key: p.value for p in diff.properties.of(kind)} for kind in KINDS},
    }


def as_served(diff: Diff) -> DiffJSON:
    """The form of the servers that clients know: lists of objects."""
    return {
        "artifacts": {kind: [_long(entry, "name") for entry in diff.artifacts.of(kind)] for kind in KINDS},
        "dependencies": {kind: [_long(entry, "id") for entry in diff.dependencies.of(kind)] for kind in KINDS},
        "properties": {
            kind: [
                {"key": p.key, "value": p.value, **({"oldValue": p.old} if kind == "updated" else {})}
                for p in diff.properties.of(kind)
            ]
            for kind in KINDS
        },
    }


def as_names(diff: Diff) -> DiffJSON:
    """The form of a client that reads lists of texts: names, ids and keys."""
    return {
        "artifacts": {kind: [entry.name for entry in diff.artifacts.of(kind)] for kind in KINDS},
        "dependencies": {kind: [entry.name for entry in diff.dependencies.of(kind)] for kind in KINDS},
        "properties": {kind: [p.key for p in diff.properties.of(kind)] for kind in KINDS},
    }


def _short(entry: Artifact | Dependency, key: str) -> dict[str, str]:
    return {key: entry.name, "sha1": entry.sums.sha1, "md5": entry.sums.md5}


def _long(entry: Artifact | Dependency, key: str) -> dict[str, str]:
    return {**_short(entry, key), "sha256": entry.sums.sha256, "module": entry.module}
