"""People's words on a build that exists: cancel, approve, decline."""

from dataclasses import replace

from app.builds import stages, stop, store
from app.builds.model import Build, Stage
from app.builds.ports import Ports
from app.builds.progress import settle
from app.db.tx import Tx
from app.errors import Invalid, NotFound, Problem
from app.repos.model import Repo


async def cancel(ports: Ports, repo: Repo, number: int) -> Build:
    """Stop a build: what had started is `killed`, the rest `skipped`. One that is over stays as it is."""
    build, stopped = await ports.db.write(_cancel(repo.id, number, ports.now()))
    if stopped:
        stop.tell(ports, repo, build)
    return build


def _cancel(repo_id: int, number: int, now: int) -> Tx[tuple[Build, bool]]:
    found = yield from store.find(repo_id, number)
    return (yield from stop.stop(found.id, "killed", now))


async def approve(ports: Ports, repo: Repo, number: int, stage_number: int | None = None) -> None:
    """Let a blocked stage run, now or when what it waits for is over (`spec` drone-rpc 11.5); without its number, all.

    Of several who decide at one moment one does; the others get Invalid, as does who names what is not blocked.
    """
    build = await ports.db.write(_approve(repo.id, number, stage_number, ports.now()))
    ports.queued.publish(build.id)
    ports.tell(repo, build)


def _approve(repo_id: int, number: int, stage_number: int | None, now: int) -> Tx[Build]:
    build = yield from _locked(repo_id, number)
    for stage in _blocked(build, stage_number, 'Cannot approve a Pipeline with Status "{}"'):
        yield from stages.set_status(stage, "waiting_on_dependencies" if stage.depends_on else "pending", now)
    return (yield from settle(build, now))


async def decline(ports: Ports, repo: Repo, number: int, stage_number: int | None = None) -> None:
    """Refuse a blocked stage, without its number all, and with it the build; other stages stay as they are."""
    build = await ports.db.write(_decline(repo.id, number, stage_number, ports.now()))
    ports.tell(repo, build)


def _decline(repo_id: int, number: int, stage_number: int | None, now: int) -> Tx[Build]:
    build = yield from _locked(repo_id, number)
    for stage in _blocked(build, stage_number, 'Cannot decline build with status "{}"'):
        yield from stages.set_status(stage, "declined", now)
    yield from store.decline(build, now)
    return (yield from store.whole(build.id))


def _locked(repo_id: int, number: int) -> Tx[Build]:
    """The build with its stages as they are once nobody else changes them."""
    found = yield from store.find(repo_id, number)
    build = yield from store.lock(found.id)
    return replace(build, stages=(yield from stages.list_of(build.id)))


def _blocked(build: Build, number: int | None, refusal: str) -> list[Stage]:
    """The stages that wait for approval, among all or at this number. NotFound; Invalid when there are none."""
    asked = [stage for stage in build.stages if number in (None, stage.number)]
    if number is not None and not asked:
        raise NotFound("Stage not found")
    blocked = [stage for stage in asked if stage.status == "blocked"]
    if not blocked:
        words = refusal.format(asked[0].status if asked else build.status)
        raise Invalid.of([Problem("number" if number is None else "stage", "not_blocked", words)])
    return blocked
