"""Cells: what is shown of a target on the board, on the page of a repository and on its own page."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from app.builds import targets
from app.builds.api.targets import pair_of
from app.builds.behind import Behind
from app.builds.model import Build
from app.builds.targets import Target
from app.db.tx import Tx
from app.repos.access import Access
from app.repos.model import Repo
from app.ui import views


@dataclass(frozen=True, slots=True)
class Cell:
    """A target of a repository, between the ones before and after it."""

    repo: Repo
    target: Target
    before: Target | None
    #: The name of the target after it, where one promotes to next; empty for the last one.
    following: str
    #: How many commits run in the target before and not here; None where that is not known.
    behind: int | None
    #: Whether the caller may promote and roll back, and the number of the build to promote first; 0 for none.
    may_write: bool
    promotable: int

    def content(self, now: int) -> Hashable:
        """All that is shown of the cell at a time: equal contents are the same HTML."""
        build, before = self.target.current, self.before.current if self.before else None
        return (
            self.repo.slug,
            self.target.name,
            build
            and (
                build.number,
                build.after,
                build.ref,
                views.actor(build),
                _ended(build),
                views.age(_ended(build), now),
            ),
            tuple((later.number, views.mark_of(later)) for later in self.target.since),
            self.before and (self.before.name, before and before.number),
            (self.following, self.behind, self.may_write, self.promotable),
        )


def _ended(build: Build) -> int:
    return build.finished or build.created


@dataclass(frozen=True, slots=True)
class Listed:
    """A repository with its targets, and what the caller may do there."""

    repo: Repo
    targets: Sequence[Target]
    may_write: bool
    #: The number of the newest build of the default branch that succeeded; 0 for none, and where it is not needed.
    promotable: int = 0

    @property
    def is_open(self) -> bool:
        """Whether nothing has succeeded in one of the targets yet."""
        return any(target.current is None for target in self.targets)


def of_repo(found: Access, *, whole: bool = False) -> Tx[Listed]:
    """The repository of a page, with its targets; `whole` = what may be promoted is needed in any case."""
    listed = Listed(found.repo, (yield from targets.of_repo(found.repo.id)), found.may("write"))
    if not listed.may_write or not (whole or listed.is_open):
        return listed
    numbers = yield from targets.promotable([found.repo])
    return replace(listed, promotable=numbers[found.repo.id])


async def cells(behind: Behind, listed: Sequence[Listed]) -> Sequence[Sequence[Cell]]:
    """The cells of each repository; what is not counted yet is counted for the next time that somebody looks."""
    pairs = [[pair_of(one.repo, one.targets, at) for at in range(len(one.targets))] for one in listed]
    asked = list(dict.fromkeys(pair for row in pairs for pair in row if pair is not None))
    counts = dict(zip(asked, await behind.counts(asked, patience=0), strict=True))

    return [
        [
            Cell(
                one.repo,
                target,
                one.targets[at - 1] if at else None,
                one.targets[at + 1].name if at + 1 < len(one.targets) else "",
                counts[pair] if (pair := of_row[at]) is not None else None,
                one.may_write,
                one.promotable,
            )
            for at, target in enumerate(one.targets)
        ]
        for one, of_row in zip(listed, pairs, strict=True)
    ]
