"""Deletes artifact repositories: each disappears at once, and its items are removed piece by piece.

A million items take minutes; nobody shall wait for them, and a server that ends meanwhile goes on at its next start.
"""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson

from app.artifacts import permissions
from app.artifacts.model import ArtifactRepository
from app.background import Loop, serving
from app.db.connect import Database
from app.db.tx import Tx, many, one, run

#: The name is free at once. No key has a slash.
HIDE = "UPDATE artifact_repos SET kind = 'deleted', key = :hidden WHERE id = :id"
LEAVE = "DELETE FROM virtual_members WHERE virtual_id = :id OR member_id = :id"
UNAIM = "UPDATE artifact_repos SET deploy_to = 0 WHERE deploy_to = :id"
HIDDEN = "SELECT id FROM artifact_repos WHERE kind = 'deleted' ORDER BY id LIMIT 1"
PIECE = "SELECT id FROM items WHERE repo_id = :id LIMIT :limit"
REMOVE_PIECE = "DELETE FROM items WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS piece)"
REMOVE = "DELETE FROM artifact_repos WHERE id = :id"
#: Items in one transaction: other writers wait for no more than that.
STEP = 1000

_log = logging.getLogger(__name__)


def hide(repo: ArtifactRepository, now: int) -> Tx[None]:
    """Delete a repository for everybody: from virtual ones and from rights as well. The items are removed later."""
    yield from run(HIDE, id=repo.id, hidden=f"deleted/{repo.id}")
    yield from run(LEAVE, id=repo.id)
    yield from run(UNAIM, id=repo.id)
    yield from permissions.forget_repository(repo.key, now)


def remove_piece() -> Tx[bool]:
    """Remove some items of a deleted repository, at last the repository; whether anything was there to remove."""
    hidden = yield from one(HIDDEN)
    if hidden is None:
        return False
    rows = yield from many(PIECE, id=hidden["id"], limit=STEP)
    if rows:
        yield from run(REMOVE_PIECE, ids=orjson.dumps([[row["id"]] for row in rows]).decode())
    else:
        yield from run(REMOVE, id=hidden["id"])
    return True


class Clearing:
    """The loop that removes the items of deleted repositories."""

    def __init__(self, db: Database) -> None:
        self._db = db
        words = ("items of deleted repositories cannot be removed now", "removing items of deleted repositories failed")
        self._loop = Loop(self._remove, _log, *words, interval=3600.0)

    def wake(self) -> None:
        """Go to work: a repository was deleted."""
        self._loop.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Remove what was left by the last server, and what is deleted while the block lasts."""
        self._loop.wake()
        async with serving(self._loop.run()):
            yield

    async def _remove(self) -> float | None:
        """Remove a piece; afterwards, other writers have the database for as long as that took."""
        began = time.monotonic()
        more = await self._db.write(remove_piece())
        return time.monotonic() - began if more else None
