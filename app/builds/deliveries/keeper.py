"""Builds what a delivery asks for: once for each delivery, and later if the repository cannot be read now.

A delivery is stored before anything else is done, so that a server that dies forgets nothing. That of the hook of plain
git is stored with its build, or before the hook is answered: the hook asks again when it gets no answer. The sender
waits for the first attempt for a short time only. Attempts follow with longer and longer pauses. After an hour an error
build tells that the change was not built, and why.
"""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from secrets import token_hex
from typing import TypeAlias

from app import background
from app.builds import store as builds
from app.builds import triggers
from app.builds.deliveries import store
from app.builds.deliveries.model import Delivery
from app.builds.deployment import deployment_build, fail_deployment
from app.builds.model import Build, cut
from app.builds.ports import Ports
from app.builds.push import Options, fail_push, push_build
from app.builds.triggers import Trigger
from app.db.tx import Tx
from app.errors import AppError, Invalid, NotFound, NothingToRun, Problem, Unavailable
from app.moments import Actor
from app.repos import store as repos
from app.repos.model import Repo
from app.scm import hook
from app.scm.forge import Later
from app.scm.hook import Change, Deployment
from app.scm.host import passes

log = logging.getLogger(__name__)

#: Seconds for which attempts are made, and the pauses between them, at first and at most.
PATIENCE = 3600
FIRST_PAUSE, LONGEST_PAUSE = 5, 300
#: Attempts at most, if the clock was ahead when the delivery was received.
MOST_TRIES = 30
#: Seconds between two looks for what is due, at most: another server may have kept a delivery.
LOOK = 30.0
#: Deliveries that are tried together.
ROOM = 8
#: Seconds by which the clocks of a git server and of this server may differ, and a delivery may be late.
LATEST = 300
#: Seconds for which deliveries that have ended are known (contract scm-webhooks 7), and between two removals.
KNOWN, FORGETTING = 7 * 24 * 3600, 3600
#: Seconds that a host waits for the first attempt, and that the hook of plain git waits, which asks again after 10 s.
PROMPT, PROMPT_PLAIN = 0.8, 8.0
#: Pauses of the first attempt at a host with an API, in seconds (contract scm-api 1).
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
#: Seconds after which a commit that the host does not have will not come any more.
FRESH = 60
#: Seconds that a first attempt may take before another server makes one.
LEASE = 60
#: Why a change was not built that met an exception which nobody foresaw.
BUG = "internal error; the server's log has more"


#: A delivery that is tried once more, and whether the one who asked is to make the attempt.
Again: TypeAlias = tuple[Delivery, bool]


class Kept(AppError):
    """The change is not built yet: its repository could not be read in time, or an earlier change of its ref waits."""

    code = "kept"

    def __init__(self, delivery: Delivery, error: str = "") -> None:
        reason = f"as soon as the repository can be read: {error}" if error else "in the background"
        super().__init__(f"it is built {reason}")
        #: The id of the delivery.
        self.name = delivery.name


