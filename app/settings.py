"""The server's settings: the only reader of the environment, read once, frozen.

Each has Gantry's name and, where Drone has one, Drone's, so that an existing Drone environment file works.
Gantry's wins. All problems are told at once.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import AliasChoices, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app import duration
from app.errors import AppError
from app.names import LONGEST_LOGIN, is_name, rule

S = TypeVar("S", bound=BaseSettings)

#: Names that the command line and the tests read; the server must not call them unknown.
_OTHERS = frozenset({"GANTRY_SERVER", "GANTRY_TOKEN", "GANTRY_TEST_POSTGRES"})
#: Characters of a key or a shared secret at least.
SHORTEST_SECRET = 16
#: Of the secret shared with runners: Drone takes any, and installations that move here have short ones.
SHORTEST_RPC_SECRET = 8
_DATABASES = {"sqlite3": "sqlite:///", "postgres": ""}


class BadSettings(AppError):
    """The environment does not make a server; the message has a line for every problem."""

    code = "bad_settings"


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """An account that is created or updated at every start."""

    login: str
    admin: bool = False
    machine: bool = False
    token: str = ""

    def __repr__(self) -> str:
        return f"Bootstrap({self.login!r})"


def _named(name: str, *drone: str, **options: Any) -> Any:
    return Field(validation_alias=AliasChoices(f"GANTRY_{name}", *drone), **options)


class Settings(BaseSettings):
    """What the README's table says, one field a row."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", case_sensitive=True, validate_default=False
    )

    data: Path = _named("DATA", default_factory=lambda: Path("data").absolute())
    bind: str = _named("BIND", "DRONE_SERVER_PORT", default="127.0.0.1:8080")
    url: str = _named("URL", default="")
    database_url: str = _named("DATABASE_URL", default="", repr=False)
    admin: Annotated[Bootstrap | None, NoDecode] = _named("ADMIN", "DRONE_USER_CREATE", default=None)
    secret_key: str = _named("SECRET_KEY", "DRONE_DATABASE_SECRET", default="", repr=False)
    old_secret_keys: Annotated[tuple[str, ...], NoDecode] = _named("OLD_SECRET_KEYS", default=(), repr=False)
    cookie_secret: str = _named("COOKIE_SECRET", "DRONE_COOKIE_SECRET", default="", repr=False)
    rpc_secret: str = _named("RPC_SECRET", "DRONE_RPC_SECRET", default="", repr=False)
    #: Seconds without a sign after which a runner is lost.
    runner_lease: int = _named("RUNNER_LEASE", default=120)
    #: Seconds after which a stage that no runner has taken ends.
    runner_patience: int = _named("RUNNER_PATIENCE", "DRONE_CLEANUP_DEADLINE_PENDING", default=24 * 3600)
    runner_capacity: int = _named("RUNNER_CAPACITY", "DRONE_RUNNER_CAPACITY", default=2, ge=0, le=1000)
    runner_environ: Annotated[Mapping[str, str], NoDecode] = _named(
        "RUNNER_ENVIRON", "DRONE_RUNNER_ENVIRON", default_factory=dict, repr=False
    )
    #: Seconds.
    cron_interval: int = _named("CRON_INTERVAL", "DRONE_CRON_INTERVAL", default=30)
    git_roots: Annotated[tuple[Path, ...], NoDecode] = _named("GIT_ROOTS", default=())
    git_username: str = _named("GIT_USERNAME", "DRONE_GIT_USERNAME", default="")
    git_password: str = _named("GIT_PASSWORD", "DRONE_GIT_PASSWORD", default="", repr=False)
    git_always_auth: bool = _named("GIT_ALWAYS_AUTH", "DRONE_GIT_ALWAYS_AUTH", default=False)
    private_mode: bool = _named("PRIVATE_MODE", "DRONE_SERVER_PRIVATE_MODE", default=False)
    cors_origins: Annotated[tuple[str, ...], NoDecode] = _named("CORS_ORIGINS", default=())
    metrics_anonymous: bool = _named("METRICS_ANONYMOUS", "DRONE_PROMETHEUS_ANONYMOUS_ACCESS", default=False)
    rate_limit: int = _named("RATE_LIMIT", default=0, ge=0, le=1_000_000)
    demo: bool = _named("DEMO", default=False)

    yaml_endpoint: str = _named("YAML_ENDPOINT", "DRONE_YAML_ENDPOINT", default="")
    yaml_secret: str = _named("YAML_SECRET", "DRONE_YAML_SECRET", default="", repr=False)
    yaml_skip_verify: bool = _named("YAML_SKIP_VERIFY", "DRONE_YAML_SKIP_VERIFY", default=False)
    #: Seconds.
    yaml_timeout: int = _named("YAML_TIMEOUT", "DRONE_YAML_TIMEOUT", default=60)
    convert_endpoint: str = _named("CONVERT_ENDPOINT", "DRONE_CONVERT_PLUGIN_ENDPOINT", default="")
    convert_secret: str = _named("CONVERT_SECRET", "DRONE_CONVERT_PLUGIN_SECRET", default="", repr=False)
    convert_skip_verify: bool = _named("CONVERT_SKIP_VERIFY", "DRONE_CONVERT_PLUGIN_SKIP_VERIFY", default=False)
    convert_extension: str = _named("CONVERT_EXTENSION", "DRONE_CONVERT_PLUGIN_EXTENSION", default="")
    convert_multi: bool = _named("CONVERT_MULTI", "DRONE_CONVERT_MULTI", default=False)
    #: Seconds.
    convert_timeout: int = _named("CONVERT_TIMEOUT", "DRONE_CONVERT_TIMEOUT", default=60)
    validate_endpoint: str = _named("VALIDATE_ENDPOINT", "DRONE_VALIDATE_PLUGIN_ENDPOINT", default="")
    validate_secret: str = _named("VALIDATE_SECRET", "DRONE_VALIDATE_PLUGIN_SECRET", default="", repr=False)
    validate_skip_verify: bool = _named("VALIDATE_SKIP_VERIFY", "DRONE_VALIDATE_PLUGIN_SKIP_VERIFY", default=False)
    #: Seconds.
    validate_timeout: int = _named("VALIDATE_TIMEOUT", "DRONE_VALIDATE_TIMEOUT", default=60)
    admission_endpoint: str = _named("ADMISSION_ENDPOINT", "DRONE_ADMISSION_PLUGIN_ENDPOINT", default="")
    admission_secret: str = _named("ADMISSION_SECRET", "DRONE_ADMISSION_PLUGIN_SECRET", default="", repr=False)
    admission_skip_verify: bool = _named("ADMISSION_SKIP_VERIFY", "DRONE_ADMISSION_PLUGIN_SKIP_VERIFY", default=False)
    secret_endpoint: str = _named(
        "SECRET_ENDPOINT", "DRONE_SECRET_PLUGIN_ENDPOINT", "DRONE_SECRET_ENDPOINT", default=""
    )
    secret_token: str = _named(
        "SECRET_TOKEN", "DRONE_SECRET_PLUGIN_TOKEN", "DRONE_SECRET_SECRET", default="", repr=False
    )
    secret_skip_verify: bool = _named(
        "SECRET_SKIP_VERIFY", "DRONE_SECRET_PLUGIN_SKIP_VERIFY", "DRONE_SECRET_SKIP_VERIFY", default=False
    )
    env_endpoint: str = _named("ENV_ENDPOINT", "DRONE_ENV_PLUGIN_ENDPOINT", default="")
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

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("bind")
    @classmethod
    def _bind(cls, value: str) -> str:
        _, colon, port = value.rpartition(":")
        if not (colon and port.isdecimal() and int(port) < 65536):
            raise ValueError("must be HOST:PORT, or :PORT for every interface")
        return value

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        parts = urlsplit(value)
        odd = parts.query or parts.fragment or not value.isprintable() or " " in value
        if parts.scheme not in ("http", "https") or not parts.hostname or odd:
            raise ValueError("must be http://HOST or https://HOST, with a port or a path if need be")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        value = re.sub(r"^postgres://", "postgresql://", value)
        if not value.startswith(("sqlite:///", "postgresql://")) or value == "sqlite:///":
            raise ValueError("must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME")
        if value.startswith("postgresql://"):
            _check_address(value)
        return value

    @field_validator("admin", mode="before")
    @classmethod
    def _admin(cls, value: object) -> object:
        return bootstrap(value) if isinstance(value, str) else value

    @field_validator("runner_environ", mode="before")
    @classmethod
    def _environ(cls, value: object) -> object:
        return mapping(value) if isinstance(value, str) else value

    @field_validator(
        "yaml_endpoint",
        "convert_endpoint",
        "validate_endpoint",
        "admission_endpoint",
        "secret_endpoint",
        "env_endpoint",
    )
    @classmethod
    def _endpoint(cls, value: str) -> str:
        return endpoint(value)

    @field_validator(
        "cron_interval", "runner_lease", "yaml_timeout", "convert_timeout", "validate_timeout", mode="before"
    )
    @classmethod
    def _duration(cls, value: object) -> object:
        return _seconds(value, 24)

    @field_validator("runner_patience", mode="before")
    @classmethod
    def _long_duration(cls, value: object) -> object:
        return _seconds(value, 24 * 365)

    @field_validator("git_roots", mode="before")
    @classmethod
    def _git_roots(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(Path(part).expanduser().absolute() for part in value.split(":") if part)

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _cors_origins(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(_origin(part) for part in re.split(r"[,\s]+", value) if part)

    @field_validator("secret_key", "cookie_secret")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        return _at_least(SHORTEST_SECRET, value)

    @field_validator("rpc_secret")
    @classmethod
    def _rpc_secret(cls, value: str) -> str:
        return _at_least(SHORTEST_RPC_SECRET, value)

    @field_validator("old_secret_keys", mode="before")
    @classmethod
    def _old_secret_keys(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        keys = tuple(part.strip() for part in value.split(",") if part.strip())
        if any(len(key) < SHORTEST_SECRET for key in keys):
            raise ValueError(f"must be keys of at least {SHORTEST_SECRET} characters each, with commas between them")
        return keys

    @field_validator("drone_driver")
    @classmethod
    def _driver(cls, value: str) -> str:
        if value not in _DATABASES:
            raise ValueError(f"must be {' or '.join(_DATABASES)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _from_drone(cls, values: dict[str, Any]) -> dict[str, Any]:
        host, driver = values.get("DRONE_SERVER_HOST"), values.get("DRONE_DATABASE_DRIVER", "sqlite3")
        if host and "GANTRY_URL" not in values:
            host = re.sub(r"^https?://", "", host.lower())
            values["GANTRY_URL"] = f"{values.get('DRONE_SERVER_PROTO') or 'http'}://{host}"
        if "GANTRY_DATABASE_URL" in values:
            values.pop("DRONE_DATABASE_DRIVER", None)
        elif driver in _DATABASES and (address := values.get("DRONE_DATABASE_DATASOURCE")):
            if driver == "sqlite3":
                address = address.partition("?")[0]  # options of Drone's driver
            values["GANTRY_DATABASE_URL"] = _DATABASES[driver] + address
        elif driver == "postgres":
            raise ValueError("DRONE_DATABASE_DATASOURCE must name the database, as DRONE_DATABASE_DRIVER is postgres")
        return values

    @property
    def host(self) -> str:
        """Where to listen; empty = every interface."""
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Where to listen; 0 = any free one."""
        return int(self.bind.rpartition(":")[2])

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


def mapping(text: str) -> dict[str, str]:
    """`name:value,name:value`, split at the first colon of each (`spec` drone-webhooks 15); ValueError."""
    pairs = [part.partition(":") for part in text.split(",") if part]
    if not all(name and colon for name, colon, _ in pairs):
        raise ValueError("must be NAME:VALUE pairs with commas between them")
    return {name: value for name, _, value in pairs}


def endpoint(value: str) -> str:
    """The address of an extension; ValueError, which never repeats it."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or not value.isprintable() or " " in value:
        raise ValueError("must be the extension's address, http:// or https:// with a host")
    return value


def _at_least(length: int, value: str) -> str:
    if len(value) < length:
        raise ValueError(f"must have at least {length} characters")
    return value


def _seconds(value: object, hours: int) -> object:
    """A duration of at least a second and at most so many hours, in seconds."""
    if not isinstance(value, str):
        return value
    if not 1 <= (seconds := duration.seconds(value)) <= hours * 3600:
        raise ValueError(f"must be from 1s to {hours}h")
    return seconds


def _origin(text: str) -> str:
    """An origin as browsers send it; ValueError for what none would send."""
    try:
        parts = urlsplit(text.lower())
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or "*" in text or parts.username is not None:
        raise ValueError(f"has {text[:100]!r}: origins are http://HOST or https://HOST, with a port if need be")
    if parts.geturl() != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"has {text[:100]!r}: an origin has no path and no slash at its end")
    return parts.geturl()


def _check_address(url: str) -> None:
    """ValueError for what would not be understood, or silently be left out; never repeats the address."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("has no usable host or port; write special characters of the password as %XX") from None
    if unknown := sorted(parse_qs(parts.query).keys() - {"sslmode"}):
        raise ValueError(f"has options that are not known: {', '.join(unknown)}; known is sslmode")


def bootstrap(text: str) -> Bootstrap:
    """Read `username:x,admin:true,machine:false,token:…` (`spec` drone-rest 1.1); ValueError says what is off."""
    pairs = [part.partition(":") for part in text.split(",") if part.strip()]
    values = {key.strip(): value.strip() for key, _, value in pairs}
    if values.keys() - {"username", "admin", "machine", "token"}:  # not shown: it may be a token with a comma
        raise ValueError("has an unknown key; known are username, admin, machine, token, and no value holds a comma")
    login, token = values.get("username", ""), values.get("token", "")
    if not is_name(login, LONGEST_LOGIN):
        raise ValueError(f"needs username: {rule(LONGEST_LOGIN)}")
    flags = {key: values.get(key, "false").lower() for key in ("admin", "machine")}
    if wrong := [key for key, value in flags.items() if value not in ("true", "false")]:
        raise ValueError(f"needs true or false for {' and '.join(wrong)}")
    if flags["machine"] == "true" and not token:
        raise ValueError("needs a token: for a machine")
    return Bootstrap(login, flags["admin"] == "true", flags["machine"] == "true", token)


def load(environ: Mapping[str, str]) -> Settings:
    """The settings of this process; BadSettings lists everything that is wrong.

    `environ` is the process's environment, asked for unknown names.
    """
    return read(Settings, environ, [f"{name} is not a setting" for name in sorted(_unknown(environ))])


def read(kind: type[S], environ: Mapping[str, str], problems: Sequence[str] = ()) -> S:
    """What the environment makes of a model; BadSettings lists these problems, and all others."""
    found = list(problems)
    try:
        settings = kind()
    except ValidationError as error:
        for detail in error.errors(include_input=False):
            field = kind.model_fields.get(str(detail["loc"][0])) if detail["loc"] else None
            location = (str(field.validation_alias),) if field else detail["loc"]  # a default goes by the field's name
            found.append(_problem(location, detail["msg"], environ))
    if found:
        raise BadSettings("the settings are wrong:\n" + "\n".join(f"  {problem}" for problem in found))
    return settings


def inherited() -> dict[str, str]:
    """What steps and git inherit of this process's own environment; steps do without what is git's own."""
    proxies = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
    names = ("PATH", "USER", "LANG", "GIT_SSL_CAINFO", *proxies, *(name.upper() for name in proxies))
    return {name: value for name in names if (value := os.environ.get(name))}


def names() -> list[str]:
    """Every `GANTRY_` name that a server reads."""
    aliases = [field.validation_alias for field in Settings.model_fields.values()]
    return [str(alias.choices[0]) for alias in aliases if isinstance(alias, AliasChoices)]


def _unknown(environ: Mapping[str, str]) -> set[str]:
    return {name for name in environ if name.startswith("GANTRY_")} - set(names()) - _OTHERS


def _problem(location: tuple[int | str, ...], message: str, environ: Mapping[str, str]) -> str:
    name = f"{_given(str(location[0]), environ)} " if location else ""
    return name + message.removeprefix("Value error, ")


def _given(name: str, environ: Mapping[str, str]) -> str:
    """The name under which a setting was given: its own, or Drone's."""
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices) and alias.choices[0] == name:
            return next((str(choice) for choice in alias.choices if environ.get(str(choice))), name)
    return name
