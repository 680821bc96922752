"""When tokens and sessions were last seen: remembered in memory, and stored now and then, so that no request waits."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app import background
from app.accounts import proofs
from app.accounts.model import Proof
from app.db.connect import Database
from app.errors import Unavailable

log = logging.getLogger(__name__)

#: Seconds after which a token or a session that is seen again is stored again.
INTERVAL = 300
#: Seconds between two writes of what was seen meanwhile.
PAUSE = 60.0
#: Writes that wait for the database at one moment.
TOGETHER = 50


class Seen:
    """The tokens and sessions that were seen since the last write."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._pending: dict[tuple[int, int], tuple[Proof, int]] = {}
        self._writing = background.Loop(
            self.store,
            log,
            "what was seen of tokens and sessions could not be stored",
            "storing what was seen of tokens and sessions met an internal error",
            interval=PAUSE,
        )

    def note(self, proof: Proof, now: int) -> None:
        """Remember that a request was opened by this proof. May be called in any thread."""
        if now - proof.seen >= INTERVAL:
            self._pending[proof.token_id, proof.session_id] = proof, now

    async def store(self) -> None:
        """Store what is remembered; when that fails, the next requests are remembered in its place.

        Each in a transaction of its own, which locks one row: a transaction that locks several could wait for one that
        deletes them in another order, and that for the former.
        """
        seen, self._pending = list(self._pending.values()), {}
        for at in range(0, len(seen), TOGETHER):
            some = seen[at : at + TOGETHER]
            await asyncio.gather(*(self._db.write(proofs.seen(proof, now)) for proof, now in some))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Store now and then while the block lasts, and once more at its end."""
        async with background.serving(self._writing.run()):
            yield
        with suppress(Unavailable):  # the times are a few minutes older than they could be
            await self.store()
