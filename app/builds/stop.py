"""Stops builds: because a user cancels a build, or because a newer build takes its place."""

from collections.abc import Collection

from app.builds import stages, store
from app.builds.model import DONE, Build, Status
from app.builds.moments import Doing, Happened, Verb
from app.builds.ports import Ports
from app.db.tx import Tx, many
from app.moments import Actor
from app.repos.model import Repo

#: Older builds of the same event and ref that no runner has begun to run.
OLDER_PENDING = """
    SELECT id FROM builds
    WHERE repo_id = :repo_id AND status = 'pending' AND number < :number AND event = :event AND ref = :ref
"""
#: Older builds of the same event and ref that wait or run.
OLDER = """
    SELECT id FROM builds
    WHERE repo_id = :repo_id AND status IN ('pending', 'running') AND number < :number AND event = :event AND ref = :ref
"""


def stop(build_id: int, status: Status, now: int) -> Tx[tuple[Build, Build, list[int]]]:
    """End the unfinished stages of a build, and the build with this status if it was not over.

    Returns the build before and after, and the ids of the stages that were unfinished.

    Stages and steps that had started are `killed`, the others `skipped` (contract drone-rpc 11.1).
    """
    build = yield from store.lock(build_id)
    stopped = yield from stages.stop_all(build_id, now)  # also of a declined build, whose other stages may run
    if build.status not in DONE:
        yield from store.set_status(build, status, now=now, finished=True)
    return build, (yield from store.whole(build_id)), stopped


def is_superseding(repo: Repo, event: str) -> bool:
    """Whether the repository's settings let a new build of this event take the place of older builds."""
    return (event == "push" and repo.auto_cancel_pushes) or (event == "pull_request" and repo.auto_cancel_pull_requests)


def supersede(repo: Repo, build: Build, by: Actor, now: int) -> Tx[list[Happened]]:
    """End the older builds whose place a new build takes: their status is `skipped` (contract drone-rpc 11.2)."""
    sql = OLDER if repo.auto_cancel_running else OLDER_PENDING
    rows = yield from many(sql, repo_id=repo.id, number=build.number, event=build.event, ref=build.ref)
    ended: list[Happened] = []
    for row in rows:
        old, new, stopped = yield from stop(row["id"], "skipped", now)
        ended.append(_stopped("build.supersede", repo, old, new, by, stopped))
    return ended


def _stopped(verb: Verb, repo: Repo, old: Build, new: Build, by: Actor, stopped: Collection[int]) -> Happened:
    steps = [step for stage in new.stages for step in stage.steps]
    return Happened(verb, new.id, by, repo=repo, build=new, old=old, steps=steps, stages=stopped)


async def cancel(ports: Ports, repo: Repo, number: int, by: Actor) -> Build:
    """Stop a build: stages that had started are `killed`, the others `skipped`. A build that is over is not changed."""
    return await ports.moments.carry_out(_cancel(repo, number, by, ports.now()))


def _cancel(repo: Repo, number: int, by: Actor, now: int) -> Doing[Build]:
    found = yield from store.find(repo.id, number)
    old, new, stopped = yield from stop(found.id, "killed", now)
    return new, [_stopped("build.cancel", repo, old, new, by, stopped)] if stopped else []
