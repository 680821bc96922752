"""How builds begin. Every way (push, promote, rollback, restart, create) ends in `start`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from app.builds import params as parameters
from app.builds import protection, requests, rules, stages, stop, store, targets
from app.builds.config import converted
from app.builds.event import event_of
from app.builds.model import ERROR_CODE, Build, Stage, Status, cut
from app.builds.moments import Doing, Happened, Verb
from app.builds.ports import Ports
from app.builds.progress import settle
from app.builds.requests import Once, Repeated
from app.convert.errors import BadConversion
from app.db.tx import Tx, each
from app.errors import Invalid, NothingToRun, Problem
from app.evolve import evolve
from app.extensions.client import ExtensionFailed
from app.moments import Actor
from app.pipeline.document import BadPipeline, Config
from app.pipeline.nothing import nothing_to_run
from app.pipeline.plan import PlannedStage
from app.repos import settings
from app.repos import store as repos
from app.repos.model import Repo, source
from app.repos.secrets import uses
from app.scm.host import Commit

Deployment = Literal["promote", "rollback"]
_DEPLOYMENTS: dict[Deployment, Verb] = {"promote": "build.promote", "rollback": "build.rollback"}

#: Characters of a title or message that are kept (contract drone-rest 6).
TEXT_LIMIT = 2000
_NO_NUL = "\ufffd"


async def promote(
    ports: Ports,
    repo: Repo,
    old: Build,
    *,
    event: Deployment = "promote",
    target: str,
    by: Actor,
    params: Mapping[str, str],
    cron: str = "",
    trigger: str = "",
    claim: Tx[None] | None = None,
    once: Once | None = None,
) -> Build:
    """Run a build's commit again for a target (contract drone-rest 2.4, 4.1).

    `old` may also be a draft of a commit that needs no build, as `named.draft` makes it: the parent is 0 then.
    The new build inherits the old build's parameters; the given parameters win. `cron` is the name of the cron job
    that promotes; `trigger` is the new build's trigger, if that is not `by`. `claim` and `once` as in `start`.
    Invalid, NothingToRun, Unreadable, Conflict.
    """
    if made := await requests.known(ports, repo, once):
        return made
    deployment: dict[str, Any] = {"event": event, "deploy_to": target, "deploy_id": 0, "cron": cron or old.cron}
    draft = _again(old, trigger or trigger_of(by), old.params, debug=params.get("debug") == "true", **deployment)
    return await deploy(ports, repo, draft, event, by, params=params, claim=claim, once=once)


async def deploy(
    ports: Ports,
    repo: Repo,
    draft: Build,
    event: Deployment,
    by: Actor,
    *,
    params: Mapping[str, str],
    claim: Tx[None] | None = None,
    once: Once | None = None,
) -> Build:
    """Start a draft of a promotion or a rollback; the given parameters win over those of the draft.

    `claim`, `once` and errors as in `promote`.
    """
    if not (target := draft.deploy_to):
        raise Invalid.of([Problem("target", "missing_target", "Missing target environment")])
    merged = parameters.merge(draft.params, params, repo.parameters, target=target)
    return await start(ports, repo, evolve(draft, params=merged), verb_of(event), by, claim=claim, once=once)


def verb_of(event: Deployment) -> Verb:
    """The verb of a promotion or a rollback."""
    return _DEPLOYMENTS[event]


async def restart(
    ports: Ports,
    repo: Repo,
    old: Build,
    *,
    by: Actor,
    debug: bool,
    params: Mapping[str, str],
    once: Once | None = None,
) -> Build:
    """Run a build once more; given parameters win over the old build's parameters (contract drone-rest 4.1, 8).

    `once` as in `start`.
    """
    if made := await requests.known(ports, repo, once):
        return made
    if old.status in rules.HELD:
        raise _not_startable(old.status)
    draft = _again(old, trigger_of(by), parameters.merge(old.params, params, repo.parameters), debug=debug)
    return await start(ports, repo, draft, "build.restart", by, claim=_startable(old), once=once)


def _startable(old: Build) -> Tx[None]:
    """Invalid when a stage of the build is blocked or declined: its own status may be another, as after a cancel."""
    held = yield from stages.first_with(old.id, rules.HELD)
    if held is not None:
        raise _not_startable(held)


def _not_startable(status: Status) -> Invalid:
    return Invalid(f"cannot start a {status} build", code="not_startable")


def _again(old: Build, trigger: str, params: Mapping[str, str], **more: Any) -> Build:
    """A draft that is a copy of an old build, except for these fields."""
    anew: dict[str, Any] = {"error": "", "started": 0, "finished": 0, "version": 1, "found_late": False}
    return evolve(old, parent=old.number, trigger=trigger, params=params, **anew, **more)


async def create(
    ports: Ports,
    repo: Repo,
    *,
    by: Actor,
    branch: str,
    commit: str,
    message: str,
    action: str,
    params: Mapping[str, str],
    once: Once | None = None,
) -> Build:
    """Build a branch, or a commit of it, on request: event `custom` (contract drone-rest 4.1). `once` as in `start`."""
    if made := await requests.known(ports, repo, once):
        return made
    merged = parameters.merge({}, params, repo.parameters, action=action)
    branch = branch or repo.default_branch
    ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
    if commit or ref.startswith("refs/tags/"):
        found = await ports.hosts.commit(source(repo), commit or ref)
    else:
        found = await ports.hosts.branch(source(repo), ref.removeprefix("refs/heads/"))
    draft = evolve(
        draft_of(repo, found),
        trigger=trigger_of(by),
        sender=by.name,
        event="custom",
        action=action,
        message=message or found.message,
        before=found.sha,
        ref=ref,
        source_branch=branch,
        target_branch=branch,
        params=merged,
    )
    return await start(ports, repo, draft, "build.create", by, once=once)


def trigger_of(by: Actor) -> str:
    """The `trigger` of a build that an actor begins: a login, `@hook` or `@cron` (contract drone-rest 2.4)."""
    return f"@{by.kind}" if by.kind in ("hook", "cron") else by.name


def draft_of(repo: Repo, commit: Commit) -> Build:
    """A draft with the facts of its commit."""
    return Build(
        id=0,
        repo_id=repo.id,
        number=0,
        message=commit.message,
        timestamp=commit.timestamp,
        after=commit.sha,
        author_login=commit.author_login or commit.author_name,
        author_name=commit.author_name,
        author_email=commit.author_email,
    )


async def start(
    ports: Ports,
    repo: Repo,
    draft: Build,
    verb: Verb,
    by: Actor,
    *,
    claim: Tx[None] | None = None,
    once: Once | None = None,
) -> Build:
    """Turn a draft into a build with its stages, in one transaction; `verb` is one of BEGINNINGS.

    A pipeline file that is wrong makes an error build. In a protected repository, a file that is neither signed nor
    approved makes a build whose stages wait for approval. NothingToRun when no pipeline wants the event, Unreadable
    when an administrator declined the file.
    `claim`, if given, is the first part of the transaction: if `claim` raises, no build is made, and if the build
    fails, `claim` is rolled back. `once` is the key of a request that may be sent again: where the request has a build
    already, that build is the result, and no other is made.
    """
    now = ports.now()
    build = evolve(draft, status="pending", created=now, updated=now, via=by.via)
    try:
        file = await ports.configs.load(repo, build)
    except BadConversion as bad:
        return await fail(ports, repo, draft, bad.message, verb, by, claim=claim, once=once)
    if isinstance(file.config, BadPipeline):
        return await fail(ports, repo, draft, file.config.text(file.path), verb, by, claim=claim, once=once)
    try:
        verdict = await ports.configs.extensions.judge(repo, build, file.text)
    except ExtensionFailed as failed:
        return await fail(ports, repo, draft, failed.text or failed.message, verb, by, claim=claim, once=once)
    event = event_of(repo, build)
    planned = file.plan(event)
    if verdict == "skip":
        raise NothingToRun("the validation extension leaves this build out")
    newest = file.config if _is_of_default_branch(repo, build) else None
    if not planned.stages:
        if newest is not None:
            await ports.db.write(_declared_alone(repo, newest))
        raise nothing_to_run(file.config, event, planned)
    ready = [_stage(repo, stage, now, file.path, blocked=verdict == "block") for stage in planned.stages]
    unsigned = await protection.unsigned(ports, repo, file.text)
    inserting = _insert(build, ready, claim, file.text if file.converted else "", unsigned, once, newest)
    return await _made_once(ports, repo, _begin(repo, inserting, verb, by, now), once)


async def _made_once(ports: Ports, repo: Repo, doing: Doing[Build], once: Once | None) -> Build:
    """The build that is made; where the same request has made one at the same moment, that one."""
    try:
        return await ports.moments.carry_out(doing)
    except Repeated:
        if made := await requests.known(ports, repo, once):
            return made
        raise


async def fail(
    ports: Ports,
    repo: Repo,
    draft: Build,
    error: str,
    verb: Verb,
    by: Actor,
    *,
    claim: Tx[None] | None = None,
    once: Once | None = None,
) -> Build:
    """Make an error build: it has a number and an error that says why it cannot run, and it is over.

    `verb`, `claim` and `once` as in `start`.
    """
    now = ports.now()
    error = error.replace("\0", _NO_NUL)
    build = evolve(draft, status="error", error=error, started=now, finished=now, created=now, updated=now, via=by.via)
    return await _made_once(ports, repo, _begin(repo, _insert(build, (), claim, once=once), verb, by, now), once)


def _begin(repo: Repo, inserting: Tx[Build], verb: Verb, by: Actor, now: int) -> Doing[Build]:
    """Make a new build, and stop the older builds whose place it takes, if the repository's settings ask for that."""
    made = yield from inserting
    if any(stage.status == "error" for stage in made.stages):
        made, _ = yield from settle(made, now)
    begun = Happened(verb, made.id, by, repo=_numbered(repo, made), build=made)
    if not made.stages or not stop.is_superseding(repo, made.event):
        return made, [begun]
    return made, [begun, *(yield from stop.supersede(repo, made, by, now))]


