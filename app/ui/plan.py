"""What a form that begins a build would do, before it is sent: the same verb as the form's, rehearsed."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from starlette.requests import Request

from app.builds import flow, rehearsal, requests
from app.builds.api.request import State
from app.builds.config.files import PipelineFile
from app.builds.model import DONE, Build, Stage
from app.builds.ports import Ports
from app.builds.rehearsal import Changes, Rehearsal
from app.builds.requests import Once
from app.errors import AppError, Conflict, Problem
from app.evolve import evolve
from app.pipeline.document import BadPipeline
from app.pipeline.model import Config
from app.repos.access import Access
from app.repos.model import Repo, source
from app.ui import graph, views
from app.ui.actions import Form
from app.ui.faults import Fault, faults
from app.ui.params import Params
from app.ui.views import Mark

#: Seconds that a page waits for the host of a repository: to read the pipeline file, and to compare commits.
PATIENCE = 2.0
#: Commits and files of a list that are shown.
LISTED = 20
#: The field with the key of a form, so that a form that is sent twice begins one build.
KEY = "form-key"
#: Fields with the target and the build or commit whose plan was shown, and the number of the build that ran there then.
SEEN_TARGET, SEEN_SOURCE, SEEN_BUILD = "seen-target", "seen-source", "seen-build"
#: The field for a target that the pipeline file does not name.
OTHER = "other-target"
#: Words of the query that are no parameters.
RESERVED = frozenset({"target", "access_token", "dry_run"})

#: A verb that begins a build, with the key of its request.
Begin: TypeAlias = Callable[[Ports, Once | None], Awaitable[Build]]

_FINE, _WRONG = Mark("success", "yes", "success", "✓"), Mark("failed", "no", "failed", "✗")
_CARE, _LATER = Mark("error", "note", "waits", "!"), Mark("waits", "waits", "waits", "‖")


@dataclass(frozen=True, slots=True)
class Check:
    """Something to know before a build is begun: whether it is as it should be, in words."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen. Where the verb would refuse, `refusal` says why, and there is no rehearsal."""

    rehearsal: Rehearsal | None = None
    columns: Sequence[Sequence[Stage]] = ()
    checks: Sequence[Check] = ()
    refusal: str = ""
    #: What is wrong with what was typed; of a refusal.
    problems: Sequence[Problem] = ()
    #: The path of the pipeline file, if the file would change in the target.
    changed_file: str = ""

    @property
    def current(self) -> Build | None:
        """What runs in the target."""
        return self.rehearsal.current if self.rehearsal else None

    @property
    def changes(self) -> Changes | None:
        """What would change in the target."""
        return self.rehearsal.changes if self.rehearsal else None


@dataclass(frozen=True, slots=True)
class File:
    """The pipeline file of a commit: None as its content where it cannot be read or used, and why."""

    config: Config | None = None
    fault: str = ""
    #: The place and the text of a file that has problems.
    path: str = ""
    text: str = ""

    @property
    def faults(self) -> Sequence[Fault]:
        """Why the file is not known, each problem beside its lines."""
        return faults(self.fault, self.path, self.text)

    @property
    def targets(self) -> Sequence[str]:
        """The targets that the file names, in its order."""
        return self.config.declared if self.config else ()

    @property
    def takes_others(self) -> bool:
        """Whether targets that the file does not name may start pipelines, too; also where the file is not known."""
        return self.config is None or set(self.config.targets) != set(self.targets) or not self.config.targets


async def file_of(request: Request[State], repo: Repo, draft: Build) -> File:
    """The pipeline file that a draft would run; the host is waited for PATIENCE seconds."""
    return await _read(repo, lambda: request.state["ports"].configs.load(repo, draft))


async def head_of(request: Request[State], repo: Repo) -> File:
    """The pipeline file at the head of the default branch; the host is waited for PATIENCE seconds."""
    ports = request.state["ports"]

    async def load() -> PipelineFile:
        commit = await ports.hosts.branch(source(repo), repo.default_branch)
        branch = repo.default_branch
        draft = evolve(flow.draft_of(repo, commit), event="custom", ref=f"refs/heads/{branch}", target_branch=branch)
        return await ports.configs.load(repo, draft)

    return await _read(repo, load)


