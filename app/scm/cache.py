"""What hosts have said and will say for ever, kept in memory: what belongs to a commit does not change."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar, cast

from app.scm.forge import Comparison
from app.scm.host import Commit

T = TypeVar("T")
#: The id of the repository, and what of the repository.
Key: TypeAlias = tuple[int, tuple[str, ...]]
#: Bytes that Python takes for an entry beside its value.
_ENTRY = 500


class Cache:
    """Values of at most `most` bytes together; the values that were not used for the longest time go first.

    Callers that want a value at the same time share one call that makes the value. Errors are not kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._values: OrderedDict[Key, tuple[Any, int]] = OrderedDict()
        self._running: dict[Key, asyncio.Task[Any]] = {}

    async def get(self, key: Key, make: Callable[[], Awaitable[T]], weigh: Callable[[T], int]) -> T:
        """The value of a key. `make` is awaited if the value is not there, and goes on when its caller is cancelled."""
        if key in self._values:
            self._values.move_to_end(key)
            return cast(T, self._values[key][0])
        if (task := self._running.get(key)) is None:
            task = asyncio.create_task(self._made(key, make, weigh))
            self._running[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        return cast(T, await asyncio.shield(task))

    def drop(self, which: Callable[[Key], bool]) -> None:
        """Remove the values whose keys are chosen."""
        for key in [key for key in self._values if which(key)]:
            self._size -= self._values.pop(key)[1]

    async def _made(self, key: Key, make: Callable[[], Awaitable[T]], weigh: Callable[[T], int]) -> T:
        value = await make()
        size = weigh(value) + _ENTRY
        self._values[key] = (value, size)
        self._size += size
        while self._size > self._most:
            _, (_, gone) = self._values.popitem(last=False)
            self._size -= gone
        return value

    def _ended(self, key: Key, task: asyncio.Task[Any]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # those that wait get the error; without any, it counts as seen


def weigh_commit(commit: Commit) -> int:
    """The bytes of a commit in memory, about."""
    return len(commit.message) + 500


def weigh_paths(paths: Sequence[str]) -> int:
    """The bytes of paths in memory, about."""
    return sum(len(path) + 60 for path in paths)


def weigh_comparison(comparison: Comparison) -> int:
    """The bytes of a comparison in memory, about."""
    return sum(map(weigh_commit, comparison.commits)) + weigh_paths(comparison.paths)
