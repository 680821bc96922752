"""One round of delivery: for each reader, the frames after its position that it may have."""

from collections.abc import Iterable, Sequence

from app.builds.live.reader import Reader
from app.builds.live.ring import Entry, Ring
from app.db.tx import Tx
from app.encoding import encode
from app.repos import audience
from app.repos.audience import Audience, Who
from app.web import sse

#: When the frames for one reader have so many bytes, no more frames are added to them in this round: with many readers,
#: and with few; and of all readers together, so that readers that have stopped reading hold a bounded amount of memory.
PART, LARGEST, TOGETHER = 64 * 1024, 1024 * 1024, 64 * 1024 * 1024


class Share:
    """The frames that these readers do not have yet. Readers with the same rights at one position share their bytes."""

    def __init__(self, ring: Ring, readers: Sequence[Reader], now: float, among: int) -> None:
        """The share of these readers, among so many that there are. `now` is on the monotonic clock."""
        self._first = min(reader.position for reader in readers)
        self._ring = ring
        self._entries: Sequence[Entry] = ring.after(self._first)
        self._newest = ring.newest
        self._now = now
        self._most = max(PART, min(LARGEST, TOGETHER // among))
        self._who = {reader.who for reader in readers}
        self._repos = {entry.repo_id for entry in self._entries}
        self._repos |= {reader.repo_id for reader in readers if reader.repo_id is not None}
        self._readable: dict[Who, frozenset[int]] = {}
        self._parts: dict[tuple[frozenset[int], int | None, int, bool], tuple[bytes, int]] = {}

    @property
    def size(self) -> int:
        """How many frames a reader may get."""
        return len(self._entries)

    def rights(self, now: int) -> Tx[Audience]:
        """The rights of these readers, as they are now, in the repositories of the frames and of the readers.

        `now` is Unix seconds.
        """
        return audience.find(self._who, self._repos, now)

    def give(self, reader: Reader, rights: Audience) -> None:
        """Give a reader its frames; a ping if it was given nothing for long; the end if it has lost its rights."""
        if not rights.knows(reader.who) or not (reader.repo_id is None or rights.may_read(reader.who, reader.repo_id)):
            reader.end(sse.END)
            return
        part, reader.position = self._part(reader, rights)
        if part:
            reader.give(part)
        elif self._now - reader.given >= sse.QUIET:
            reader.give(sse.PING)

    def _part(self, reader: Reader, rights: Audience) -> tuple[bytes, int]:
        if reader.who not in self._readable:
            readable = (repo_id for repo_id in self._repos if rights.may_read(reader.who, repo_id))
            self._readable[reader.who] = frozenset(readable)
        key = (self._readable[reader.who], reader.repo_id, reader.position, reader.brief)
        if key not in self._parts:
            self._parts[key] = self._joined(reader, key[0])
        return self._parts[key]

    def _joined(self, reader: Reader, readable: frozenset[int]) -> tuple[bytes, int]:
        entries = self._entries[reader.position - self._first :]
        wanted = (one for one in entries if reader.repo_id in (None, one.repo_id) and one.repo_id in readable)
        if reader.brief:
            return self._in_brief(wanted), self._newest
        frames, size = [], 0
        for entry in wanted:
            frames.append(entry.frame)
            size += len(entry.frame)
            if size >= self._most:
                return b"".join(frames), entry.position
        return b"".join(frames), self._newest

    def _in_brief(self, entries: Iterable[Entry]) -> bytes:
        """One frame with the numbers of the builds that have changed, by repository; nothing for none."""
        changed: dict[str, dict[int, None]] = {}
        for entry in entries:
            changed.setdefault(entry.slug, {})[entry.number] = None
        told = {slug: [*numbers] for slug, numbers in changed.items()}
        return self._ring.frame(self._newest, encode(told)) if told else b""
