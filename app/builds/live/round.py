"""What there is for readers at one moment: the frames since where each is, as far as it may have them."""

from collections.abc import Sequence

from app.builds.live.reader import Reader
from app.builds.live.ring import Entry, Ring
from app.db.tx import Tx
from app.repos import audience
from app.repos.audience import Audience, Who
from app.web import sse

#: Bytes after which what is joined for one reader is enough for one write.
PART = 64 * 1024


class Share:
    """The frames that some readers are behind by. Readers who are alike get the same bytes, joined once."""

    def __init__(self, ring: Ring, readers: Sequence[Reader], now: float) -> None:
        self._first = min(reader.position for reader in readers)
        self._entries: Sequence[Entry] = ring.after(self._first)
        self._newest = ring.newest
        self._now = now
        self._users = {reader.who.user_id for reader in readers}
        self._repos = {entry.repo_id for entry in self._entries}
        self._repos |= {reader.repo_id for reader in readers if reader.repo_id is not None}
        self._parts: dict[tuple[Who, int | None, int], tuple[bytes, int]] = {}

    def rights(self) -> Tx[Audience]:
        """The rights of these readers in all repositories that matter to them, as they are now."""
        return audience.find(self._users, self._repos)

    def give(self, reader: Reader, rights: Audience) -> None:
        """Give a reader its share, a ping when it has had nothing for long; one who has lost the right, the end."""
        if not rights.knows(reader.who) or not (reader.repo_id is None or rights.may_read(reader.who, reader.repo_id)):
            reader.end(sse.END)
            return
        part, reader.position = self._part(reader, rights)
        if part:
            reader.give(part)
        elif self._now - reader.given >= sse.QUIET:
            reader.give(sse.PING)

    def _part(self, reader: Reader, rights: Audience) -> tuple[bytes, int]:
        key = (reader.who, reader.repo_id, reader.position)
        if key not in self._parts:
            self._parts[key] = self._joined(reader, rights)
        return self._parts[key]

    def _joined(self, reader: Reader, rights: Audience) -> tuple[bytes, int]:
        frames, size = [], 0
        for entry in self._entries[reader.position - self._first :]:
            if reader.repo_id in (None, entry.repo_id) and rights.may_read(reader.who, entry.repo_id):
                frames.append(entry.frame)
                size += len(entry.frame)
            if size >= PART:
                return b"".join(frames), entry.position
        return b"".join(frames), self._newest
