"""What becomes of cron jobs: made, changed, run. A run is a build of the branch, or a promotion (ours)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.builds import flow as builds
from app.builds import store as built
from app.builds.cron import expression, store
from app.builds.cron.model import LATEST_SUCCESS, Cron
from app.builds.model import Build
from app.builds.ports import Ports
from app.db.tx import Tx
from app.errors import AppError, Invalid, NothingToRun, Problem
from app.moments import Actor
from app.repos.model import Repo, source
from app.scm.host import Commit

#: Who began the builds of jobs, whoever runs a job out of turn.
TRIGGER = "@cron"
TARGET_MISSING = "a job with event promote needs a target: the environment that it promotes to"


def create(job: Cron, now: int) -> Tx[Cron]:
    """A new job, due from now on. Invalid, Conflict."""
    if job.event != "promote":
        job = replace(job, target="")  # as recorded
    due = expression.next_after(job.expr, now)
    return (yield from store.create(replace(_fitting(job), next=due, created=now, updated=now)))


def update(repo_id: int, name: str, changes: Mapping[str, Any], now: int) -> Tx[Cron]:
    """Change some fields of a job; NotFound, Invalid. One that is enabled again is not due for the time it was off."""
    old = yield from store.lock(repo_id, name)
    new = _fitting(replace(old, **changes))
    if new.expr != old.expr or (old.disabled and not new.disabled):
        new = replace(new, next=expression.next_after(new.expr, now))
    return (yield from store.save(replace(new, updated=now, version=old.version + 1)))


def _fitting(job: Cron) -> Cron:
    """The job with what its event makes of the rest; Invalid when it cannot promote."""
    if job.event != "promote":
        return replace(job, parent="")
    if not job.target:
        raise Invalid.of([Problem("target", "missing_target", f"target: {TARGET_MISSING}")])
    return replace(job, parent=LATEST_SUCCESS)


async def run(ports: Ports, repo: Repo, job: Cron, *, by: Actor | None = None, claim: Tx[None] | None = None) -> Build:
    """Build the head of a job's branch, or promote the newest successful build of it.

    Without `by` the actor is the job. A claim holds or fails together with the build. NothingToRun, NotFound without
    such a branch, Unreadable, Unavailable, Invalid.
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
    """An error build that says why a run could not begin: nobody looks at a server's log every morning."""
    draft = _draft(repo, job, Commit("", "", "", "", "", 0))
    if job.event == "promote":
        draft = replace(draft, event="promote", deploy_to=job.target)
        return await builds.fail(ports, repo, draft, error, "build.promote", _actor(job), claim=claim)
    draft = await _with_commit(ports, repo, job) or draft
    return await builds.fail(ports, repo, draft, error, "build.cron", _actor(job), claim=claim)


def _actor(job: Cron) -> Actor:
    return Actor("cron", job.name)


async def _with_commit(ports: Ports, repo: Repo, job: Cron) -> Build | None:
    """The draft of the branch's head, where it can be read."""
    try:
        return _draft(repo, job, await ports.hosts.branch(source(repo), job.branch))
    except AppError:
        return None


def _draft(repo: Repo, job: Cron, commit: Commit) -> Build:
    """Contract drone-rest 4.1, "cron exec"."""
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
