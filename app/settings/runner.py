"""The settings of `gantry runner`: the variables of Drone's exec runner (contract drone-env 10)."""

import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from dotenv import dotenv_values
from pydantic import ConfigDict, Field, field_validator, model_validator

from app.settings.load import Variables, named, read
from app.settings.values import (
    LOG_LIMIT,
    MOST_OF_WHAT_IS_FREE,
    Bind,
    Confining,
    Endpoint,
    Limits,
    LogForm,
    LogSize,
    Map,
    Room,
    Sandbox,
    Service,
    StepLimits,
    User,
    Words,
)


def _named(name: str, **options: Any) -> Any:
    return Field(validation_alias=f"DRONE_{name}", **options)


class RunnerSettings(Variables):
    """What docs/settings.md says of a runner, one field a row. An empty platform is this machine's."""

    model_config = ConfigDict(validate_default=True)

    host: str = _named("RPC_HOST", default="")
    proto: Literal["http", "https"] = _named("RPC_PROTO", default="http")
    secret: str = _named("RPC_SECRET", default="", repr=False)
    skip_verify: bool = _named("RPC_SKIP_VERIFY", default=False)
    name: str = _named("RUNNER_NAME", default_factory=lambda: platform.node() or "localhost")
    capacity: int = _named("RUNNER_CAPACITY", default=2, ge=1, le=1000)
    max_procs: int = _named("RUNNER_MAX_PROCS", default=0, ge=0, le=100_000)
    labels: Map = _named("RUNNER_LABELS", default_factory=dict)
    environ: Map = _named("RUNNER_ENVIRON", default_factory=dict, repr=False)
    envfile: Path | None = _named("RUNNER_ENVFILE", default=None)
    path: str = _named("RUNNER_PATH", default="")
    root: Path = _named("RUNNER_ROOT", default_factory=lambda: Path(tempfile.gettempdir()))
    workspace_limit: Room = named("WORKSPACE_LIMIT", default=MOST_OF_WHAT_IS_FREE)
    log_limit: LogSize = named("LOG_LIMIT", default=LOG_LIMIT)
    symlinks: Map = _named("RUNNER_SYMLINKS", default_factory=dict)
    #: The address on which the runner serves `/healthz`; empty = none.
    http_bind: Bind | Literal[""] = _named("HTTP_BIND", default="")
    os: str = _named("PLATFORM_OS", default="")
    arch: str = _named("PLATFORM_ARCH", default="")
    kernel: str = _named("PLATFORM_KERNEL", default="")
    variant: str = _named("PLATFORM_VARIANT", default="")
    limit_repos: Words = _named("LIMIT_REPOS", default=())
    limit_events: Words = _named("LIMIT_EVENTS", default=())
    limit_trusted: bool = _named("LIMIT_TRUSTED", default=False)
    quote_substitution: bool = Field(validation_alias="GANTRY_QUOTE_SUBSTITUTION", default=False)
    secret_endpoint: Endpoint = _named("SECRET_PLUGIN_ENDPOINT", default="")
    secret_token: str = _named("SECRET_PLUGIN_TOKEN", default="", repr=False)
    secret_skip_verify: bool = _named("SECRET_PLUGIN_SKIP_VERIFY", default=False)
    env_endpoint: Endpoint = _named("ENV_PLUGIN_ENDPOINT", default="")
    env_token: str = _named("ENV_PLUGIN_TOKEN", default="", repr=False)
    env_skip_verify: bool = _named("ENV_PLUGIN_SKIP_VERIFY", default=False)

    # Drone's runner has no names for these.
    sandbox: Sandbox = Field(validation_alias="GANTRY_RUNNER_SANDBOX", default="auto")
    user: User | Literal[""] = Field(validation_alias="GANTRY_RUNNER_USER", default="")
    log: LogForm = Field(validation_alias="GANTRY_LOG", default="")
    limits: StepLimits = Field(validation_alias="GANTRY_RUNNER_LIMITS", default=Limits())

    @field_validator("host")
    @classmethod
    def _host(cls, value: str) -> str:
        if not value or "/" in value or not value.isprintable() or " " in value or "@" in value:
            raise ValueError("must be the server's HOST or HOST:PORT; http or https goes into DRONE_RPC_PROTO")
        return value

    @field_validator("secret")
    @classmethod
    def _secret(cls, value: str) -> str:
        if not value or not value.isascii() or not value.isprintable():
            raise ValueError("must be the secret that the server has as DRONE_RPC_SECRET, in printable ASCII")
        return value

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not value.isprintable() or len(value) > 250:
            raise ValueError("must have at most 250 printable characters")
        return value

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.envfile is not None and not self.envfile.is_file():
            raise ValueError(f"DRONE_RUNNER_ENVFILE must be a file that can be read; {self.envfile} is none")
        return self

    @property
    def url(self) -> str:
        """The server's address."""
        return f"{self.proto}://{self.host}"

    @property
    def confining(self) -> Confining:
        """How steps are separated from the runner."""
        return Confining(self.sandbox, self.user, self.limits)

    @property
    def secrets(self) -> Service:
        """The secret extension."""
        return Service(self.secret_endpoint, self.secret_token, self.secret_skip_verify)

    @property
    def env(self) -> Service:
        """The environment extension."""
        return Service(self.env_endpoint, self.env_token, self.env_skip_verify)

    @property
    def variables(self) -> dict[str, str]:
        """The variables that every step gets; the variables of `envfile` win over those of `environ`."""
        file = dotenv_values(self.envfile, interpolate=False) if self.envfile else {}
        return dict(self.environ) | {name: value or "" for name, value in file.items()}


def load(environ: Mapping[str, str]) -> RunnerSettings:
    """The settings of this process; BadSettings lists everything that is wrong."""
    return read(RunnerSettings, environ)
