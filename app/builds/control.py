"""People's words on a build that exists: cancel, approve, decline."""

from app.builds import stages, store
from app.builds.model import DONE, Build, Stage
from app.builds.ports import Change, Ports
from app.builds.progress import settle
from app.db.tx import Tx
from app.errors import Invalid, NotFound
from app.repos.model import Repo


async def cancel(ports: Ports, repo: Repo, number: int) -> Build:
    """Stop a build: what had started is `killed`, the rest `skipped`. One that is over stays as it is."""
    build, stopped = await ports.db.write(_cancel(repo.id, number, ports.now()))
    if stopped:
        ports.ended.publish(build.id)
        ports.queued.publish(build.id)  # there may be room now for stages of other builds
        ports.changes.publish(Change(repo, build))
        for stage in build.stages:
            for step in stage.steps:
                ports.logs.close(step.id)
    return build


def _cancel(repo_id: int, number: int, now: int) -> Tx[tuple[Build, bool]]:
    found = yield from store.find(repo_id, number)
    build = yield from store.lock(found.id)
    stopped = yield from stages.stop_all(build.id, now)  # also of a declined build, which is not over
    if build.status not in DONE:
        yield from store.set_status(build, "killed", now=now, finished=True)
    return (yield from store.whole(build.id)), stopped


async def approve(ports: Ports, repo: Repo, number: int, stage_number: int) -> None:
    """Let a blocked stage run, now or when what it waits for is over (`spec` drone-rpc 11.5)."""
    build = await ports.db.write(_approve(repo.id, number, stage_number, ports.now()))
    ports.queued.publish(build.id)
    ports.changes.publish(Change(repo, build))


def _approve(repo_id: int, number: int, stage_number: int, now: int) -> Tx[Build]:
    build, stage = yield from _locked(repo_id, number, stage_number)
    if stage.status != "blocked":
        raise Invalid(f'Cannot approve a Pipeline with Status "{stage.status}"', code="not_blocked")
    yield from stages.set_status(stage, "waiting_on_dependencies" if stage.depends_on else "pending", now)
    return (yield from settle(build, now))


async def decline(ports: Ports, repo: Repo, number: int, stage_number: int) -> None:
    """Refuse a blocked stage, and with it the build; other stages stay as they are."""
    build = await ports.db.write(_decline(repo.id, number, stage_number, ports.now()))
    ports.changes.publish(Change(repo, build))


def _decline(repo_id: int, number: int, stage_number: int, now: int) -> Tx[Build]:
    build, stage = yield from _locked(repo_id, number, stage_number)
    if stage.status != "blocked":
        raise Invalid(f'Cannot decline build with status "{stage.status}"', code="not_blocked")
    yield from stages.set_status(stage, "declined", now)
    yield from store.decline(build, now)
    return (yield from store.whole(build.id))


def _locked(repo_id: int, number: int, stage_number: int) -> Tx[tuple[Build, Stage]]:
    found = yield from store.find(repo_id, number)
    build = yield from store.lock(found.id)
    all_stages = yield from stages.list_of(build.id)
    for stage in all_stages:
        if stage.number == stage_number:
            return build, stage
    raise NotFound("Stage not found")
