"""A bounded list of the newest changes as frames, shared by all readers: for readers that are behind or come back."""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

#: Frames that are kept at most, and their bytes at most.
COUNT, SIZE = 2000, 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of a build as a frame, whole and in brief, its position in the order of all frames, and whose it is."""

    position: int
    repo_id: int
    build_id: int
    frame: bytes
    brief: bytes

    @property
    def size(self) -> int:
        """The bytes of both frames."""
        return len(self.frame) + len(self.brief)


class Ring:
    """The newest frames. A reader that has all frames up to a position can go on from there if no later one is dropped.

    The id of a frame contains the name of the ring. So the ring recognizes an id of another server, and an id of this
    server from before its last start.
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
        """The earliest position from which a reader can go on."""
        return self._entries[0].position - 1 if self._entries else self.newest

    def add(self, repo_id: int, build_id: int, data: bytes, brief: bytes) -> None:
        """Add a frame with a change, as JSON, whole and in brief; drop the oldest frames when there are too many."""
        self.newest += 1
        frames = (b"id: %s\ndata: %s\n\n" % (self.id(self.newest).encode(), text) for text in (data, brief))
        entry = Entry(self.newest, repo_id, build_id, *frames)
        self._entries.append(entry)
        self._size += entry.size
        while len(self._entries) > 1 and (len(self._entries) > COUNT or self._size > SIZE):
            self._size -= self._entries.popleft().size

    def id(self, position: int) -> str:
        """The id of the frame at a position."""
        return f"{self._name}-{position}"

    def interrupt(self) -> None:
        """Changes may be missed from now on: drop all frames, so that no reader goes on from an earlier position."""
        self._entries.clear()
        self._size = 0
        self.newest += 1

    def after(self, position: int) -> Sequence[Entry]:
        """The frames after a position, from which a reader can go on: it is not before `oldest`."""
        return list(islice(self._entries, position - self.oldest, None))

    def position(self, frame_id: str) -> int | None:
        """The position of the frame with this id; None for an id of another ring, or if a later frame was dropped."""
        found = self._ids.fullmatch(frame_id)
        if found is None or not self.oldest <= int(found[1]) <= self.newest:
            return None
        return int(found[1])
