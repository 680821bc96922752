"""The server's settings.

Each has Gantry's name and, where Drone has one, Drone's, so that an existing Drone environment file works.
Gantry's wins. All problems are told at once.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.settings import values
from app.settings.load import read
from app.settings.values import (
    Account,
    Bind,
    DatabaseURL,
    Endpoint,
    Folder,
    Folders,
    Key,
    Keys,
    Line,
    LongTime,
    Map,
    Origins,
    RPCSecret,
    Service,
    SiteURL,
    Time,
)

#: Names that the command line and the tests read; the server must not call them unknown.
_OTHERS = frozenset({"GANTRY_SERVER", "GANTRY_TOKEN", "GANTRY_TEST_POSTGRES"})
_DATABASES = {"sqlite3": "sqlite:///", "postgres": ""}


def _named(name: str, *drone: str, **options: Any) -> Any:
    return Field(validation_alias=AliasChoices(f"GANTRY_{name}", *drone), **options)


class Settings(BaseSettings):
    """What the README's table says, one field a row."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", case_sensitive=True, validate_default=False
    )

    data: Folder = _named("DATA", default_factory=lambda: Path("data").absolute())
    logs: Folder | None = _named("LOGS", default=None)
    bind: Bind = _named("BIND", "DRONE_SERVER_PORT", default="127.0.0.1:8080")
    url: SiteURL = _named("URL", default="")
    database_url: DatabaseURL = _named("DATABASE_URL", default="", repr=False)
    admin: Account = _named("ADMIN", "DRONE_USER_CREATE", default=None)
    secret_key: Key = _named("SECRET_KEY", "DRONE_DATABASE_SECRET", default="", repr=False)
    old_secret_keys: Keys = _named("OLD_SECRET_KEYS", default=(), repr=False)
    cookie_secret: Key = _named("COOKIE_SECRET", "DRONE_COOKIE_SECRET", default="", repr=False)
    rpc_secret: RPCSecret = _named("RPC_SECRET", "DRONE_RPC_SECRET", default="", repr=False)
    #: Seconds without a sign after which a runner is lost.
    runner_lease: Time = _named("RUNNER_LEASE", default=120)
    #: Seconds after which a stage that no runner has taken ends.
    runner_patience: LongTime = _named("RUNNER_PATIENCE", "DRONE_CLEANUP_DEADLINE_PENDING", default=24 * 3600)
    runner_capacity: int = _named("RUNNER_CAPACITY", "DRONE_RUNNER_CAPACITY", default=2, ge=0, le=1000)
    runner_environ: Map = _named("RUNNER_ENVIRON", "DRONE_RUNNER_ENVIRON", default_factory=dict, repr=False)
    #: Seconds.
    cron_interval: Time = _named("CRON_INTERVAL", "DRONE_CRON_INTERVAL", default=30)
    git_roots: Folders = _named("GIT_ROOTS", default=())
    git_username: Line = _named("GIT_USERNAME", "DRONE_GIT_USERNAME", default="")
    git_password: Line = _named("GIT_PASSWORD", "DRONE_GIT_PASSWORD", default="", repr=False)
    git_always_auth: bool = _named("GIT_ALWAYS_AUTH", "DRONE_GIT_ALWAYS_AUTH", default=False)
    private_mode: bool = _named("PRIVATE_MODE", "DRONE_SERVER_PRIVATE_MODE", default=False)
    cors_origins: Origins = _named("CORS_ORIGINS", default=())
    metrics_anonymous: bool = _named("METRICS_ANONYMOUS", "DRONE_PROMETHEUS_ANONYMOUS_ACCESS", default=False)
    rate_limit: int = _named("RATE_LIMIT", default=0, ge=0, le=1_000_000)
    demo: bool = _named("DEMO", default=False)

    yaml_endpoint: Endpoint = _named("YAML_ENDPOINT", "DRONE_YAML_ENDPOINT", default="")
    yaml_secret: str = _named("YAML_SECRET", "DRONE_YAML_SECRET", default="", repr=False)
    yaml_skip_verify: bool = _named("YAML_SKIP_VERIFY", "DRONE_YAML_SKIP_VERIFY", default=False)
    #: Seconds.
    yaml_timeout: Time = _named("YAML_TIMEOUT", "DRONE_YAML_TIMEOUT", default=60)
    convert_endpoint: Endpoint = _named("CONVERT_ENDPOINT", "DRONE_CONVERT_PLUGIN_ENDPOINT", default="")
    convert_secret: str = _named("CONVERT_SECRET", "DRONE_CONVERT_PLUGIN_SECRET", default="", repr=False)
    convert_skip_verify: bool = _named("CONVERT_SKIP_VERIFY", "DRONE_CONVERT_PLUGIN_SKIP_VERIFY", default=False)
    convert_extension: str = _named("CONVERT_EXTENSION", "DRONE_CONVERT_PLUGIN_EXTENSION", default="")
    convert_multi: bool = _named("CONVERT_MULTI", "DRONE_CONVERT_MULTI", default=False)
    #: Seconds.
    convert_timeout: Time = _named("CONVERT_TIMEOUT", "DRONE_CONVERT_TIMEOUT", default=60)
    validate_endpoint: Endpoint = _named("VALIDATE_ENDPOINT", "DRONE_VALIDATE_PLUGIN_ENDPOINT", default="")
    validate_secret: str = _named("VALIDATE_SECRET", "DRONE_VALIDATE_PLUGIN_SECRET", default="", repr=False)
    validate_skip_verify: bool = _named("VALIDATE_SKIP_VERIFY", "DRONE_VALIDATE_PLUGIN_SKIP_VERIFY", default=False)
    #: Seconds.
    validate_timeout: Time = _named("VALIDATE_TIMEOUT", "DRONE_VALIDATE_TIMEOUT", default=60)
    admission_endpoint: Endpoint = _named("ADMISSION_ENDPOINT", "DRONE_ADMISSION_PLUGIN_ENDPOINT", default="")
    admission_secret: str = _named("ADMISSION_SECRET", "DRONE_ADMISSION_PLUGIN_SECRET", default="", repr=False)
    admission_skip_verify: bool = _named("ADMISSION_SKIP_VERIFY", "DRONE_ADMISSION_PLUGIN_SKIP_VERIFY", default=False)
    secret_endpoint: Endpoint = _named(
        "SECRET_ENDPOINT", "DRONE_SECRET_PLUGIN_ENDPOINT", "DRONE_SECRET_ENDPOINT", default=""
    )
    secret_token: str = _named(
        "SECRET_TOKEN", "DRONE_SECRET_PLUGIN_TOKEN", "DRONE_SECRET_SECRET", default="", repr=False
    )
    secret_skip_verify: bool = _named(
        "SECRET_SKIP_VERIFY", "DRONE_SECRET_PLUGIN_SKIP_VERIFY", "DRONE_SECRET_SKIP_VERIFY", default=False
    )
    env_endpoint: Endpoint = _named("ENV_ENDPOINT", "DRONE_ENV_PLUGIN_ENDPOINT", default="")
    env_token: str = _named("ENV_TOKEN", "DRONE_ENV_PLUGIN_TOKEN", default="", repr=False)
    env_skip_verify: bool = _named("ENV_SKIP_VERIFY", "DRONE_ENV_PLUGIN_SKIP_VERIFY", default=False)

    drone_proto: str = Field(default="", validation_alias="DRONE_SERVER_PROTO")
    drone_host: str = Field(default="", validation_alias="DRONE_SERVER_HOST")
    drone_driver: str = Field(default="", validation_alias="DRONE_DATABASE_DRIVER")
    drone_source: str = Field(default="", validation_alias="DRONE_DATABASE_DATASOURCE", repr=False)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment only."""
        return (env_settings,)

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
    def yaml(self) -> Service:
        """The configuration extension."""
        return Service(self.yaml_endpoint, self.yaml_secret, self.yaml_skip_verify, self.yaml_timeout)

    @property
    def convert(self) -> Service:
        """The conversion extension."""
        return Service(self.convert_endpoint, self.convert_secret, self.convert_skip_verify, self.convert_timeout)

    @property
    def validation(self) -> Service:
        """The validation extension."""
        return Service(self.validate_endpoint, self.validate_secret, self.validate_skip_verify, self.validate_timeout)

    @property
    def admission(self) -> Service:
        """The admission extension."""
        return Service(self.admission_endpoint, self.admission_secret, self.admission_skip_verify)

    @property
    def secret(self) -> Service:
        """The secret extension."""
        return Service(self.secret_endpoint, self.secret_token, self.secret_skip_verify)

    @property
    def env(self) -> Service:
        """The environment extension."""
        return Service(self.env_endpoint, self.env_token, self.env_skip_verify)

    @property
    def host(self) -> str:
        """Where to listen; empty = every interface."""
        return values.host(self.bind)

    @property
    def port(self) -> int:
        """Where to listen; 0 = any free one."""
        return values.port(self.bind)

    @property
    def public_url(self) -> str:
        """The address in links, without a trailing slash."""
        return self.url or f"http://{self.bind if self.host else 'localhost' + self.bind}"

    @property
    def database(self) -> str:
        """The database's address."""
        return self.database_url or f"sqlite:///{self.data / 'gantry.sqlite'}"

    @property
    def roots(self) -> tuple[Path, ...]:
        """Folders under which `file://` repositories are allowed."""
        return self.git_roots or (self.data,)


def load(environ: Mapping[str, str]) -> Settings:
    """The settings of this process; BadSettings lists everything that is wrong.

    `environ` is the process's environment, asked for unknown names.
    """
    return read(Settings, environ, [f"{name} is not a setting" for name in sorted(_unknown(environ))])


def names() -> list[str]:
    """Every `GANTRY_` name that a server reads."""
    aliases = [field.validation_alias for field in Settings.model_fields.values()]
    return [str(alias.choices[0]) for alias in aliases if isinstance(alias, AliasChoices)]


def _unknown(environ: Mapping[str, str]) -> set[str]:
    return {name for name in environ if name.startswith("GANTRY_")} - set(names()) - _OTHERS
