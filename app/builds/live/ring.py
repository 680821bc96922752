"""A bounded list of the newest changes as frames, shared by all readers: for readers that are behind or come back."""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

#: Frames that are kept at most, and their bytes at most: those of several seconds, however much is promoted, because
#: readers in brief are served once a second then.
COUNT, SIZE = 10_000, 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of a build as a frame, its position in the order of all frames, and whose build it is.

    A bare entry has no frame: it is for readers in brief only, who are told the number of the build.
    """

    position: int
    repo_id: int
    slug: str
    #: The number of the build.
    number: int
    frame: bytes


class Ring:
    """The newest frames. A reader that has all frames up to a position can go on from there if no later one is dropped.

    A reader who wants whole frames can do so only if no later entry is bare.

    The id of a frame contains the name of the ring. So the ring recognizes an id of another server, and an id of this
    server from before its last start.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._ids = re.compile(rf"{re.escape(name)}-(\d{{1,18}})", re.ASCII)
        self._entries: deque[Entry] = deque()
        self._size = 0
        #: The position of the last frame, and of the last bare entry.
        self.newest = self._bare = 0

    @property
    def oldest(self) -> int:
        """The earliest position from which a reader can go on."""
        return self._entries[0].position - 1 if self._entries else self.newest

    def add(self, repo_id: int, slug: str, number: int, data: bytes | None) -> None:
        """Add a frame with a change of a build, as JSON; drop the oldest frames when there are too many.

        Without JSON, the entry is bare.
        """
        self.newest += 1
        if data is None:
            self._bare = self.newest
        frame = b"" if data is None else self.frame(self.newest, data)
        self._entries.append(Entry(self.newest, repo_id, slug, number, frame))
        self._size += len(frame)
        while len(self._entries) > 1 and (len(self._entries) > COUNT or self._size > SIZE):
            self._size -= len(self._entries.popleft().frame)

    def frame(self, position: int, data: bytes) -> bytes:
        """JSON as a frame after which a stream can go on from a position."""
        return b"id: %s\ndata: %s\n\n" % (self.id(position).encode(), data)

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

    def position(self, frame_id: str, *, brief: bool) -> int | None:
        """The position of the frame with this id, from which a reader, perhaps one in `brief`, can go on; else None."""
        found = self._ids.fullmatch(frame_id)
        first = self.oldest if brief else max(self.oldest, self._bare)
        if found is None or not first <= int(found[1]) <= self.newest:
            return None
        return int(found[1])
