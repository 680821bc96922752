"""Which part of a list a caller wants, and the part that was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """Items in the order of the list, and whether the list has items before and after them."""

    items: Sequence[T]
    earlier: bool
    later: bool
    #: Where it was looked for items no further: the key of the place, before or after which the list may go on.
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` items of a list: after the first `offset` items, or after or before the item with a key.

    Reading next to a key costs the same anywhere in the list; reading at an offset counts all items before it.
    """

    limit: int
    offset: int = 0
    after: str = ""
    before: str = ""

    @property
    def reach(self) -> int:
        """The number of items to read: one more than `limit`, which shows whether the list goes on."""
        return self.limit + 1

    def part(self, read: Sequence[T], end: str = "") -> Part[T]:
        """The part that these items make; with `before`, the items were read backwards from its key.

        `end` is the key of the place up to which was read, if the list may go on there.
        """
        items, more = read[: self.limit], len(read) > self.limit
        stopped = "" if more else end
        if self.before:
            return Part(items[::-1], earlier=more or bool(stopped), later=True, stopped=stopped)
        return Part(items, earlier=bool(self.after or self.offset), later=more or bool(stopped), stopped=stopped)