async def _read(repo: Repo, load: Callable[[], Awaitable[PipelineFile]]) -> File:
    try:
        async with asyncio.timeout(PATIENCE):
            found = await load()
    except TimeoutError:
        return File(fault=f"the host did not send {repo.config_path} within {PATIENCE:g} seconds")
    except AppError as error:
        return File(fault=error.message)
    if isinstance(found.config, BadPipeline):
        return File(fault=found.config.text(found.path), path=found.path, text=found.text)
    return File(found.config)


async def draw(request: Request[State], found: Access, begin: Begin, filled: Params, old: Build | None = None) -> Plan:
    """The plan of a verb that would make a build, out of an old one if there is one."""
    ports = request.state["ports"]
    try:
        made = await begin(ports.rehearsing(), None)
    except AppError as error:
        problems = getattr(error, "problems", ())
        return Plan(refusal=error.message, problems=problems)
    shown = await rehearsal.of(ports, found.repo, made, filled.given, old, PATIENCE)
    files = shown.changes.files if shown.changes and shown.changes.files else ()
    changed = found.repo.config_path if found.repo.config_path in files else ""
    return Plan(shown, graph.columns(made.stages), _checks(found.repo, shown, old), changed_file=changed)


def _checks(repo: Repo, plan: Rehearsal, old: Build | None) -> Sequence[Check]:
    build, now = plan.build, plan.current
    found = [Check(_FINE, "you may")]
    if old is not None and old.number:
        found.append(_of_old(old))
    if build.status == "error":
        found.append(Check(_WRONG, f"the build would fail at once: {build.error}"))
    if now is not None and now.after == build.after:
        same = "with the same parameters" if now.params == build.params else "with other parameters"
        found.append(Check(_CARE, f"this commit runs in {build.deploy_to} already, {same}"))
    if build.blocked:
        found.append(Check(_LATER, "then an administrator of the repository must approve it"))
    if not repo.active:
        found.append(Check(_CARE, "the repository is disabled: what is pushed is not built, but this would run"))
    return found


def _of_old(old: Build) -> Check:
    name = f"build {old.number}"
    if old.status == "success":
        return Check(_FINE, f"{name} is green")
    if old.status in DONE:
        return Check(_WRONG, f"{name} is not green: {views.mark(old.status).word}")
    return Check(_CARE, f"{name} is not over: {views.mark_of(old).word}")


def chosen(said: Mapping[str, str]) -> str:
    """The target that is chosen or typed in a form; empty for none."""
    return said.get("target", "") or said.get(OTHER, "").strip()


def seen(typed: Mapping[str, str], target: str, source: str) -> int:
    """The number of the build that ran in a target when the plan was shown of what is sent; 0 for none.

    Conflict where the plan that was shown is of another target, or of another build or commit, the `source`.
    """
    number = typed.get(SEEN_BUILD, "")
    is_number = number.isascii() and number.isdecimal() and len(number) < 19
    if (typed.get(SEEN_TARGET), typed.get(SEEN_SOURCE)) != (target, source) or not is_number:
        words = f"what would change in {target} was not shown yet: it stands below; nothing was begun"
        raise Conflict(words, code="target_changed")
    return int(number)


def told(form: Form, filled: Params, fields: Collection[str], problems: Sequence[Problem], drawn: Plan | None) -> Form:
    """The form with its problems at their fields.

    Where the form was not sent, these are the problems that the fields have all the same; the plan tells the others.
    """
    if form.problems:
        return replace(form, problems=filled.placed(form.problems, fields))
    found = filled.placed([*problems, *(drawn.problems if drawn else ())], fields)
    return replace(form, problems=[one for one in found if one.field])


async def carry_out(request: Request[State], found: Access, begin: Begin, typed: Mapping[str, str]) -> Build:
    """Begin the build of a form. A form that is sent again gets the build that it has begun."""
    path = request.scope["path"].rstrip("/")
    said = sorted((name, value) for name, value in typed.items() if name != KEY)
    try:
        once = requests.once(found.user_id, typed.get(KEY, ""), path, said)
        return await begin(request.state["ports"], once)
    except Conflict as error:
        if error.code != "key_reused":
            raise
        text = f"this form has begun build {error.details['build']} already; send it once more to begin another"
        raise Conflict(text, code=error.code) from error


def new_key() -> str:
    """The key of a form that is drawn."""
    return secrets.token_urlsafe(16)
