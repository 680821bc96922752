"""Builds, stages and steps as clients and runners read them (contract drone-rest 2.4, 2.5), with keys in that order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NotRequired

import orjson
from typing_extensions import TypedDict

from app.builds.model import Build, Stage, Status, Step
from app.repos.model import Repo
from app.repos.wire import RepoJSON, repo_json


class LineJSON(TypedDict):
    """One piece of a step's output: `pos` counts from 0, `time` is seconds since the step began."""

    pos: int
    out: str
    time: int


class LogRangeJSON(TypedDict):
    """A part of a step's log. Positions are those of the lines, from 0.

    `first` is the position of the first line that is kept, `end` that of the line that comes next. `next` is where the
    next part begins; absent at the end. With `find` or `errors`, `matches` counts the lines that are as wanted, from
    `from` on up to `searched`, which is less than `end` where the search took too long, or had enough lines. `cut`
    says what of the log is not kept.
    """

    lines: list[LineJSON]
    first: int
    end: int
    next: NotRequired[int]
    matches: NotRequired[int]
    searched: NotRequired[int]
    cut: NotRequired[str]


class StepJSON(TypedDict):
    """A step; `step_id` is the stage's id, a misnomer that clients know."""

    id: int
    step_id: int
    number: int
    name: str
    status: Status
    error: NotRequired[str]
    errignore: NotRequired[bool]
    exit_code: int
    started: NotRequired[int]
    stopped: NotRequired[int]
    version: int
    depends_on: NotRequired[Sequence[str]]
    image: NotRequired[str]
    detached: NotRequired[bool]
    schema: NotRequired[str]


class StageJSON(TypedDict):
    """A stage; it has steps once a runner has accepted it. `pending_reason` says why nobody takes it (ours)."""

    id: int
    repo_id: int
    build_id: int
    number: int
    name: str
    kind: NotRequired[str]
    type: NotRequired[str]
    status: Status
    error: NotRequired[str]
    errignore: bool
    exit_code: int
    machine: NotRequired[str]
    os: str
    arch: str
    variant: NotRequired[str]
    kernel: NotRequired[str]
    limit: NotRequired[int]
    throttle: NotRequired[int]
    started: int
    stopped: int
    created: int
    updated: int
    version: int
    on_success: bool
    on_failure: bool
    depends_on: NotRequired[Sequence[str]]
    labels: NotRequired[Mapping[str, str]]
    steps: NotRequired[list[StepJSON]]
    pending_reason: NotRequired[str]


class BuildJSON(TypedDict):
    """A build; with its stages only where the route says so.

    Ours, where they are true: `found_late` says that no webhook told of the commit in time, and the server found the
    commit itself; `blocked` says that the build waits for approval; `via` is the chat through which a person has begun
    the build.
    """

    id: int
    repo_id: int
    trigger: str
    number: int
    parent: NotRequired[int]
    status: Status
    error: NotRequired[str]
    event: str
    action: str
    link: str
    timestamp: int
    title: NotRequired[str]
    message: str
    before: str
    after: str
    ref: str
    source_repo: str
    source: str
    target: str
    author_login: str
    author_name: str
    author_email: str
    author_avatar: str
    sender: str
    params: NotRequired[Mapping[str, str]]
    cron: NotRequired[str]
    deploy_to: NotRequired[str]
    deploy_id: NotRequired[int]
    debug: NotRequired[bool]
    started: int
    finished: int
    created: int
    updated: int
    version: int
    found_late: NotRequired[bool]
    blocked: NotRequired[bool]
    via: NotRequired[str]
    stages: NotRequired[list[StageJSON]]


class RepoBuildJSON(RepoJSON):
    """A repository with one of its builds, where there is one."""

    build: NotRequired[BuildJSON]


def repo_build_json(repo: Repo, build: Build | None, *, stages: bool = False) -> RepoBuildJSON:
    """A repository, with one of its builds if there is one; `stages` as in `build_json`."""
    body: Any = repo_json(repo)
    if build is not None:
        archived = body.pop("archived")  # the last of Drone's keys
        body |= {"build": build_json(build, stages=stages), "archived": archived}
    made: RepoBuildJSON = body
    return made


