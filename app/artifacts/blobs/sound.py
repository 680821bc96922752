"""Which stored files are known to hold the right bytes, and what a store counts."""

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

#: Seconds for which a file is known as sound: a disk can damage bytes without a trace in the file's times.
KNOWN = 24 * 3600
#: The most files that are remembered; then the oldest is forgotten.
MOST = 100_000

#: Inode, size, and times of the last change: what differs when somebody has written to a file, or replaced the file.
_State: TypeAlias = tuple[int, int, int, int]


class Sound:
    """The places whose files were hashed whole, as long as nobody writes to the files."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, tuple[_State, float]] = OrderedDict()

    def remember(self, place: str, found: os.stat_result) -> None:
        """The file of a place, as it was found, holds the right bytes."""
        self._known[place] = _state(found), self._clock() + KNOWN
        self._known.move_to_end(place)
        if len(self._known) > MOST:
            self._known.popitem(last=False)

    def is_known(self, place: str, found: os.stat_result) -> bool:
        """Whether the file of a place is still the one that was hashed."""
        state, until = self._known.get(place, (None, 0.0))
        return state == _state(found) and self._clock() < until


def _state(found: os.stat_result) -> _State:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@dataclass(slots=True)
class Counts:
    """What a store has done since the server started."""

    #: Bytes that were received and hashed, and the seconds that took, of all uploads together.
    hashed: int = 0
    seconds: float = 0.0
    #: Downloads whose bytes were missing or damaged.
    damaged: int = 0
