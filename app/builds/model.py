"""Builds, stages, steps and the lines of logs. Times are Unix seconds, 0 = not yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Status = Literal[
    "waiting_on_dependencies",
    "blocked",
    "pending",
    "running",
    "success",
    "failure",
    "error",
    "killed",
    "skipped",
    "declined",
]

#: What builds are listed by. A build with `blocked` waits for an approval; only stages wait for other stages.
LISTED: tuple[str, ...] = tuple(one for one in get_args(Status) if one != "waiting_on_dependencies")
#: A status that does not change any more, of a build, a stage or a step (contract drone-rpc 8.1).
DONE: frozenset[Status] = frozenset({"success", "failure", "error", "killed", "skipped", "declined"})
#: No stage of a build with such a status runs. (Of a declined build, stages that were not declined may still run.)
OVER: frozenset[Status] = DONE - {"declined"}
#: The status of a failed build, stage or step; `skipped` and `declined` are no failures.
FAILED: frozenset[Status] = frozenset({"failure", "error", "killed"})


@dataclass(frozen=True)
class Step:
    """One script of a stage (contract drone-rpc 3.3)."""

    id: int
    stage_id: int
    number: int
    name: str
    status: Status = "pending"
    error: str = ""
    errignore: bool = False
    exit_code: int = 0
    started: int = 0
    stopped: int = 0
    version: int = 0
    depends_on: tuple[str, ...] = ()
    image: str = ""
    detached: bool = False
    schema: str = ""


@dataclass(frozen=True)
class Stage:
    """One pipeline of a build, handed to one runner (contract drone-rpc 3.2).

    A stage that has an `error` before it is started ends with that error when it is started.
    """

    id: int
    repo_id: int
    build_id: int
    number: int
    name: str
    kind: str = "pipeline"
    type: str = "docker"
    status: Status = "pending"
    error: str = ""
    errignore: bool = False
    exit_code: int = 0
    machine: str = ""
    os: str = "linux"
    arch: str = "amd64"
    variant: str = ""
    kernel: str = ""
    limit: int = 0
    throttle: int = 0
    started: int = 0
    stopped: int = 0
    created: int = 0
    updated: int = 0
    version: int = 1
    on_success: bool = True
    on_failure: bool = False
    depends_on: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Build:
    """One run of a repository's pipelines at one commit (contract drone-rest 2.4)."""

    id: int
    repo_id: int
    number: int
    #: `@hook`, `@cron`, or the login of the account that began the build.
    trigger: str = ""
    #: Number of the build that was restarted, promoted or rolled back; 0 = none.
    parent: int = 0
    status: Status = "pending"
    error: str = ""
    event: str = ""
    action: str = ""
    link: str = ""
    timestamp: int = 0
    title: str = ""
    message: str = ""
    before: str = ""
    after: str = ""
    ref: str = ""
    source_repo: str = ""
    source_branch: str = ""
    target_branch: str = ""
    author_login: str = ""
    author_name: str = ""
    author_email: str = ""
    author_avatar: str = ""
    sender: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    cron: str = ""
    deploy_to: str = ""
    deploy_id: int = 0
    debug: bool = False
    started: int = 0
    finished: int = 0
    created: int = 0
    updated: int = 0
    version: int = 1
    #: Whether no delivery told of the commit in time, and the server found the commit itself.
    found_late: bool = False
    #: Whether the build waits for approval: it is not over, and one of its stages is blocked. Its status may be
    #: `pending`, or `running` while other stages run.
    blocked: bool = False
    #: The chat through which a person has begun the build: `slack`; empty for none.
    via: str = ""
    stages: tuple[Stage, ...] = ()

    @property
    def state(self) -> Status:
        """The status in words for people: `blocked` where nothing of the build runs before an approval."""
        return "blocked" if self.blocked and self.status == "pending" else self.status


@dataclass(frozen=True, slots=True)
class Line:
    """One piece of a step's output: `pos` counts from 0, `time` is seconds since the step began."""

    pos: int
    out: str
    time: int


#: The exit code of a stage or step that ended without one of its own.
ERROR_CODE = 255
#: Bytes of a stage's or step's error that are kept (contract drone-rpc 3.2).
ERROR_LIMIT = 500


def cut(text: str) -> str:
    """The part of an error that is kept."""
    return text.encode()[:ERROR_LIMIT].decode("utf-8", "ignore")


def end(started: int, now: int) -> int:
    """When something ended that began at `started`: now, but never before it began, even if the clock was set back."""
    return max(started, now)