def _numbered(repo: Repo, made: Build) -> Repo:
    """The repository as `next_number` left it."""
    return evolve(repo, counter=made.number, version=repo.version + made.number - repo.counter)


def _insert(
    draft: Build,
    planned: Sequence[Stage],
    claim: Tx[None] | None = None,
    converted_file: str = "",
    unsigned: str = "",
    once: Once | None = None,
    newest: Config | None = None,
) -> Tx[Build]:
    """Write the draft with its number and stages. (Copies cost much of the time of a promotion: few are made.)

    `unsigned` is the digest of a file that needs an approval. `newest` is the file whose targets the repository has
    from now on, and whose secrets are told; None for a file that is not asked for them.
    """
    if claim is not None:
        yield from claim
    if unsigned:
        planned = yield from protection.judged(draft.repo_id, unsigned, planned)
    number = yield from repos.next_number(draft.repo_id)
    title, message = _text(draft.title), _text(draft.message)
    blocked = any(stage.status == "blocked" for stage in planned)
    made = yield from store.create(evolve(draft, number=number, title=title, message=message, blocked=blocked))
    if once is not None:
        yield from requests.keep(made, once)
    created = yield from each(stages.create(stage, made.id) for stage in planned)
    if converted_file:
        yield from converted.keep(made.id, converted_file)
    if unsigned:
        yield from protection.keep(made.id, unsigned)
    if newest is not None:
        yield from _declare(draft.repo_id, number, newest)
    return evolve(made, stages=tuple(created))


