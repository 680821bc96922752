"""Routes of targets: what runs where, and what was begun there since. Drone has no such calls."""

from collections.abc import Sequence
from typing import NotRequired

from starlette.requests import Request
from typing_extensions import TypedDict

from app.accounts.auth import ACCOUNT, Caller
from app.builds import targets
from app.builds.api.request import State
from app.builds.behind import Pair
from app.builds.targets import Target
from app.builds.wire import BuildJSON, build_json
from app.db.tx import Tx
from app.db.window import Part
from app.repos.access import READ, Access
from app.repos.api.repos import SLUGS
from app.repos.model import Repo, source
from app.repos.paths import REPO
from app.repos.wire import RepoJSON, repo_json
from app.web import paging
from app.web.reply import JSON
from app.web.route import PAGE, Endpoint


class TargetJSON(TypedDict):
    """A target: the last promotion or rollback that succeeded there, and what was begun after it.

    `declared` says whether the pipeline file of the default branch names the target. `current` is absent if no
    promotion ever succeeded. `since` are the builds that were begun after `current` and
    wait, run or failed, newest first, at most five: they do not change what runs. `before` is the target
    that stands before this one, and `behind` how many commits run there and not here: at most 250, and null if that is
    not known (yet), as where the host cannot compare commits.
    """

    name: str
    declared: bool
    current: NotRequired[BuildJSON]
    since: list[BuildJSON]
    before: NotRequired[str]
    behind: int | None


class RepoTargetsJSON(RepoJSON):
    """A repository with its targets: those of its pipeline file, then the others as they were first promoted to."""

    targets: list[TargetJSON]


async def list_of_repo(request: Request[State], found: Access, listed: Sequence[Target]) -> JSON[list[TargetJSON]]:
    """What runs in each target of a repository, and what was begun there since.

    First stand the targets that the pipeline file of the default branch names, in its order, as the newest build of
    that branch has read it. Any other target is listed from the first promotion to it on, in the order of these, until
    it is taken off the list of deployments.
    """
    ((_, made),) = await _made(request, [(found.repo, listed)])
    return JSON(made)


def _of_repo(_: Request[State], found: Access) -> Tx[Sequence[Target]]:
    return targets.of_repo(found.repo.id)


async def list_all(
    request: Request[State], _: Caller, part: Part[tuple[Repo, Sequence[Target]]]
) -> JSON[list[RepoTargetsJSON]]:
    """What runs in the targets of all repositories that the caller may read and that have any, by slug."""
    links = paging.links(request, part, lambda pair: pair[0].slug)
    made = await _made(request, part.items)
    return JSON([RepoTargetsJSON(**repo_json(repo), targets=its) for repo, its in made], headers=links)


def _page(request: Request[State], caller: Caller) -> Tx[Part[tuple[Repo, Sequence[Target]]]]:
    return targets.page(caller.user, paging.window(request, SLUGS), request.state["now"]())


async def _made(
    request: Request[State], listed: Sequence[tuple[Repo, Sequence[Target]]]
) -> list[tuple[Repo, list[TargetJSON]]]:
    places = ((repo, its, at) for repo, its in listed for at in range(len(its)))
    asked = list(dict.fromkeys(pair for place in places if (pair := pair_of(*place)) is not None))
    counts = dict(zip(asked, await request.state["behind"].counts(asked), strict=True))

    def made(repo: Repo, its: Sequence[Target], at: int) -> TargetJSON:
        target, pair = its[at], pair_of(repo, its, at)
        whole = TargetJSON(
            name=target.name,
            declared=target.declared,
            since=[build_json(build) for build in target.since],
            behind=None,
        )
        if target.current is not None:
            whole["current"] = build_json(target.current)
        if at:
            whole["before"] = its[at - 1].name
        if pair is not None:
            whole["behind"] = counts[pair]
        return whole

    return [(repo, [made(repo, its, at) for at in range(len(its))]) for repo, its in listed]


def pair_of(repo: Repo, its: Sequence[Target], at: int) -> Pair | None:
    """The commits that tell how far a target is behind the one before it; None where nothing runs in one of the two."""
    here, before = its[at].current, its[at - 1].current if at else None
    if here is None or before is None or not (here.after and before.after):
        return None
    return Pair(source(repo), here.after, before.after)


routes = [
    Endpoint("GET", REPO / "targets", list_of_repo, operation="builds.list_targets", needs=READ, reads=_of_repo),
    Endpoint(
        "GET",
        "/api/targets",
        list_all,
        operation="builds.list_all_targets",
        needs=ACCOUNT,
        reads=_page,
        query=PAGE,
        errors=[400],
    ),
]
