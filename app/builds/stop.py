"""Ending builds before their time: because somebody says so, or because a newer one takes their place."""

from app.builds import stages, store
from app.builds.model import DONE, Build, Status
from app.builds.ports import Ports
from app.db.tx import Tx, many
from app.repos.model import Repo

#: Older builds of the same event and ref that nobody has begun to run.
OLDER_PENDING = """
    SELECT id FROM builds
    WHERE repo_id = :repo_id AND status = 'pending' AND number < :number AND event = :event AND ref = :ref
"""
#: Those, and the ones that run.
OLDER = """
    SELECT id FROM builds
    WHERE repo_id = :repo_id AND status IN ('pending', 'running') AND number < :number AND event = :event AND ref = :ref
"""


def stop(build_id: int, status: Status, now: int) -> Tx[tuple[Build, bool]]:
    """End what is unfinished of a build, and the build as `status` if it was not over; whether anything was unfinished.

    What had started is `killed`, the rest `skipped` (`spec` drone-rpc 11.1).
    """
    build = yield from store.lock(build_id)
    stopped = yield from stages.stop_all(build_id, now)  # also of a declined build, whose other stages may run
    if build.status not in DONE:
        yield from store.set_status(build, status, now=now, finished=True)
    return (yield from store.whole(build_id)), stopped


def is_superseding(repo: Repo, event: str) -> bool:
    """Whether the repository asks that builds of this event take the place of older ones."""
    return (event == "push" and repo.auto_cancel_pushes) or (event == "pull_request" and repo.auto_cancel_pull_requests)


def supersede(repo: Repo, build: Build, now: int) -> Tx[list[Build]]:
    """End the older builds whose place a new one takes: they are `skipped` (`spec` drone-rpc 11.2)."""
    sql = OLDER if repo.auto_cancel_running else OLDER_PENDING
    rows = yield from many(sql, repo_id=repo.id, number=build.number, event=build.event, ref=build.ref)
    ended: list[Build] = []
    for row in rows:
        older, _ = yield from stop(row["id"], "skipped", now)
        ended.append(older)
    return ended


def tell(ports: Ports, repo: Repo, stopped: Build) -> None:
    """Say that a build was ended: to its runners, to those who follow it, and to stages that wait for room."""
    ports.ended.publish(stopped.id)
    ports.queued.publish(stopped.id)
    ports.tell(repo, stopped)
    for stage in stopped.stages:
        for step in stage.steps:
            ports.logs.close(step.id)