def _faulty(stage: Stage, planned: PlannedStage, path: str) -> Stage:
    """A new stage with the faults of its pipeline as its error; it is over if nothing keeps it from being started."""
    error = cut(BadPipeline(planned.faults).text(path))
    if stage.status != "pending":
        return evolve(stage, error=error)
    now = stage.created
    return evolve(stage, status="error", error=error, exit_code=ERROR_CODE, started=now, stopped=now)


def _text(text: str) -> str:
    """The part of a title or message that is kept, with every NUL replaced: no environment can hold a NUL."""
    return text.replace("\0", _NO_NUL)[:TEXT_LIMIT]


#: Stages are copies of this one: to make a copy takes a tenth of the time of `Stage(…)`.
_NEW_STAGE = Stage(id=0, repo_id=0, build_id=0, number=0, name="")


def _declared_alone(repo: Repo, newest: Config) -> Tx[None]:
    """Keep what a file says that starts no build."""
    yield from settings.lock(repo.id)
    yield from _declare(repo.id, 0, newest)


def _declare(repo_id: int, number: int, newest: Config) -> Tx[None]:
    """Keep the targets that the newest file of the default branch names, and the steps that name secrets."""
    yield from targets.declare(repo_id, newest.declared)
    yield from uses.keep(repo_id, number, newest.uses)


def _is_of_default_branch(repo: Repo, build: Build) -> bool:
    """Whether the file of a new build is the newest one of the default branch: no build of an old one's commit."""
    fresh = build.event in ("push", "cron", "custom") and not build.parent
    return fresh and build.ref == f"refs/heads/{repo.default_branch}"


def _stage(repo: Repo, planned: PlannedStage, now: int, path: str, *, blocked: bool) -> Stage:
    """A new stage of a pipeline of the file at this path."""
    free: Status = "waiting_on_dependencies" if planned.depends_on else "pending"
    stage = evolve(
        _NEW_STAGE,
        repo_id=repo.id,
        number=planned.number,
        name=planned.name,
        kind=planned.kind,
        type=planned.type,
        status="blocked" if blocked else free,
        os=planned.os,
        arch=planned.arch,
        variant=planned.variant,
        kernel=planned.kernel,
        limit=planned.limit,
        throttle=repo.throttle,
        created=now,
        updated=now,
        on_success=planned.on_success,
        on_failure=planned.on_failure,
        depends_on=planned.depends_on,
        labels=planned.labels,
    )
    return _faulty(stage, planned, path) if planned.faults else stage
