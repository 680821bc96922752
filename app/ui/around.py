"""What is around a build: where its parameters come from, what it changes in its target, and who decides about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from app.builds import everywhere, paths, stages, store, targets
from app.builds.api.request import State
from app.builds.behind import Pair
from app.builds.model import Build, Stage
from app.db.tx import Tx
from app.errors import NotFound
from app.evolve import evolve
from app.repos import store as repos
from app.repos.access import Access
from app.repos.model import Repo, source
from app.scm.forge import MOST_COMMITS
from app.ui import decisions, frame, views
from app.ui.decisions import Decision
from app.ui.frame import Read

#: Administrators of a repository who are named to those who may ask them; one more is read, to tell of more.
NAMED = 5


@dataclass(frozen=True, slots=True)
class Around:
    """A build with its stages, and what is read with it."""

    build: Build
    #: The build that it was made of.
    parent: Build | None
    #: Of a promotion or a rollback: what ran in the target before; what runs there now, if it has not begun.
    before: Build | None
    #: What the target would be rolled back to; None unless the build is what runs there.
    earlier: Build | None
    #: Who may approve it, if it waits, and if the caller may know; NAMED of them, or one more for many.
    administrators: Sequence[str]
    #: What was decided about it, the first decision first.
    decisions: Sequence[Decision]

    @property
    def blocked(self) -> Sequence[Stage]:
        """The stages that wait for approval."""
        return _blocked(self.build)

    @property
    def whom(self) -> str:
        """The administrators in words."""
        return views.named(self.administrators, NAMED)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a build, and the number of the build that it comes from; 0 for one that was given."""

    name: str
    value: str
    source: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a promotion or a rollback changes: how many commits it adds to what ran before, and how many it undoes.

    None where that is not known, or not yet.
    """

    before: Build
    added: int | None
    undone: int | None

    @property
    def words(self) -> str:
        """The counts in words: `5 commits`, `2 commits undone`; empty where none is known."""
        if self.added == self.undone == 0:
            return "no other commits"
        added, undone = (_commits(count) for count in (self.added, self.undone))
        return views.listed([one for one in (added, undone and f"{undone} undone") if one])


def _commits(count: int | None) -> str:
    if not count:
        return ""
    return f"{count} commits or more" if count == MOST_COMMITS else views.amount(count, "commit")


def build_of(request: Request[State], found: Access) -> Tx[Build]:
    """The build that the path names, without its stages. NotFound, which says of a build that is gone that it is."""
    number, repo = paths.number(request), found.repo
    build = yield from store.find_numbered_if_any(repo.id, number)
    if build is not None:
        return build
    if not 0 < number <= repo.counter:
        raise NotFound(f"build {number} not found")
    by = f"; gantry audit ls {repo.slug} --verb builds.purge says by whom" if found.may("admin") else ""
    raise NotFound(f"build {number} is gone: it was purged with its logs, or its number was never used{by}")


def reads(request: Request[State], found: Access) -> Tx[Around]:
    """The build that the path names, and what is around it; NotFound."""
    build = yield from build_of(request, found)
    build = evolve(build, stages=(yield from stages.list_of(build.id)))
    parent = (yield from store.find_numbered_if_any(found.repo.id, build.parent)) if build.parent else None
    before = (yield from everywhere.before([build])).get(build.id)
    earlier = (yield from _earlier(build)) if build.deploy_to and build.status == "success" else None
    naming = repos.people(found.repo.id, "admin", NAMED + 1, request.state["now"]())
    named = (yield from naming) if _blocked(build) and found.is_granted else ()
    return Around(build, parent, before, earlier, named, (yield from decisions.of_build(found, build)))


async def read_again(request: Request[State], found: Access) -> Read[Around]:
    """The same, for the answer to a form that did not do what it is for."""
    return await request.state["db"].read(frame.reading(reads)(request, found))


def _blocked(build: Build) -> Sequence[Stage]:
    return [stage for stage in build.stages if stage.status == "blocked"]


def _earlier(build: Build) -> Tx[Build | None]:
    now, earlier = yield from targets.before(build.repo_id, build.deploy_to)
    return earlier if now is not None and now.id == build.id else None


def parameters(around: Around) -> Sequence[Parameter]:
    """The parameters of a build."""
    parent = around.parent
    inherited = parent.params.items() if parent else ()
    return [
        Parameter(name, value, parent.number if parent and (name, value) in inherited else 0)
        for name, value in around.build.params.items()
    ]


async def changes(
    request: Request[State], places: Sequence[tuple[Repo, Build, Build | None]], patience: float = 0
) -> Sequence[Change | None]:
    """What builds change, each with what ran before; what is not known in time is counted for the next look."""
    pairs = [pair for repo, build, before in places if before for pair in _pairs(repo, build, before)]
    known = dict(zip(pairs, await request.state["behind"].counts(pairs, patience), strict=True))

    def change(repo: Repo, build: Build, before: Build | None) -> Change | None:
        return Change(before, *map(known.get, _pairs(repo, build, before))) if before else None

    return [change(*place) for place in places]


def _pairs(repo: Repo, build: Build, before: Build) -> Sequence[Pair]:
    """The commits that tell what is added, and those that tell what is undone."""
    where = source(repo)
    return Pair(where, before.after, build.after), Pair(where, build.after, before.after)
