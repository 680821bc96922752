"""The end of a repository: disabled, or deleted with all its builds and their logs (contract drone-rest 3.3)."""

from collections.abc import Sequence
from contextlib import suppress

from app.builds import stages, steps, stop, store
from app.builds.moments import Doing, Happened
from app.builds.ports import Ports
from app.db.tx import each
from app.errors import NotFound
from app.moments import Actor, Recorders
from app.repos import moments, settings
from app.repos.model import Repo, source


async def remove(ports: Ports, repo: Repo, by: Actor) -> Repo:
    """Delete a repository with its builds, logs and mirrors; NotFound when another request has deleted it before.

    Files are deleted before the rows, so that the request can be repeated if the server ends in between. They are
    deleted once more after the rows, because a runner may have written logs in the meantime.
    """
    for _, number in await ports.db.read(stages.held(repo.id)):
        with suppress(NotFound):  # deleted meanwhile
            await stop.cancel(ports, repo, number, by)
    await _clear(ports, repo, await ports.db.read(steps.ids_of_repo(repo.id)))
    removing = _remove(repo.id, by, ports.now(), ports.moments.recorders)
    removed, step_ids = await ports.moments.carry_out(removing, many=True)
    await _clear(ports, repo, step_ids)
    return removed


def _remove(repo_id: int, by: Actor, now: int, recorders: Recorders) -> Doing[tuple[Repo, Sequence[int]]]:
    """The repository as it was, and the ids of the steps whose logs are to be deleted."""
    repo = yield from settings.disable(repo_id, now)  # from here on no new build gets a number
    unfinished = yield from stages.held(repo_id)
    builds = yield from each(store.whole(build_id) for build_id, _ in unfinished)
    step_ids = yield from steps.ids_of_repo(repo_id)
    yield from settings.delete(repo)
    yield from recorders.record(moments.deleted(by, repo))
    return (repo, step_ids), [
        Happened("build.delete", build.id, by, repo=repo, build=build, old=build) for build in builds
    ]


async def _clear(ports: Ports, repo: Repo, step_ids: Sequence[int]) -> None:
    await ports.logs.remove(step_ids)
    await ports.hosts.forget(source(repo))