class Keeper:
    """Receives deliveries, and tries again those that wait."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._loop = background.Loop(
            self.look, log, "the pushes that wait could not be read", "the pushes that wait met an internal error"
        )
        #: First attempts under way, by the repository and the name of the delivery.
        self._first = dict[tuple[int, str], asyncio.Task[Build]]()
        self._forgotten = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the block lasts. First attempts that are under way at its end are made anew later."""
        self._loop.wake()
        try:
            async with background.serving(self._loop.run()):
                yield
        finally:
            under_way = list(self._first.values())
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    def wake(self) -> None:
        """Look for what is due now: something was stored that waits."""
        self._loop.wake()

    async def idle(self, repo_id: int) -> None:
        """Wait until this server receives no change of a repository that is not stored yet."""
        if under_way := [task for (owner, _), task in self._first.items() if owner == repo_id]:
            await asyncio.wait(under_way, timeout=PROMPT_PLAIN)

    async def receive(self, repo: Repo, told: hook.Delivery, change: Change, by: Actor) -> Build:
        """The build of a change that is told of now; a second delivery gets the build of the first one.

        Kept when the change is built later, NothingToRun when it is not built. Invalid when the delivery is too old.
        NotFound when its build was deleted. For plain git, also what the first attempt raises and will not pass.
        """
        now = self._ports.now()
        if told.sent:
            _refuse_stale(told.sent, now)
        given = Delivery.of(repo.id, told, change, by, now, name=token_hex(16))
        delivery, is_first = await self._stored(repo, given)
        task = self._first.get((repo.id, delivery.name))
        if is_first and (task is None or delivery.id):
            task = self._begin(repo, delivery)
        elif task is None:
            return await self._known(repo, delivery)
        return await self._awaited(delivery, task)

    async def repeat(self, repo: Repo, name: str, by: Actor, recorded: Callable[[Tx[Again]], Tx[Again]]) -> Build:
        """The build of the delivery of a name, which a person lets be tried once more; `recorded` records that.

        NotFound, Delivered when there is a build, and errors as those of `receive`.
        """
        now = self._ports.now()
        delivery, is_mine = await self._ports.db.write(recorded(store.repeat(repo.id, name, by, now, now + LEASE)))
        if not is_mine:
            return await self._known(repo, delivery)
        return await self._awaited(delivery, self._begin(repo, delivery))

    async def _awaited(self, delivery: Delivery, task: "asyncio.Task[Build]") -> Build:
        """The build that a first attempt makes; Kept when that takes longer than a sender waits."""
        done, _ = await asyncio.wait({task}, timeout=PROMPT if delivery.host else PROMPT_PLAIN)
        if done:
            return task.result()
        if not delivery.id:
            await self._ports.db.write_few(store.keep(delivery, self._ports.now() + LEASE))
        raise Kept(delivery)

    async def _stored(self, repo: Repo, given: Delivery) -> tuple[Delivery, bool]:
        """As `store.receive`; without an id, and not stored yet, when it is stored with its build."""
        if not given.host and not repo.poll and await self._ports.db.glance(store.is_new(given)):
            return given, True
        receiving = store.receive(given, given.received + LEASE, polled=repo.poll > 0)
        return await self._ports.db.write_few(receiving)

    def _begin(self, repo: Repo, delivery: Delivery) -> asyncio.Task[Build]:
        """Begin the first attempt."""
        key = (repo.id, delivery.name)
        task = self._first[key] = asyncio.create_task(self._try(repo, delivery, is_first=True))
        task.add_done_callback(lambda done: self._ended(key, done))
        return task

    async def _known(self, repo: Repo, delivery: Delivery) -> Build:
        """The build of a delivery of which this server makes no first attempt."""
        if delivery.build:
            return await self._ports.db.read(builds.find(repo.id, delivery.build))
        self._loop.wake()
        raise Kept(delivery, delivery.error)

    def _ended(self, key: tuple[int, str], task: "asyncio.Task[Build]") -> None:
        if self._first.get(key) is task:
            del self._first[key]
        if not task.cancelled():
            task.exception()  # who waited may be gone
        self._loop.wake()  # the next change of the ref may be due

    async def look(self) -> float:
        """Make every attempt that is due, and return the seconds until the next look."""
        now = self._ports.now()
        if not self._forgotten <= now < self._forgotten + FORGETTING:
            await self._ports.db.write(store.forget(now - KNOWN))
            self._forgotten = now
        # No pause is longer than PATIENCE: what is due after that was stored while a clock was ahead.
        found = await self._ports.db.read(store.due(now, now + PATIENCE + LONGEST_PAUSE, ROOM))
        await asyncio.gather(*(self._attempt(one) for one in found))
        soonest = await self._ports.db.read(store.soonest())
        return LOOK if soonest is None else min(max(soonest - now, 1.0), LOOK)

    async def _attempt(self, delivery: Delivery) -> None:
        seen, delivery = delivery, replace(delivery, tries=delivery.tries + 1)
        if not await self._ports.db.write(store.take(seen, self._ports.now() + _pause(delivery))):
            return
        try:
            repo = await self._ports.db.read(repos.find(delivery.repo_id))
            if repo.active:
                await self._try(repo, delivery)
            else:
                await self._ports.db.write(store.end(delivery, "the repository is inactive"))
        except (Kept, NothingToRun):  # logged, and written down
            return
        except NotFound as error:  # the repository was deleted
            await self._ports.db.write(store.end(delivery, cut(error.message)))
        except Exception as error:  # a bug in one must not end the others
            self._log("a change that waits could neither be built nor fail", delivery, str(error), exc_info=True)
            if self._is_last(delivery) and not (isinstance(error, AppError) and passes(error)):
                await self._ports.db.write(store.end(delivery, BUG))
        self._loop.wake()  # the next change of the ref may be due

    async def _try(self, repo: Repo, delivery: Delivery, *, is_first: bool = False) -> Build:
        """The build of a delivery, perhaps an error build; errors as those of `receive`."""
        pauses = PAUSES if is_first and delivery.host else ()
        try:
            return await self._settled(repo, delivery, pauses, is_first=is_first)
        except store.Delivered:  # another server was faster, or this one has found the change itself
            if not delivery.id:
                known, _ = await self._ports.db.write_few(store.receive(delivery, self._ports.now() + LEASE))
                return await self._known(repo, known)
            stored = await self._ports.db.read(store.find_by_id(delivery.id))
            return await self._ports.db.read(builds.find(repo.id, stored.build if stored else 0))

    async def _settled(self, repo: Repo, delivery: Delivery, pauses: Sequence[float], *, is_first: bool) -> Build:
        failed: AppError
        try:
            return await self._built(repo, delivery, pauses)
        except store.Delivered:
            raise
        except NothingToRun as error:
            await self._end(delivery, error)
            raise
        except AppError as error:
            failed = error
        except Exception as error:  # a bug: a newer server may be able to build the change
            self._log("a delivery met an internal error", delivery, str(error), exc_info=True)
            failed = Unavailable(BUG)
        if passes(failed) and not self._is_last(delivery):
            self._log("a change could not be built yet", delivery, failed.message)
            later = min(math.ceil(failed.seconds), PATIENCE) if isinstance(failed, Later) else 0
            due = self._ports.now() + max(_pause(delivery), later)
            await self._ports.db.write(store.failed(delivery, cut(failed.message), due))
            self._loop.wake()
            raise Kept(delivery, failed.message) from failed
        self._log("a change was not built", delivery, failed.message)
        if is_first and not delivery.host:  # the hook of plain git shows the answer to who pushes
            await self._ports.db.write(store.end(delivery, cut(failed.message)))
            raise failed
        try:
            return await self._fail(repo, delivery, failed)
        except NothingToRun as error:
            await self._end(delivery, error)
            raise

    async def _end(self, delivery: Delivery, why: NothingToRun) -> None:
        self._log("nothing is built", delivery, why.message, logging.INFO)
        await self._ports.db.write(store.end(delivery, cut(why.message)))

    async def _built(self, repo: Repo, delivery: Delivery, pauses: Sequence[float]) -> Build:
        """The build; after a pause once more, as long as there are pauses and the error may pass soon."""
        for pause in pauses:
            try:
                return await self._build(repo, delivery, lambda error: self._may_pass_soon(delivery, error))
            except AppError as error:
                if isinstance(error, Later) or not self._may_pass_soon(delivery, error):
                    raise
                self._log("a change cannot be read yet", delivery, error.message)
            await asyncio.sleep(pause)
        return await self._build(repo, delivery, passes)

    async def _build(self, repo: Repo, delivery: Delivery, retried: Callable[[AppError], bool]) -> Build:
        change = delivery.change
        options: Options = {"claim": lambda: store.claim(delivery), "retried": retried}
        if isinstance(change, Deployment):
            return await deployment_build(self._ports, repo, change, delivery.by, **options)
        trigger, late = _trigger(change, repo), delivery.found_late
        return await push_build(self._ports, repo, change, trigger, delivery.by, found_late=late, **options)

    async def _fail(self, repo: Repo, delivery: Delivery, failed: AppError) -> Build:
        """An error build that says why there is no other."""
        tried = f"{delivery.tries} times" if delivery.tries > 1 else "once"
        change, words = delivery.change, f"{failed.message} (tried {tried} since the push)"
        claim = store.claim(delivery)
        if isinstance(change, Deployment):
            return await fail_deployment(self._ports, repo, change, delivery.by, words, claim)
        trigger, late = _trigger(change, repo), delivery.found_late
        return await fail_push(self._ports, repo, change, trigger, delivery.by, words, claim, found_late=late)

    def _may_pass_soon(self, delivery: Delivery, error: AppError) -> bool:
        """Whether a failed call may succeed a few seconds later: a host may not see a new commit at once."""
        if passes(error):
            return True
        made = delivery.change.timestamp
        is_fresh = not made or self._ports.now() - made < FRESH
        return is_fresh and (isinstance(error, NotFound) or error.code == "config_not_found")

    def _is_last(self, delivery: Delivery) -> bool:
        """Whether no attempt follows the present one."""
        return self._ports.now() - delivery.received >= PATIENCE or delivery.tries > MOST_TRIES

    def _log(
        self, text: str, delivery: Delivery, reason: str, level: int = logging.WARNING, *, exc_info: bool = False
    ) -> None:
        about = {
            "repo_id": delivery.repo_id,
            "delivery": delivery.name,
            "host": delivery.host,
            "ref": delivery.ref,
            "commit": delivery.after,
            "reason": reason,
        }
        log.log(level, text, extra=about, exc_info=exc_info)


def _trigger(change: Change, repo: Repo) -> Trigger:
    """The build that a change asks for; NothingToRun when no build follows."""
    if (trigger := triggers.build_event(change, repo.default_branch)) is None:
        raise NothingToRun("no build follows from this change")
    return trigger


def _pause(delivery: Delivery) -> int:
    """Seconds from the present attempt, which is counted, to the next one."""
    return FIRST_PAUSE if delivery.tries < 2 else min(FIRST_PAUSE << min(delivery.tries - 1, 10), LONGEST_PAUSE)


def _refuse_stale(sent: int, now: int) -> None:
    """Raise Invalid for a delivery that is too old or too new: a delivery that was recorded must not be sent again."""
    age = now - sent
    if abs(age) <= LATEST:
        return
    told = f"{age} s old" if age > 0 else f"{-age} s ahead of this server's clock"
    words = (
        f"the delivery is {told}; at most {LATEST} s are allowed: set the clocks of the git server and of this server"
    )
    raise Invalid.of([Problem("delivery.time", "stale_delivery", words)])
