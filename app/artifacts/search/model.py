"""What a query asks for: conditions on items, and which of their fields, in which order. Pure.

Contract artifactory-storage 7.2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Operator: TypeAlias = Literal["$eq", "$ne", "$match", "$nmatch", "$gt", "$gte", "$lt", "$lte"]
#: What says that something is not so, and what is then not so.
OPPOSITES: dict[Operator, Operator] = {"$ne": "$eq", "$nmatch": "$match"}
Kind: TypeAlias = Literal["text", "number", "time"]
Side: TypeAlias = Literal["artifact", "dependency"]

#: The fields of an item that a query may name, and what they hold.
FIELDS: dict[str, Kind] = {
    "repo": "text",
    "path": "text",
    "name": "text",
    "type": "text",
    "size": "number",
    "depth": "number",
    "created": "time",
    "modified": "time",
    "updated": "time",
    "created_by": "text",
    "modified_by": "text",
    "actual_sha1": "text",
    "actual_md5": "text",
    "original_sha1": "text",
    "original_md5": "text",
    "sha256": "text",
    "stat.downloads": "number",
    "stat.downloaded": "time",
    "stat.downloaded_by": "text",
}
#: The fields of an answer when the query names none.
DEFAULT = ("repo", "path", "name", "type", "size", "created", "created_by", "modified", "modified_by", "updated")


@dataclass(frozen=True, slots=True)
class Test:
    """How a value is judged. A time is Unix milliseconds; the value of a pattern is a text with `*` and `?`.

    None stands for nothing at all: the value is not there.
    """

    operator: Operator
    value: str | int | None

    @property
    def negative(self) -> bool:
        """Whether the test says that something is not so."""
        return self.operator in OPPOSITES

    @property
    def opposite(self) -> "Test":
        """The test that holds where a negative one does not."""
        return Test(OPPOSITES[self.operator], self.value)

    @property
    def of_text(self) -> str | None:
        """The only text that passes; None when others pass, too."""
        exact = self.operator == "$eq" or (self.operator == "$match" and not is_pattern(str(self.value)))
        return str(self.value) if exact and self.value is not None else None


def is_pattern(text: str) -> bool:
    """Whether a text has characters that stand for others."""
    return "*" in text or "?" in text


def matches(text: str, pattern: str) -> bool:
    """Whether a whole text is what a pattern says: `*` is any run of characters, `?` one, others are themselves.

    Takes time by the product of the lengths at most, other than a regular expression with many stars.
    """
    at = place = 0
    star, resumed = -1, 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, resumed = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", text[at]):
            at, place = at + 1, place + 1
        elif star >= 0:  # the last star takes one character more
            resumed += 1
            at, place = resumed, star + 1
        else:
            return False
    return not pattern[place:].strip("*")


@dataclass(frozen=True, slots=True)
class Compare:
    """A field of the item passes a test."""

    field: str
    test: Test


@dataclass(frozen=True, slots=True)
class Property:
    """The item has one property whose key and value pass all tests.

    `lacks`: the item has no such property.
    """

    keys: tuple[Test, ...]
    values: tuple[Test, ...]
    lacks: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """The file is an artifact, or a dependency, of one run of build-info whose name and number pass all tests."""

    side: Side
    names: tuple[Test, ...]
    numbers: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """The file is in one version of a release bundle whose name and version pass all tests."""

    names: tuple[Test, ...]
    versions: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class All:
    """Every one of these holds; an empty one always holds."""

    members: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Any:
    """One of these holds, at least; an empty one never holds."""

    members: "tuple[Condition, ...]"


Condition: TypeAlias = Compare | Property | Run | Release | All | Any
ALWAYS = All(())


@dataclass(frozen=True)
class Query:
    """A whole query."""

    condition: Condition
    #: Fields of the items, in their order.
    fields: tuple[str, ...] = DEFAULT
    #: Keys of the properties that the answer shows; with `*` all, without any none.
    properties: frozenset[str] = frozenset()
    #: Whether the answer shows downloads.
    stats: bool = False
    #: Fields, and whether the greatest comes first.
    order: tuple[tuple[str, bool], ...] = ()
    offset: int = 0
    limit: int | None = None


def leaves(condition: Condition) -> Iterator[Compare | Property | Run | Release]:
    """All conditions that have no members, wherever they stand in a condition."""
    if isinstance(condition, All | Any):
        for member in condition.members:
            yield from leaves(member)
    else:
        yield condition


def comparisons(condition: Condition) -> Iterator[Compare]:
    """All comparisons of a field, wherever they stand in a condition."""
    return (leaf for leaf in leaves(condition) if isinstance(leaf, Compare))
