"""Asking the host of one repository for the rights of one account (contract scm-api 6.1)."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from app.accounts.hosted import store as hosted
from app.accounts.hosted.tokens import Tokens
from app.accounts.model import User
from app.db.connect import Database
from app.errors import AppError, NotFound
from app.repos import store
from app.repos.model import Permissions, source
from app.repos.store import RepoRights
from app.scm.host import passes

log = logging.getLogger(__name__)

#: Seconds that a host gets: somebody waits.
PATIENCE = 10.0
#: Seconds for which the same is not asked again: after the host has said that there are no rights, and after it has
#: failed.
NONE, FAILED = 60.0, 15.0
#: Answers of hosts that are kept at most.
KEPT = 10_000


class Untold(NotFound):
    """A host does not tell the rights of an account. The message is for that account."""

    def __init__(self, message: str, reason: str, *, passing: bool) -> None:
        super().__init__(message)
        #: Why, in words for the server's side.
        self.reason = reason
        #: Whether the host may tell a little later.
        self.passing = passing


@dataclass(slots=True)
class Rights:
    """Renews rights, for all that wait at once. Called with a repository of a host, the rights so far, and an account.

    Raises NotFound when the account has no rights there, and Untold when the host does not tell.
    """

    db: Database
    tokens: Tokens
    now: Callable[[], int]
    _asked: dict[tuple[int, int], "asyncio.Task[None]"] = field(default_factory=dict, init=False)
    #: Until when the same is not asked again, on the monotonic clock, and the refusal.
    _refused: OrderedDict[tuple[int, int], tuple[float, Callable[[], NotFound]]] = field(
        default_factory=OrderedDict, init=False
    )

    async def __call__(self, found: RepoRights, user: User) -> None:
        """Store what the host of a repository says of the rights of an account."""
        key = found.repo.id, user.id
        until, refusal = self._refused.get(key, (0.0, NotFound))
        if time.monotonic() < until:
            raise refusal()
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._ask(found, user))
            task.add_done_callback(lambda done: self._ended(key, done))
        await asyncio.shield(task)

    def _ended(self, key: tuple[int, int], task: "asyncio.Task[None]") -> None:
        del self._asked[key]
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    async def _ask(self, found: RepoRights, user: User) -> None:
        repo = found.repo
        uid = source(repo).uid
        account = await self.db.glance(hosted.of(user.id, repo.scm))
        if account is None:  # it was removed at this moment
            return
        host = self.tokens.host(repo.scm)
        try:
            async with asyncio.timeout(PATIENCE):
                listed = await self.tokens.call(account, lambda shown: host.directory.repository(shown, repo.slug, uid))
            if uid not in ("", listed.uid):
                raise NotFound  # the name is another repository's by now
        except NotFound:
            await self.db.write_few(store.revoke(repo.id, user))
            self._refuse((repo.id, user.id), NONE, NotFound)
            raise NotFound from None
        except (AppError, TimeoutError) as error:
            raise self._failed(found, user, error) from error
        rights = Permissions(listed.read, listed.write, listed.admin)
        now = self.now()
        await self.db.write_few(store.grant(repo.id, user.id, rights, now, synced=now))

    def _failed(self, found: RepoRights, user: User, error: AppError | TimeoutError) -> Untold:
        """The refusal when a host does not tell; who has no rights so far must not learn of the repository by it."""
        repo, known = found.repo, found.rights is not None and found.rights.read
        reason = error.message if isinstance(error, AppError) else f"no answer within {PATIENCE:g} s"
        words = {"repository": repo.slug, "account": user.login, "reason": reason}
        log.warning("a host does not tell the rights of an account", extra=words)
        why = (
            f"{repo.scm} does not tell your rights in {repo.slug} at present: {reason}" if known else NotFound().message
        )
        passing = not isinstance(error, AppError) or passes(error)
        refusal = partial(Untold, why, reason, passing=passing)
        self._refuse((repo.id, user.id), FAILED, refusal)
        return refusal()

    def _refuse(self, key: tuple[int, int], seconds: float, refusal: Callable[[], NotFound]) -> None:
        self._refused[key] = time.monotonic() + seconds, refusal
        self._refused.move_to_end(key)
        if len(self._refused) > KEPT:
            self._refused.popitem(last=False)
