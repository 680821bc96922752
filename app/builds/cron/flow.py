"""How cron jobs are made, changed and run. A run is a build of the branch, or a promotion (Drone has no such jobs)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.builds import flow as builds
from app.builds import store as built
from app.builds.cron import expression, store
from app.builds.cron.model import LATEST_SUCCESS, Cron
from app.builds.cron.pace import Pace
from app.builds.model import Build
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import AppError, Invalid, NothingToRun, Problem
from app.moments import Actor
from app.repos.model import Repo, source
from app.scm.host import Commit

#: The trigger of the builds of jobs, also when a user runs a job out of turn.
TRIGGER = "@cron"
TARGET_MISSING = "a job with event promote needs a target: the environment that it promotes to"


def create(job: Cron, now: int, pace: Pace, *, free: bool = False) -> Tx[Cron]:
    """A new job, first due at the first moment after `now` that its expression names. Invalid, Conflict.

    `free`: an administrator of the server adds the job, and may set it to run more often than the pace allows.
    """
    job = pace.admit(job, free=free)
    if job.event != "promote":
        job = replace(job, target="")  # as recorded
    due = expression.next_after(job.expr, now, zone=job.zone)
    return (yield from store.create(replace(_fitting(job), next=due, created=now, updated=now)))


def update(
    repo_id: int, name: str, changes: Mapping[str, Any], now: int, pace: Pace, *, free: bool = False
) -> Tx[Cron]:
    """Change some fields of a job; NotFound, Invalid. `free` as in `create`.

    A job that is enabled again does not make up for the runs that it missed while it was disabled.
    """
    old = yield from store.lock(repo_id, name)
    new = _fitting(replace(old, **changes))
    if new.expr != old.expr or (free and "expr" in changes):
        new = pace.admit(new, free=free)
    if (new.expr, new.zone) != (old.expr, old.zone) or (old.disabled and not new.disabled):
        new = replace(new, next=expression.next_after(new.expr, now, zone=new.zone))
    return (yield from store.save(replace(new, updated=now, version=old.version + 1)))


def _fitting(job: Cron) -> Cron:
    """The job with the `parent` that its event needs; Invalid for a job that promotes and has no target."""
    if job.event != "promote":
        return replace(job, parent="")
    if not job.target:
        raise Invalid.of([Problem("target", "missing_target", f"target: {TARGET_MISSING}")])
    return replace(job, parent=LATEST_SUCCESS)


async def run(ports: Ports, repo: Repo, job: Cron, *, by: Actor | None = None, claim: Tx[None] | None = None) -> Build:
    """Build the head of a job's branch, or promote the newest successful build of the branch.

    Without `by` the actor is the job. `claim` is part of the transaction that makes the build. NothingToRun, NotFound
    if the branch does not exist, Unreadable, Unavailable, Invalid.
    """
    if job.event == "promote":
        return await _promote(ports, repo, job, by or _actor(job), claim)
    commit = await ports.hosts.branch(source(repo), job.branch)
    return await builds.start(ports, repo, _draft(repo, job, commit), "build.cron", by or _actor(job), claim=claim)


async def _promote(ports: Ports, repo: Repo, job: Cron, by: Actor, claim: Tx[None] | None) -> Build:
    green = await ports.db.read(built.latest_success(repo.id, _ref(job)))
    if green is None:
        raise NothingToRun(f"nothing to promote: branch {job.branch} has no successful build yet")
    return await builds.promote(
        ports, repo, green, target=job.target, by=by, params={}, cron=job.name, trigger=TRIGGER, claim=claim
    )


async def fail(ports: Ports, repo: Repo, job: Cron, error: str, *, claim: Tx[None]) -> Build:
    """Make an error build that says why a run could not begin: users see builds, but not the log of the server."""
    draft = _draft(repo, job, Commit("", "", "", "", "", 0))
    if job.event == "promote":
        draft = replace(draft, event="promote", deploy_to=job.target)
        return await builds.fail(ports, repo, draft, error, "build.promote", _actor(job), claim=claim)
    draft = await _with_commit(ports, repo, job) or draft
    return await builds.fail(ports, repo, draft, error, "build.cron", _actor(job), claim=claim)


def _actor(job: Cron) -> Actor:
    return Actor("cron", job.name)


async def _with_commit(ports: Ports, repo: Repo, job: Cron) -> Build | None:
    """The draft of the branch's head; None if the head cannot be read."""
    try:
        return _draft(repo, job, await ports.hosts.branch(source(repo), job.branch))
    except AppError:
        return None


def _draft(repo: Repo, job: Cron, commit: Commit) -> Build:
    """The draft of a run (contract drone-rest 4.1, "cron exec")."""
    known = builds.draft_of(repo, commit)
    return replace(
        known,
        trigger=TRIGGER,
        sender=known.author_login,
        event="cron",
        ref=_ref(job),
        target_branch=job.branch,
        cron=job.name,
    )


def _ref(job: Cron) -> str:
    return f"refs/heads/{job.branch}"
