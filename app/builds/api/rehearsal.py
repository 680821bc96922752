"""`dry_run=true`: the build that a call would make, and what would change. Nothing is stored, announced or numbered."""

import asyncio
from collections.abc import Mapping
from typing import NotRequired, TypeAlias

from starlette.requests import Request
from typing_extensions import TypedDict

from app.builds import targets
from app.builds.api.compare import CommitJSON, commits_json
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.ports import Ports
from app.builds.wire import BuildJSON, build_json
from app.errors import AppError, Invalid, Problem
from app.evolve import evolve
from app.repos.model import Repo, source
from app.scm.forge import Comparison
from app.web.reply import JSON
from app.web.route import Param

#: Seconds that an answer waits for the host to compare commits.
PATIENCE = 5.0
DRY_RUN = Param("dry_run", "`true`: only say what the call would do. No build has a parameter of this name.", form=True)


class ChangesJSON(TypedDict):
    """What lies between what runs in a target, `before`, and the commit of the build, `after`.

    `commits` are new there, `undone` are those that run there and the build has not, both with the newest last and at
    most the newest 250; `files` are the paths that differ. All three are null where the host does not tell, and then
    `reason` says why. `link` is the call that compares.
    """

    before: str
    after: str
    link: str
    commits: list[CommitJSON] | None
    undone: list[CommitJSON] | None
    files: list[str] | None
    reason: NotRequired[str]


class RehearsalJSON(TypedDict):
    """What a call would do: by parameter, where the value comes from (`given`, or `build 38`); what runs in the target
    now, if anything does; and what would change there."""

    params_from: Mapping[str, str]
    current: NotRequired[BuildJSON]
    changes: NotRequired[ChangesJSON]


class RehearsedJSON(BuildJSON):
    """The build that a call would make. Its `id` and `number` are 0, and so are the ids of its stages."""

    dry_run: RehearsalJSON


#: The answer of a call that begins a build.
Begun: TypeAlias = JSON[BuildJSON] | JSON[RehearsedJSON]


def is_asked(words: Mapping[str, str]) -> bool:
    """Whether only a rehearsal is asked for. Invalid for any value but true and false: one of them is meant."""
    said = words.get("dry_run", "false")
    if said not in ("true", "false"):
        text = f"dry_run must be true or false, not {said[:100]!r}; nothing was done"
        raise Invalid.of([Problem("dry_run", "bad_dry_run", text)])
    return said == "true"


async def answer(
    request: Request[State], repo: Repo, made: Build, given: Mapping[str, str], old: Build | None = None
) -> JSON[RehearsedJSON]:
    """The answer of a call that would make a build, out of an old build if there is one."""
    ports = request.state["ports"]
    stages = tuple(evolve(stage, id=0, build_id=0) for stage in made.stages)
    shown = build_json(evolve(made, id=0, number=0, stages=stages), stages=True)
    inherited = f"build {old.number}" if old and old.number else "given"
    told = RehearsalJSON(params_from={name: "given" if name in given else inherited for name in made.params})
    current = await ports.db.read(targets.current(repo.id, made.deploy_to)) if made.deploy_to else None
    if current is not None:
        told["current"] = build_json(current)
        if current.after and made.after:
            told["changes"] = await _changes(ports, repo, current.after, made.after)
    return JSON(RehearsedJSON(**shown, dry_run=told))


async def _changes(ports: Ports, repo: Repo, before: str, after: str) -> ChangesJSON:
    link = f"/api/repos/{repo.slug}/compare/{before}...{after}"
    changes = ChangesJSON(before=before, after=after, link=link, commits=None, undone=None, files=None)
    try:
        async with asyncio.timeout(PATIENCE):
            new, undone = await _compared(ports, repo, before, after)
    except TimeoutError:
        changes["reason"] = f"the host of the repository did not answer within {PATIENCE:g} seconds"
    except AppError as error:
        changes["reason"] = error.message
    else:
        changes["commits"], changes["undone"] = commits_json(new), commits_json(undone)
        changes["files"] = list(new.paths)
    return changes


async def _compared(ports: Ports, repo: Repo, before: str, after: str) -> tuple[Comparison, Comparison]:
    """What is new, and what is undone."""
    if before == after:
        return Comparison((), ()), Comparison((), ())
    compare, of = ports.hosts.compare, source(repo)
    new, undone = await asyncio.gather(compare(of, before, after), compare(of, after, before))
    return new, undone
