"""A decision about a build that waits for approval: approve, decline."""

from app.builds import protection, rules, stages, store
from app.builds.model import ERROR_LIMIT, Build, Stage
from app.builds.moments import Doing, Happened
from app.builds.ports import Ports
from app.builds.progress import settle
from app.db.tx import Tx
from app.errors import Invalid, NotFound, Problem
from app.evolve import evolve
from app.moments import Actor
from app.repos.model import Repo


async def approve(ports: Ports, repo: Repo, number: int, by: Actor, stage_number: int | None = None) -> None:
    """Let a blocked stage run, now or when the stages before it are over; without a number, all blocked stages.

    Of several decisions at the same time one counts; the other callers get Invalid, and so does a caller that names a
    stage that is not blocked (contract drone-rpc 11.5). Once all stages are approved, the pipeline file is, too.
    """
    await ports.moments.carry_out(_approve(repo, number, stage_number, by, ports.now()))


def _approve(repo: Repo, number: int, stage_number: int | None, by: Actor, now: int) -> Doing[None]:
    old = yield from _locked(repo.id, number)
    approved = _blocked(old, stage_number, 'Cannot approve a Pipeline with Status "{}"')
    for stage in approved:
        status = "waiting_on_dependencies" if stage.depends_on else rules.started(stage)
        yield from stages.set_status(stage, status, now)
    build, ended = yield from settle((yield from store.after_approval(old)), now)
    yield from protection.decide(build, now)
    ids = {*(stage.id for stage in approved), *ended}
    return None, [Happened("build.approve", build.id, by, repo=repo, build=build, old=old, stages=ids)]


async def decline(
    ports: Ports, repo: Repo, number: int, by: Actor, stage_number: int | None = None, *, reason: str = ""
) -> None:
    """Decline a blocked stage, or without a number all of them, and the build; other stages stay as they are.

    The pipeline file is declined with the stage: in a protected repository, no build begins with that file any more.
    `reason`, if given, becomes the error of the declined stages, and is recorded. Invalid for one that is too long.
    """
    reason = _checked(reason)
    await ports.moments.carry_out(_decline(repo, number, stage_number, by, reason, ports.now()))


def _checked(reason: str) -> str:
    """A reason as it is kept; Invalid."""
    reason = reason.strip().replace("\0", "\ufffd")
    if (size := len(reason.encode())) > ERROR_LIMIT:
        words = f"the reason has {size:,} bytes; at most {ERROR_LIMIT} are kept: write a shorter one"
        raise Invalid.of([Problem("reason", "reason_too_long", words)])
    return reason


def _decline(repo: Repo, number: int, stage_number: int | None, by: Actor, reason: str, now: int) -> Doing[None]:
    old = yield from _locked(repo.id, number)
    declined = _blocked(old, stage_number, 'Cannot decline build with status "{}"')
    for stage in declined:
        yield from stages.set_status(evolve(stage, error=reason), "declined", now)
    yield from store.decline(old, now)
    build = yield from store.whole(old.id)
    yield from protection.decide(build, now)
    ids = [stage.id for stage in declined]
    return None, [Happened("build.decline", build.id, by, repo=repo, build=build, old=old, stages=ids, reason=reason)]


def _locked(repo_id: int, number: int) -> Tx[Build]:
    """The build with its stages, read after the build was locked: no other transaction changes them now."""
    found = yield from store.find(repo_id, number)
    build = yield from store.lock(found.id)
    return evolve(build, stages=(yield from stages.list_of(build.id)))


def _blocked(build: Build, number: int | None, refusal: str) -> list[Stage]:
    """The stages that wait for approval, of all stages or with this number. NotFound; Invalid when none waits."""
    asked = [stage for stage in build.stages if number in (None, stage.number)]
    if number is not None and not asked:
        raise NotFound("Stage not found")
    blocked = [stage for stage in asked if stage.status == "blocked"]
    if not blocked:
        words = refusal.format(asked[0].status if asked else build.status)
        raise Invalid.of([Problem("number" if number is None else "stage", "not_blocked", words)])
    return blocked
