"""The newest changes as frames, for readers who are a little behind or come back: bounded, and shared by all."""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

#: Frames, and bytes of them, that are kept.
COUNT, SIZE = 2000, 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """A frame, its place in the order of all, and whose change it tells."""

    position: int
    repo_id: int
    frame: bytes


class Ring:
    """Who has all frames up to a position goes on from there, as long as no later one is dropped.

    The frames' ids name the ring, so that an id of another server, or of this one before it was started
    again, is known as such.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._ids = re.compile(rf"{re.escape(name)}-(\d{{1,18}})", re.ASCII)
        self._entries: deque[Entry] = deque()
        self._size = 0
        #: The position of the last frame.
        self.newest = 0

    @property
    def oldest(self) -> int:
        """The earliest position to go on from."""
        return self._entries[0].position - 1 if self._entries else self.newest

    def add(self, repo_id: int, data: bytes) -> None:
        """Frame a change, as JSON; the oldest frames go when they are too many."""
        self.newest += 1
        frame = b"id: %s-%d\ndata: %s\n\n" % (self._name.encode(), self.newest, data)
        self._entries.append(Entry(self.newest, repo_id, frame))
        self._size += len(frame)
        while len(self._entries) > 1 and (len(self._entries) > COUNT or self._size > SIZE):
            self._size -= len(self._entries.popleft().frame)

    def interrupt(self) -> None:
        """From here on changes may have been missed: nobody goes on from before."""
        self._entries.clear()
        self._size = 0
        self.newest += 1

    def after(self, position: int) -> Sequence[Entry]:
        """The frames from there on; the position must be one to go on from."""
        return list(islice(self._entries, position - self.oldest, None))

    def position(self, frame_id: str) -> int | None:
        """Where to go on after the frame of this id; None when that cannot be told, or not without a gap."""
        found = self._ids.fullmatch(frame_id)
        if found is None or not self.oldest <= int(found[1]) <= self.newest:
            return None
        return int(found[1])
