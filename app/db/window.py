"""Which part of a list is wanted, and what was found there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """Items in the order of the list, and whether it has others before and after them."""

    items: Sequence[T]
    earlier: bool
    later: bool


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` items of a list: after so many others, or next to the one with a key.

    Next to a key costs the same wherever that is; an offset has to be counted off.
    """

    limit: int
    offset: int = 0
    after: str = ""
    before: str = ""

    @property
    def reach(self) -> int:
        """How many items to read: one more than wanted tells whether the list goes on."""
        return self.limit + 1

    def part(self, read: Sequence[T]) -> Part[T]:
        """What of the items that were read is wanted; `before` reads from its key backwards."""
        items, more = read[: self.limit], len(read) > self.limit
        if self.before:
            return Part(items[::-1], earlier=more, later=True)
        return Part(items, earlier=bool(self.after or self.offset), later=more)
