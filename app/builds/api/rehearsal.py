"""`dry_run=true`: the build that a call would make, and what would change. Nothing is stored, announced or numbered."""

from collections.abc import Mapping
from typing import NotRequired, TypeAlias

from starlette.requests import Request
from typing_extensions import TypedDict

from app.builds import rehearsal
from app.builds.api.compare import CommitJSON, commit_json
from app.builds.api.request import State
from app.builds.model import Build
from app.builds.rehearsal import Changes
from app.builds.wire import BuildJSON, build_json
from app.errors import Invalid, Problem
from app.repos.model import Repo
from app.web.reply import JSON
from app.web.route import Param

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
    found = await rehearsal.of(request.state["ports"], repo, made, given, old)
    told = RehearsalJSON(params_from=found.params_from)
    if found.current is not None:
        told["current"] = build_json(found.current)
    if found.changes is not None:
        told["changes"] = _changes(repo, found.changes)
    return JSON(RehearsedJSON(**build_json(found.build, stages=True), dry_run=told))


def _changes(repo: Repo, found: Changes) -> ChangesJSON:
    new, undone, files = found.commits, found.undone, found.files
    made = ChangesJSON(
        before=found.before,
        after=found.after,
        link=f"/api/repos/{repo.slug}/compare/{found.before}...{found.after}",
        commits=[commit_json(commit) for commit in new] if new is not None else None,
        undone=[commit_json(commit) for commit in undone] if undone is not None else None,
        files=list(files) if files is not None else None,
    )
    if found.reason:
        made["reason"] = found.reason
    return made
