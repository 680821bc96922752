"""The calls of a runner, as one Protocol: the built-in runner makes them in process, other runners over HTTP."""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.builds.model import Build, Line, Stage, Step
from app.repos.model import Repo, Secret
from app.scm.host import TOKEN_AS_LOGIN
from app.scm.ssh import Identity


@dataclass(frozen=True, slots=True)
class Filter:
    """Which stages a runner takes (contract drone-rpc 3.1, 6.1); an empty platform takes any."""

    kind: str = "pipeline"
    type: str = "docker"
    os: str = ""
    arch: str = ""
    variant: str = ""
    kernel: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class System:
    """The server as steps see it."""

    proto: str
    host: str
    version: str


@dataclass(frozen=True, slots=True)
class Netrc:
    """The host, login and password with which a repository is cloned."""

    machine: str
    login: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def secret(self) -> str:
        """The part that nobody may read. Some hosts take a token as the login (contract scm-api 7.1)."""
        return self.login if self.password == TOKEN_AS_LOGIN else self.password


@dataclass(frozen=True, slots=True)
class Deployment:
    """The address of the server, and a token with which the steps of a stage use its artifacts while the stage runs."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Context:
    """All that is needed to run a stage (contract drone-rpc 4).

    `build.stages` carry no steps; `stage` carries the steps that were reported, if the stage runs.
    """

    repo: Repo
    build: Build
    stage: Stage
    #: Text of the pipeline file, before substitution.
    config: str
    secrets: tuple[Secret, ...]
    system: System
    #: The repository's key of inline secrets and signatures, in plain text.
    key: str = ""
    netrc: Netrc | None = None
    #: With what the clone step is let in over ssh; other runners than Gantry's own are not told.
    identity: Identity | None = None
    #: None for a runner on another machine, and for a pull request from a fork.
    deployment: Deployment | None = None


class Manager(Protocol):
    """The calls that a runner makes to the server. Every call may raise Unavailable: then make the call again later."""

    def request(self, wanted: Filter) -> Coroutine[Any, Any, Stage | None]:
        """Wait for a stage that the runner takes; None after 30 s without one."""
        ...

    async def accept(self, stage_id: int, machine: str) -> Stage:
        """Take a stage; Conflict when the stage is no longer pending or another runner was faster."""
        ...

    async def details(self, stage_id: int) -> Context:
        """Everything needed to run an accepted stage; for a stage that runs, also the versions of its steps."""
        ...

    async def update_stage(self, stage: Stage) -> Stage:
        """Report a stage with all its steps: `running` starts it (the steps get ids), a final status ends it.

        Returns the stage with new versions; Conflict when the reported version is not the latest.
        """
        ...

    async def update_step(self, step: Step) -> Step:
        """Report one step; returns the step with its new version. Conflict when its version is not the latest."""
        ...

    def watch(self, build_id: int) -> Coroutine[Any, Any, bool]:
        """Wait until the build must be stopped: True. False after 30 s: ask again."""
        ...

    async def write_log(self, step_id: int, lines: Sequence[Line]) -> None:
        """Add lines to the live log of a running step."""
        ...

    async def upload_log(self, step_id: int, log: bytes) -> None:
        """Store the whole log, a JSON array of lines, in place of the live one; may be repeated."""
        ...

    async def upload_card(self, step_id: int, data: str) -> None:
        """Store the card of a step, JSON text, in place of an earlier one."""
        ...


PREFIX = "/rpc/v2/"


#: The header by which Gantry's own runner names an accept: a repeated accept of the same name is the same accept.
CLAIM = "X-Gantry-Claim"
#: The header by which Gantry's own runner says that its clone step can be let in over ssh.
TAKES_KEY = "X-Gantry-Takes-Key"