def build_json(build: Build, *, stages: bool = False) -> BuildJSON:
    """A build; with its stages if `stages`. Keys that the contract marks "omit" are absent when empty."""
    body: Any = {
        "id": build.id,
        "repo_id": build.repo_id,
        "trigger": build.trigger,
        "number": build.number,
        "parent": build.parent,
        "status": build.status,
        "error": build.error,
        "event": build.event,
        "action": build.action,
        "link": build.link,
        "timestamp": build.timestamp,
        "title": build.title,
        "message": build.message,
        "before": build.before,
        "after": build.after,
        "ref": build.ref,
        "source_repo": build.source_repo,
        "source": build.source_branch,
        "target": build.target_branch,
        "author_login": build.author_login,
        "author_name": build.author_name,
        "author_email": build.author_email,
        "author_avatar": build.author_avatar,
        "sender": build.sender,
        "params": build.params,
        "cron": build.cron,
        "deploy_to": build.deploy_to,
        "deploy_id": build.deploy_id,
        "debug": build.debug,
        "started": build.started,
        "finished": build.finished,
        "created": build.created,
        "updated": build.updated,
        "version": build.version,
        "found_late": build.found_late,
        "blocked": build.blocked,
        "via": build.via,
    }
    for key in _BUILD_OMIT:
        if not body[key]:
            del body[key]
    if stages and build.stages:
        body["stages"] = [stage_json(stage) for stage in build.stages]
    made: BuildJSON = body
    return made


_BUILD_OMIT = (
    "parent",
    "error",
    "title",
    "params",
    "cron",
    "deploy_to",
    "deploy_id",
    "debug",
    "found_late",
    "blocked",
    "via",
)


def stage_json(stage: Stage) -> StageJSON:
    """A stage with its steps, if it has any."""
    body: Any = {
        "id": stage.id,
        "repo_id": stage.repo_id,
        "build_id": stage.build_id,
        "number": stage.number,
        "name": stage.name,
        "kind": stage.kind,
        "type": stage.type,
        "status": stage.status,
        "error": stage.error,
        "errignore": stage.errignore,
        "exit_code": stage.exit_code,
        "machine": stage.machine,
        "os": stage.os,
        "arch": stage.arch,
        "variant": stage.variant,
        "kernel": stage.kernel,
        "limit": stage.limit,
        "throttle": stage.throttle,
        "started": stage.started,
        "stopped": stage.stopped,
        "created": stage.created,
        "updated": stage.updated,
        "version": stage.version,
        "on_success": stage.on_success,
        "on_failure": stage.on_failure,
        "depends_on": stage.depends_on,
        "labels": stage.labels,
    }
    for key in _STAGE_OMIT:
        if not body[key]:
            del body[key]
    if stage.steps:
        body["steps"] = [step_json(step) for step in stage.steps]
    made: StageJSON = body
    return made


_STAGE_OMIT = (
    "kind",
    "type",
    "error",
    "machine",
    "variant",
    "kernel",
    "limit",
    "throttle",
    "depends_on",
    "labels",
)


#: The keys of a stage without steps: the first columns of its row, in the same order.
_STAGE_ROW = tuple(key for key in StageJSON.__annotations__ if key not in ("steps", "pending_reason"))


def stage_row_json(row: Iterable[Any]) -> StageJSON:
    """A stage from a whole row of the table, without steps: several times faster than through the model."""
    body: Any = dict(zip(_STAGE_ROW, row, strict=False))
    for key in ("errignore", "on_success", "on_failure"):
        body[key] = bool(body[key])
    body["depends_on"] = body["depends_on"] != "[]" and orjson.loads(body["depends_on"])
    body["labels"] = body["labels"] != "{}" and orjson.loads(body["labels"])
    for key in _STAGE_OMIT:
        if not body[key]:
            del body[key]
    made: StageJSON = body
    return made


def step_json(step: Step) -> StepJSON:
    """A step."""
    body: Any = {
        "id": step.id,
        "step_id": step.stage_id,
        "number": step.number,
        "name": step.name,
        "status": step.status,
        "error": step.error,
        "errignore": step.errignore,
        "exit_code": step.exit_code,
        "started": step.started,
        "stopped": step.stopped,
        "version": step.version,
        "depends_on": step.depends_on,
        "image": step.image,
        "detached": step.detached,
        "schema": step.schema,
    }
    for key in ("error", "errignore", "started", "stopped", "depends_on", "image", "detached", "schema"):
        if not body[key]:
            del body[key]
    made: StepJSON = body
    return made
