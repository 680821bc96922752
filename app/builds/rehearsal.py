"""What a verb that begins a build would change: what runs in the target, and what lies between that and the build."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.builds import targets
from app.builds.model import Build
from app.builds.ports import Ports
from app.errors import AppError
from app.evolve import evolve
from app.repos.model import Repo, source
from app.scm.forge import Comparison
from app.scm.host import Commit

#: Seconds that an answer waits for the host to compare commits.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What lies between what runs in a target, `before`, and the commit of a build, `after`.

    `commits` are new there, `undone` run there and the build has them not, both with the newest last; `files` are the
    paths that differ. All three are None where the host does not tell, and then `reason` says why.
    """

    before: str
    after: str
    commits: Sequence[Commit] | None = None
    undone: Sequence[Commit] | None = None
    files: Sequence[str] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The build that a verb would make, without numbers and ids, and what would change."""

    build: Build
    #: By parameter, where the value comes from: `given`, or `build 38`.
    params_from: Mapping[str, str]
    #: What runs in the target now; None where nothing does, or there is no target.
    current: Build | None
    #: None where nothing runs that the build could be compared with.
    changes: Changes | None


async def of(
    ports: Ports,
    repo: Repo,
    made: Build,
    given: Mapping[str, str],
    old: Build | None = None,
    patience: float = PATIENCE,
) -> Rehearsal:
    """The rehearsal that has made a build, out of an old build if there is one.

    The host is waited for `patience` seconds.
    """
    stages = tuple(evolve(stage, id=0, build_id=0) for stage in made.stages)
    inherited = f"build {old.number}" if old and old.number else "given"
    current = await ports.db.read(targets.current(repo.id, made.deploy_to)) if made.deploy_to else None
    compared = current is not None and current.after and made.after
    return Rehearsal(
        evolve(made, id=0, number=0, stages=stages),
        {name: "given" if name in given else inherited for name in made.params},
        current,
        await _changes(ports, repo, current.after, made.after, patience) if current and compared else None,
    )


async def _changes(ports: Ports, repo: Repo, before: str, after: str, patience: float) -> Changes:
    try:
        async with asyncio.timeout(patience):
            new, undone = await _compared(ports, repo, before, after)
    except TimeoutError:
        return Changes(before, after, reason=f"the host of the repository did not answer within {patience:g} seconds")
    except AppError as error:
        return Changes(before, after, reason=error.message)
    return Changes(before, after, new.commits, undone.commits, new.paths)


async def _compared(ports: Ports, repo: Repo, before: str, after: str) -> tuple[Comparison, Comparison]:
    """What is new, and what is undone."""
    if before == after:
        return Comparison((), ()), Comparison((), ())
    compare, of = ports.hosts.compare, source(repo)
    new, undone = await asyncio.gather(compare(of, before, after), compare(of, after, before))
    return new, undone
