"""The server's settings.

Each setting has Gantry's name and, where Drone has the setting too, Drone's name, so that an existing Drone
environment file works. Gantry's name wins. One error lists all problems.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, field_validator, model_validator

from app.settings import values
from app.settings.chats import Chats
from app.settings.extensions import Extensions
from app.settings.forges import Forges
from app.settings.load import named, read
from app.settings.values import (
    LOG_LIMIT,
    MOST_OF_WHAT_IS_FREE,
    Account,
    Bind,
    Blobs,
    Confining,
    DatabaseURL,
    Folder,
    Folders,
    Key,
    Keys,
    Limits,
    Line,
    LogForm,
    LogSize,
    LongTime,
    Map,
    Networks,
    Origins,
    Room,
    RPCSecret,
    Sandbox,
    SiteURL,
    Size,
    StepLimits,
    Time,
    User,
)
from app.settings.webhooks import Webhooks

#: Variables that the command line and the tests read; the server must not report them as unknown.
OTHERS = frozenset({"GANTRY_SERVER", "GANTRY_TOKEN", "GANTRY_MIGRATE_FROM", "GANTRY_TEST_POSTGRES"})
_DATABASES = {"sqlite3": "sqlite:///", "postgres": ""}


class Settings(Chats, Extensions, Forges, Webhooks):
    """What docs/settings.md says, one field a row."""

    data: Folder = named("DATA", default_factory=lambda: Path("data").absolute())
    logs: Folder | None = named("LOGS", default=None)
    bind: Bind = named("BIND", "DRONE_SERVER_PORT", default="127.0.0.1:8080")
    url: SiteURL = named("URL", default="")
    database_url: DatabaseURL = named("DATABASE_URL", default="", repr=False)
    admin: Account = named("ADMIN", "DRONE_USER_CREATE", default=None)
    secret_key: Key = named("SECRET_KEY", "DRONE_DATABASE_SECRET", default="", repr=False)
    old_secret_keys: Keys = named("OLD_SECRET_KEYS", default=(), repr=False)
    cookie_secret: Key = named("COOKIE_SECRET", "DRONE_COOKIE_SECRET", default="", repr=False)
    rpc_secret: RPCSecret = named("RPC_SECRET", "DRONE_RPC_SECRET", default="", repr=False)
    #: Seconds without a sign of life after which a runner counts as lost.
    runner_lease: Time = named("RUNNER_LEASE", default=120)
    #: Seconds after which the server ends a stage that no runner has taken.
    runner_patience: LongTime = named("RUNNER_PATIENCE", "DRONE_CLEANUP_DEADLINE_PENDING", default=24 * 3600)
    runner_capacity: int = named("RUNNER_CAPACITY", "DRONE_RUNNER_CAPACITY", default=2, ge=0, le=1000)
    runner_environ: Map = named("RUNNER_ENVIRON", "DRONE_RUNNER_ENVIRON", default_factory=dict, repr=False)
    runner_sandbox: Sandbox = named("RUNNER_SANDBOX", default="auto")
    runner_user: User = named("RUNNER_USER", default="")
    runner_limits: StepLimits = named("RUNNER_LIMITS", default=Limits())
    quote_substitution: bool = named("QUOTE_SUBSTITUTION", default=False)
    #: How much a step of the built-in runner may add to its workspace.
    workspace_limit: Room = named("WORKSPACE_LIMIT", default=MOST_OF_WHAT_IS_FREE)
    log_limit: LogSize = named("LOG_LIMIT", default=LOG_LIMIT)
    #: Days after the end of a build, and newest builds of a repository; 0 = all builds are kept.
    retention_days: int = named("RETENTION_DAYS", default=0, ge=0, le=100_000)
    retention_builds: int = named("RETENTION_BUILDS", default=0, ge=0, le=1_000_000_000)
    #: Seconds between two searches for due cron jobs.
    cron_interval: Time = named("CRON_INTERVAL", "DRONE_CRON_INTERVAL", default=30)
    #: Seconds between two runs of a cron job, at least, unless an administrator of the server has set the job closer.
    cron_minimum: Time = named("CRON_MINIMUM", default=60)
    git_roots: Folders = named("GIT_ROOTS", default=())
    git_username: Line = named("GIT_USERNAME", "DRONE_GIT_USERNAME", default="")
    git_password: Line = named("GIT_PASSWORD", "DRONE_GIT_PASSWORD", default="", repr=False)
    git_always_auth: bool = named("GIT_ALWAYS_AUTH", "DRONE_GIT_ALWAYS_AUTH", default=False)
    private_mode: bool = named("PRIVATE_MODE", "DRONE_SERVER_PRIVATE_MODE", default=False)
    #: What is before the event in the contexts of statuses of commits, and whether there are such statuses at all.
    status_name: Line = named("STATUS_NAME", "DRONE_STATUS_NAME", default="continuous-integration/drone")
    status_disabled: bool = named("STATUS_DISABLED", "DRONE_STATUS_DISABLED", default=False)
    #: Whether webhooks may be sent to private networks, and to this machine itself.
    webhook_allow_private: bool = named("WEBHOOK_ALLOW_PRIVATE", default=False)
    #: Where the bytes of artifacts are: a folder, or s3://BUCKET/PREFIX; empty = `blobs` in the data folder.
    blobs: Blobs = named("BLOBS", default="")
    #: Bytes that artifacts may take in all; 0 = no limit.
    artifacts_quota: Size = named("ARTIFACTS_QUOTA", default=0)
    #: Whether callers without an account may read the artifacts that everybody was granted.
    anonymous_read: bool = named("ANONYMOUS_READ", default=False)
    #: Steps of a Starlark file; 0 = the default.
    starlark_step_limit: int = named("STARLARK_STEP_LIMIT", "DRONE_STARLARK_STEP_LIMIT", default=0, ge=0)
    #: Bytes that a Starlark file may make; 0 = the default.
    starlark_size_limit: int = named("STARLARK_SIZE_LIMIT", "DRONE_STARLARK_SIZE_LIMIT", default=0, ge=0)
    #: Files that a Jsonnet file may import; 0 = none.
    jsonnet_import_limit: int = named("JSONNET_IMPORT_LIMIT", "DRONE_JSONNET_IMPORT_LIMIT", default=0, ge=0, le=1000)
    cors_origins: Origins = named("CORS_ORIGINS", default=())
    metrics_anonymous: bool = named("METRICS_ANONYMOUS", "DRONE_PROMETHEUS_ANONYMOUS_ACCESS", default=False)
    #: Connections at most; 0 = 16384. Fewer when the process may open too few files.
    connections: int = named("CONNECTIONS", default=0, ge=0, le=1_000_000)
    trusted_proxies: Networks = named("TRUSTED_PROXIES", default=())
    rate_limit: int = named("RATE_LIMIT", default=0, ge=0, le=1_000_000)
    demo: bool = named("DEMO", default=False)
    #: The form of the lines of the log; empty = text on a terminal, else JSON.
    log: LogForm = named("LOG", default="")

    drone_proto: str = Field(default="", validation_alias="DRONE_SERVER_PROTO")
    drone_host: str = Field(default="", validation_alias="DRONE_SERVER_HOST")
    drone_driver: str = Field(default="", validation_alias="DRONE_DATABASE_DRIVER")
    drone_source: str = Field(default="", validation_alias="DRONE_DATABASE_DATASOURCE", repr=False)

    @field_validator("drone_driver")
    @classmethod
    def _driver(cls, value: str) -> str:
        if value not in _DATABASES:
            raise ValueError(f"must be {' or '.join(_DATABASES)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _from_drone(cls, given: dict[str, Any]) -> dict[str, Any]:
        host, driver = given.get("DRONE_SERVER_HOST"), given.get("DRONE_DATABASE_DRIVER", "sqlite3")
        if host and "GANTRY_URL" not in given:
            host = re.sub(r"^https?://", "", host.lower())
            given["GANTRY_URL"] = f"{given.get('DRONE_SERVER_PROTO') or 'http'}://{host}"
        if "GANTRY_DATABASE_URL" in given:
            given.pop("DRONE_DATABASE_DRIVER", None)
        elif driver in _DATABASES and (address := given.get("DRONE_DATABASE_DATASOURCE")):
            if driver == "sqlite3":
                address = address.partition("?")[0]  # options of Drone's driver
            given["GANTRY_DATABASE_URL"] = _DATABASES[driver] + address
        elif driver == "postgres":
            raise ValueError("DRONE_DATABASE_DATASOURCE must name the database, as DRONE_DATABASE_DRIVER is postgres")
        return given

    @property
    def host(self) -> str:
        """The host to listen on; empty = every interface."""
        return values.host(self.bind)

    @property
    def port(self) -> int:
        """The port to listen on; 0 = any free port."""
        return values.port(self.bind)

    @property
    def own_url(self) -> str:
        """The address under which this machine reaches the server, without a trailing slash."""
        everywhere = self.host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound
        return f"http://localhost:{self.port}" if everywhere else f"http://{self.bind}"

    @property
    def public_url(self) -> str:
        """The address that links begin with, without a trailing slash."""
        return self.url or self.own_url

    def listening_at(self, port: int) -> "Settings":
        """The settings with the port that the server listens on, which they may have left open."""
        return self.model_copy(update={"bind": values.with_port(self.bind, port)})

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.data / 'gantry.sqlite'}"

    @property
    def blobs_folder(self) -> Path | None:
        """The folder of the bytes of artifacts, if the settings name one."""
        return Path(self.blobs) if self.blobs and not self.blobs.startswith("s3://") else None

    @property
    def confining(self) -> Confining:
        """How steps of the built-in runner are separated from the server."""
        return Confining(self.runner_sandbox, self.runner_user, self.runner_limits)

    @property
    def roots(self) -> tuple[Path, ...]:
        """Folders under which `file://` repositories are allowed."""
        return self.git_roots or (self.data,)


def load(environ: Mapping[str, str]) -> Settings:
    """The settings of this process; BadSettings lists everything that is wrong.

    `environ` is the process's environment. A `GANTRY_` variable that is no setting is a problem too.
    """
    return read(Settings, environ, [f"{name} is not a setting" for name in sorted(_unknown(environ))])


def names() -> list[str]:
    """Every `GANTRY_` name that a server reads, those of git hosts, of extensions, of webhooks and of chats last."""
    last = [*Forges.model_fields, *Extensions.model_fields, *Webhooks.model_fields, *Chats.model_fields]
    fields = sorted(Settings.model_fields.items(), key=lambda item: last.index(item[0]) + 1 if item[0] in last else 0)
    aliases = [field.validation_alias for _, field in fields]
    return [str(alias.choices[0]) for alias in aliases if isinstance(alias, AliasChoices)]


def _unknown(environ: Mapping[str, str]) -> set[str]:
    return {name for name in environ if name.startswith("GANTRY_")} - set(names()) - OTHERS
