"""Builds what a push asks for: once for each delivery, and later if the repository cannot be read now.

A delivery whose repository cannot be read is kept in the database, so that a server that dies forgets nothing. Attempts
follow with longer and longer pauses. After an hour an error build tells that the push was not built, and why.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from secrets import token_hex

from app import background
from app.builds import store as builds
from app.builds import triggers
from app.builds.deliveries import store
from app.builds.deliveries.model import Delivery
from app.builds.model import Build, cut
from app.builds.ports import Ports
from app.builds.push import fail_push, push_build
from app.builds.triggers import Trigger
from app.errors import AppError, Invalid, NotFound, Problem, Unavailable
from app.moments import Actor
from app.repos import store as repos
from app.repos.model import Repo
from app.scm.hook import Push
from app.scm.host import passes

log = logging.getLogger(__name__)

#: Seconds for which attempts are made, and the pauses between them, at first and at most.
PATIENCE = 3600
FIRST_PAUSE, LONGEST_PAUSE = 5, 300
#: Attempts at most, if the clock was ahead when the push was received.
MOST_TRIES = 30
#: Seconds between two looks for what is due, at most: another server may have kept a delivery.
LOOK = 30.0
#: Deliveries that are tried together.
ROOM = 8
#: Seconds by which the clocks of a git server and of this server may differ, and a delivery may be late.
LATEST = 300
#: Seconds for which deliveries that have ended are known. Longer than a delivery may be late.
KNOWN = 24 * 3600
#: Why a push was not built that met an exception which nobody foresaw.
BUG = "internal error; the server's log has more"


class Kept(AppError):
    """The push is not built yet: its repository could not be read, or an earlier push of its ref waits."""

    code = "kept"


class Keeper:
    """Receives pushes, and tries again those that wait."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._loop = background.Loop(
            self.look, log, "the pushes that wait could not be read", "the pushes that wait met an internal error"
        )
        self._forgotten = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the block lasts."""
        self._loop.wake()
        async with background.serving(self._loop.run()):
            yield

    async def receive(self, repo: Repo, push: Push, trigger: Trigger, by: Actor) -> Build | None:
        """The build of a push that is told of now, as `push_build`; a second delivery gets the build of the first one.

        Kept when the push is built later. Invalid when the delivery is too old. NotFound when its build was deleted.
        """
        now = self._ports.now()
        delivery = Delivery.of(repo.id, push, by, now, name=token_hex(16))
        if push.delivery:
            _refuse_stale(push, now)
            known = await self._ports.db.read(store.find_if_any(repo.id, push.delivery))
            if known and known.build:
                return await self._ports.db.read(builds.find(repo.id, known.build))
            if known and known.due:
                raise Kept(_promise(known.error))
        if await self._ports.db.glance(store.is_waiting(repo.id, push.ref)):
            raise await self._keep(replace(delivery, due=now), "an earlier push of it waits")
        try:
            return await self._build(repo, push, trigger, delivery)
        except store.Delivered:
            known = await self._ports.db.read(store.find_if_any(repo.id, delivery.name))
            return await self._ports.db.read(builds.find(repo.id, known.build if known else 0))
        except AppError as error:
            if not passes(error):
                raise
            raise await self._keep(replace(delivery, due=now + FIRST_PAUSE, tries=1), error.message) from error

    async def _keep(self, delivery: Delivery, error: str) -> Kept:
        await self._ports.db.write(store.keep(replace(delivery, error=cut(error))))
        self._log("a push waits until its repository can be read", delivery, error)
        self._loop.wake()
        return Kept(_promise(error))

    async def _build(self, repo: Repo, push: Push, trigger: Trigger, delivery: Delivery) -> Build | None:
        return await push_build(
            self._ports,
            repo,
            push,
            trigger,
            delivery.by,
            claim=lambda: store.claim(delivery),
        )

    async def look(self) -> float:
        """Make every attempt that is due, and return the seconds until the next look."""
        now = self._ports.now()
        if not self._forgotten <= now < self._forgotten + KNOWN:
            await self._ports.db.write(store.forget(now - KNOWN))
            self._forgotten = now
        found = await self._ports.db.read(store.due(now, now + 2 * LONGEST_PAUSE, ROOM))
        await asyncio.gather(*(self._attempt(one) for one in found))
        soonest = await self._ports.db.read(store.soonest())
        return LOOK if soonest is None else min(max(soonest - now, 1.0), LOOK)

    async def _attempt(self, delivery: Delivery) -> None:
        now = self._ports.now()
        pause = min(FIRST_PAUSE * 2 ** min(delivery.tries, 10), LONGEST_PAUSE)
        if not await self._ports.db.write(store.take(delivery, now + pause)):
            return
        try:
            repo = await self._ports.db.read(repos.find(delivery.repo_id))
            push = delivery.push(repo.slug)
            if (trigger := triggers.build_event(push, repo.default_branch)) is None or not repo.active:
                await self._ports.db.write(store.drop(delivery))
                return
            await self._try(repo, push, trigger, delivery)
        except store.Delivered:  # the hook, or another server, was faster
            return
        except NotFound:  # the repository was deleted
            await self._ports.db.write(store.drop(delivery))
        except Exception as error:  # a bug in one must not end the others
            self._log("a push that waits could neither be built nor fail", delivery, str(error), exc_info=True)
            if self._is_last(delivery) and not (isinstance(error, AppError) and passes(error)):
                await self._ports.db.write(store.drop(delivery))
        self._loop.wake()  # the next push of the ref may be due

    async def _try(self, repo: Repo, push: Push, trigger: Trigger, delivery: Delivery) -> None:
        failed: AppError
        try:
            if await self._build(repo, push, trigger, delivery) is None:
                await self._ports.db.write(store.drop(delivery))
            return
        except store.Delivered:
            raise
        except AppError as error:
            failed = error
        except Exception as error:  # a bug: a newer server may be able to build the push
            self._log("a push that waits met an internal error", delivery, str(error), exc_info=True)
            failed = Unavailable(BUG)
        if passes(failed) and not self._is_last(delivery):
            self._log("a push could not be built yet", delivery, failed.message)
            await self._ports.db.write(store.failed(delivery, cut(failed.message)))
            return
        self._log("a push was not built", delivery, failed.message)
        tried = f"{delivery.tries + 1} times" if delivery.tries else "once"
        words = f"{failed.message} (tried {tried} since the push)"
        await fail_push(self._ports, repo, push, trigger, delivery.by, words, store.claim(delivery))

    def _is_last(self, delivery: Delivery) -> bool:
        """Whether no attempt follows the present one."""
        return self._ports.now() - delivery.received >= PATIENCE or delivery.tries >= MOST_TRIES

    def _log(self, text: str, delivery: Delivery, reason: str, *, exc_info: bool = False) -> None:
        about = {"repo_id": delivery.repo_id, "ref": delivery.ref, "commit": delivery.after, "reason": reason}
        log.warning(text, extra=about, exc_info=exc_info)


def _promise(error: str) -> str:
    return f"it is built as soon as the repository can be read: {error}"


def _refuse_stale(push: Push, now: int) -> None:
    """Raise Invalid for a delivery that is too old or too new: a delivery that was recorded must not be sent again."""
    age = now - push.sent
    if abs(age) <= LATEST:
        return
    told = f"{age} s old" if age > 0 else f"{-age} s ahead of this server's clock"
    words = (
        f"the delivery is {told}; at most {LATEST} s are allowed: set the clocks of the git server and of this server"
    )
    raise Invalid.of([Problem("delivery.time", "stale_delivery", words)])
