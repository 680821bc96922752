"""Runs the jobs that are due: each run is made once, also with several servers, and also if a server dies in a run.

The claim of a run and the build of the run are made in one transaction. The first server makes both; if a server dies
before the commit, the job is still due. If a job missed several runs, one run makes up for all of them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app import background
from app.builds.cron import flow, store
from app.builds.cron.model import Cron
from app.builds.cron.pace import Pace
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import AppError, NotFound, NothingToRun
from app.repos import store as repos
from app.repos.model import Repo
from app.scm.host import passes

log = logging.getLogger(__name__)

#: Runs that begin at the same time, at most: each may start a git process.
ROOM = 8
#: Jobs that are read together.
PAGE = 100
#: Seconds of the clock after which all jobs are looked at, for those whose next run is too far off.
CHECK = 600.0
#: Seconds before each further attempt at a run whose repository, disk or database does not answer.
PAUSES = (5.0, 15.0, 45.0)
#: Seconds without a further attempt at a job for which neither a build nor an error build could be made.
HOLD = 30.0


class Scheduler:
    """Waits for the next job that is due, and begins its run.

    Call `wake` after this server changed a job; changes by other servers are seen after at most `interval` seconds.
    `clock` returns Unix seconds. If the clock is set back by less than the period of a job, no run of the job is made
    twice. If the clock was ahead for longer, the job is due anew at the next moment of its expression.
    """

    def __init__(self, ports: Ports, *, clock: Callable[[], float], interval: float, pace: Pace) -> None:
        self._ports = ports
        self._clock = clock
        self._interval = interval
        self._pace = pace
        #: The clock when all jobs were last looked at.
        self._checked = float("inf")
        self._loop = background.Loop(
            self.look, log, "the cron jobs could not be read", "the scheduler met an internal error"
        )
        self._room = asyncio.Semaphore(ROOM)
        #: The runs under way, by the job's id.
        self._runs: dict[int, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Look at the jobs now."""
        self._loop.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve while the block lasts."""
        self._loop.wake()
        try:
            async with background.serving(self._loop.run()):
                yield
        finally:
            for run in self._runs.values():
                run.cancel()
            await asyncio.gather(*self._runs.values(), return_exceptions=True)

    async def look(self) -> float:
        """Begin every run that is due, and return the seconds until another run may be due."""
        now = self._clock()
        if not self._checked <= now < self._checked + CHECK:  # the time has come, or the clock was set back
            await self._bring_back(int(now))
            self._checked = now
        jobs = await self._ports.db.read(store.soonest(PAGE + len(self._runs)))
        for job in jobs:
            if job.next > now:
                return min(job.next - now, self._interval)
            if job.id not in self._runs:
                self._begin(job)
        return self._interval

    async def _bring_back(self, now: int) -> None:
        """Compute anew when each job is due whose next run is further off than one of its periods."""
        last = 0
        while jobs := await self._ports.db.read(store.after(last, PAGE)):
            for job in jobs:
                if job.next > now and self._pace.is_astray(job, now):
                    due = self._pace.due(job, now)
                    log.warning(
                        "a cron job was due too late, as if the clock had been ahead",
                        extra={"repo_id": job.repo_id, "cron": job.name, "was": job.next, "is": due},
                    )
                    await self._ports.db.write(store.move(job, due))
            last = jobs[-1].id

    def _begin(self, job: Cron) -> None:
        def ended(_: asyncio.Task[None]) -> None:
            del self._runs[job.id]
            self._loop.wake()  # the job may be due again, or have taken the place of another on the page

        run = self._runs[job.id] = asyncio.create_task(self._run(job))
        run.add_done_callback(ended)

    async def _run(self, job: Cron) -> None:
        """One run. An error of the run is logged here, and does not stop other jobs or later runs."""
        try:
            repo = await self._ports.db.read(repos.find(job.repo_id))
            if repo.active:
                await self._run_in(repo, job)
            else:
                await self._ports.db.write(self._claim(job))
        except (store.Claimed, NotFound):  # another server has the run, or the repository was deleted
            return
        except Exception as error:  # a bug in one job must not end the others
            known = isinstance(error, AppError)
            self._log(logging.ERROR, "a cron job could neither run nor fail", job, error, exc_info=not known)
            await asyncio.sleep(HOLD)

    async def _run_in(self, repo: Repo, job: Cron) -> None:
        """Attempt a run, and repeat it after errors that may pass; if all attempts fail, make an error build.

        There is no further attempt when the job would be due again before it, or after an error that does not pass.
        """
        pauses = iter(PAUSES)
        while (error := await self._try(repo, job)) is not None:
            pause = next(pauses, None) if passes(error) else None
            if pause is None or self._clock() + pause >= self._following(job):
                self._log(logging.WARNING, "a cron job failed", job, error)
                await flow.fail(self._ports, repo, job, error.message, claim=self._claim(job))
                return
            self._log(logging.WARNING, "a cron job is tried again a little later", job, error)
            await asyncio.sleep(pause)

    async def _try(self, repo: Repo, job: Cron) -> AppError | None:
        """Attempt a run; return the error that prevented the build, if there was one."""
        try:
            async with self._room:
                await flow.run(self._ports, repo, job, claim=self._claim(job))
        except store.Claimed:
            raise
        except NothingToRun as error:
            self._log(logging.INFO, "a cron job had nothing to run", job, error)
            await self._ports.db.write(self._claim(job))
        except AppError as error:
            return error
        return None

    def _claim(self, job: Cron) -> Tx[None]:
        return store.claim(job, now=int(self._clock()), next=self._following(job))

    def _following(self, job: Cron) -> int:
        """When the job is due next after now."""
        return self._pace.due(job, int(self._clock()), since=job.next)

    def _log(self, level: int, text: str, job: Cron, error: Exception, *, exc_info: bool = False) -> None:
        about = {"repo_id": job.repo_id, "cron": job.name, "reason": str(error)}
        log.log(level, text, extra=about, exc_info=exc_info)
