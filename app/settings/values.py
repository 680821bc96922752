"""Reads the text of a setting; ValueError says what the text must be, and does not repeat a secret."""

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator

from app import duration, size
from app.names import LONGEST_LOGIN, is_name, rule

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

#: The fewest characters of a key or a shared secret.
SHORTEST_SECRET = 16
#: The fewest characters of the secret shared with runners. Drone accepts any length, so existing secrets can be short.
SHORTEST_RPC_SECRET = 8


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """An account that is created or updated at every start."""

    login: str
    admin: bool = False
    machine: bool = False
    token: str = ""

    def __repr__(self) -> str:
        return f"Bootstrap({self.login!r})"


@dataclass(frozen=True, slots=True)
class Service:
    """The address of an extension and how the server calls it; an empty address means that there is no extension."""

    url: str
    secret: str = field(default="", repr=False)
    #: Whether the extension's certificate is accepted without verification.
    skip_verify: bool = False
    #: Seconds.
    timeout: float = 60


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many bytes, or a share of what is free."""

    text: str
    bytes: int = 0
    share: float = 0.0

    def of(self, free: int) -> int:
        """The bytes that are allowed when so many are free."""
        return int(free * self.share) if self.share else self.bytes


#: Bytes of the stored log of a step if no setting says otherwise, and at most: a server takes no larger logs.
LOG_LIMIT, LARGEST_LOG = 5 * 1024 * 1024, 64 * 1024 * 1024
#: What a step may add to its workspace if no setting says otherwise.
MOST_OF_WHAT_IS_FREE = Allowance("90%", share=0.9)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the processes of one step may use at most; 0 = no limit.

    Memory has no limit by default, because no number is right for both a deployment and a compiler.
    """

    processes: int = 4096
    files: int = 65_536
    #: Bytes.
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Confining:
    """How the settings want steps to be separated from the server."""

    sandbox: "Sandbox" = "auto"
    #: Name of the account of the steps; empty = the server's own.
    user: str = ""
    limits: Limits = Limits()


def absolute(value: Path) -> Path:
    """A path that does not depend on the process's working directory."""
    return value.expanduser().absolute()


def bind(value: str) -> str:
    """A bind address, `HOST:PORT` or `:PORT`."""
    _, colon, port = value.rpartition(":")
    if not (colon and port.isdecimal() and int(port) < 65536):
        raise ValueError("must be HOST:PORT, or :PORT for every interface")
    return value


def blobs(value: str) -> str:
    """A folder, which does not depend on the process's working directory, or `s3://BUCKET` with or without a prefix."""
    if not value or value.startswith("s3://"):
        if value and not re.fullmatch(r"s3://[A-Za-z0-9][A-Za-z0-9._-]{1,62}(/[A-Za-z0-9!_.*'()-]+)*/?", value):
            raise ValueError("must be s3://BUCKET/PREFIX or a folder; credentials have variables of their own")
        return value.rstrip("/")
    if "://" in value:
        raise ValueError("must be a folder, or s3://BUCKET/PREFIX")
    return str(absolute(Path(value)))


def host(value: str) -> str:
    """The host of a bind address; empty = every interface."""
    return value.rpartition(":")[0].strip("[]")


def port(value: str) -> int:
    """The port of a bind address; 0 = any free port."""
    return int(value.rpartition(":")[2])


def with_port(value: str, port: int) -> str:
    """A bind address with another port."""
    return f"{value.rpartition(':')[0]}:{port}"


def url(value: str) -> str:
    """The address of a site, without a slash at its end."""
    parts = urlsplit(value)
    odd = parts.query or parts.fragment or not value.isprintable() or " " in value
    if parts.scheme not in ("http", "https") or not parts.hostname or odd:
        raise ValueError("must be http://HOST or https://HOST, with a port or a path if need be")
    return value.rstrip("/")


def database(value: str) -> str:
    """The address of a database."""
    value = re.sub(r"^postgres://", "postgresql://", value)
    if not value.startswith(("sqlite:///", "postgresql://")) or value == "sqlite:///":
        raise ValueError("must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME")
    if value.startswith("postgresql://"):
        check_postgres(value)
    return value


def folders(value: object) -> object:
    """Paths separated by colons."""
    return tuple(absolute(Path(part)) for part in value.split(":") if part) if isinstance(value, str) else value


def words(value: object) -> object:
    """Texts separated by commas."""
    return tuple(part for part in value.split(",") if part) if isinstance(value, str) else value


def origins(value: object) -> object:
    """Origins separated by commas or spaces."""
    return tuple(origin(part) for part in re.split(r"[,\s]+", value) if part) if isinstance(value, str) else value


def networks(value: object) -> object:
    """Addresses and networks separated by commas or spaces."""
    return tuple(network(part) for part in re.split(r"[,\s]+", value) if part) if isinstance(value, str) else value


def network(text: str) -> Network:
    """An address, or a network such as `10.0.0.0/8`."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        words = "write addresses such as 10.0.0.5, or networks such as 10.0.0.0/8"
        raise ValueError(f"has {text[:100]!r}: {words}") from None


def keys(value: object) -> object:
    """Keys separated by commas."""
    if not isinstance(value, str):
        return value
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    if any(len(key) < SHORTEST_SECRET for key in found):
        raise ValueError(f"must be keys of at least {SHORTEST_SECRET} characters each, with commas between them")
    return found


def base64_keys(value: object) -> object:
    """Keys in base64, separated by commas."""
    if not isinstance(value, str):
        return value
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    if not all(len(_bytes(key)) >= SHORTEST_SECRET for key in found):
        raise ValueError(f"must be keys of at least {SHORTEST_SECRET} bytes in base64, with commas between them")
    return found


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def mapping(value: object) -> object:
    """`name:value,name:value`, split at the first colon of each (contract drone-webhooks 15)."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition(":") for part in value.split(",") if part]
    if not all(name and colon for name, colon, _ in pairs):
        raise ValueError("must be NAME:VALUE pairs with commas between them")
    return {name: value for name, _, value in pairs}


def endpoint(value: str, of: str) -> str:
    """The address of something that is called, or none; the error never repeats it."""
    if value and not _is_address(value):
        raise ValueError(f"must be the {of}'s address, http:// or https:// with a host")
    return value


def endpoints(value: object) -> object:
    """The addresses of end points with commas between them, each once; the error never repeats one."""
    if not isinstance(value, str):
        return value
    found = tuple(dict.fromkeys(part for part in value.split(",") if part))
    if not all(map(_is_address, found)):
        raise ValueError("must be addresses with commas between them, http:// or https:// with a host each")
    return found


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and value.isprintable() and " " not in value


def at_least(length: int, value: str) -> str:
    """A text of at least `length` characters."""
    if len(value) < length:
        raise ValueError(f"must have at least {length} characters")
    return value


def line(value: str) -> str:
    """A text without control characters, for one line of a file or of git's input."""
    if not value.isprintable():
        raise ValueError("must be one line without control characters")
    return value


def seconds(value: object, hours: int) -> object:
    """A duration in seconds, of at least one second and at most `hours` hours."""
    if not isinstance(value, str):
        return value
    if not 1 <= (found := duration.seconds(value)) <= hours * 3600:
        raise ValueError(f"must be from 1s to {hours}h")
    return found


def allowance(value: object) -> object:
    """A size, or a percentage of what is free."""
    if not isinstance(value, str):
        return value
    if value.endswith("%"):
        if not (re.fullmatch(r"[0-9]{1,3}%", value) and 1 <= int(value[:-1]) <= 100):
            raise ValueError("must be a size, as in 10GB, or from 1% to 100%, a part of what is free")
        return Allowance(value, share=int(value[:-1]) / 100)
    return Allowance(value, bytes=of_at_least(1024 * 1024, value))


def whole_size(value: object) -> object:
    """The bytes of a size; 0 is no limit."""
    if not isinstance(value, str):
        return value
    return 0 if value == "0" else of_at_least(1024 * 1024, value)


def log_size(value: object) -> object:
    """The bytes of a log."""
    return of_at_least(64 * 1024, value, LARGEST_LOG) if isinstance(value, str) else value


def of_at_least(smallest: int, value: str, largest: int = 1 << 50) -> int:
    """The bytes of a size between two others."""
    if not smallest <= (found := size.of(value)) <= largest:
        raise ValueError(f"must be from {size.text(smallest)} to {size.text(largest)}")
    return found


def origin(text: str) -> str:
    """An origin as browsers send it; ValueError for a text that no browser would send."""
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


def check_postgres(url: str) -> None:
    """Check an address of PostgreSQL; ValueError for parts that would fail or be ignored. Never repeats the address."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("has no usable host or port; write special characters of the password as %XX") from None
    if unknown := sorted(parse_qs(parts.query).keys() - {"sslmode"}):
        raise ValueError(f"has options that are not known: {', '.join(unknown)}; known is sslmode")


def bootstrap(text: object) -> object:
    """Read `username:x,admin:true,machine:false,token:…` (contract drone-rest 1.1); ValueError says what is wrong."""
    if not isinstance(text, str):
        return text
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


_AMOUNT = re.compile(r"([0-9]{1,15})([kmgt]?)")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def limits(value: object) -> object:
    """`processes:NUMBER,files:NUMBER,memory:SIZE`; what is absent keeps its default, and 0 is no limit."""
    if not isinstance(value, str):
        return value
    pairs = [part.partition(":") for part in value.split(",") if part.strip()]
    given = {name.strip(): text.strip().lower() for name, _, text in pairs}
    if unknown := sorted(given.keys() - {"processes", "files", "memory"}):
        raise ValueError(f"has {unknown[0][:100]!r}: the limits are processes, files and memory")
    amounts = {name: _amount(name, text) for name, text in given.items()}
    return Limits(**amounts)


def _amount(name: str, text: str) -> int:
    found = _AMOUNT.fullmatch(text)
    if not found or (name != "memory" and found[2]):
        form = "a size such as 512m or 8g" if name == "memory" else "a number"
        raise ValueError(f"needs {name}: to be {form}, or 0 for no limit")
    return int(found[1]) * _UNITS[found[2]]


def user(value: str) -> str:
    """The name of an account of this machine."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", value):
        raise ValueError("must be the name of an account of this machine")
    return value


#: Types for the fields of settings.
Sandbox = Literal["auto", "bwrap", "none"]
LogForm = Literal["", "json", "text"]
StepLimits = Annotated[Limits, BeforeValidator(limits)]
User = Annotated[str, AfterValidator(user)]
Folder = Annotated[Path, AfterValidator(absolute)]
Folders = Annotated[tuple[Path, ...], BeforeValidator(folders)]
SiteURL = Annotated[str, AfterValidator(url)]
DatabaseURL = Annotated[str, AfterValidator(database)]
Account = Annotated[Bootstrap | None, BeforeValidator(bootstrap)]
Origins = Annotated[tuple[str, ...], BeforeValidator(origins)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(networks)]
Bind = Annotated[str, AfterValidator(bind)]
Endpoint = Annotated[str, AfterValidator(lambda value: endpoint(value, "extension"))]
SecretURL = Annotated[str, AfterValidator(lambda value: endpoint(value, "workflow"))]
Endpoints = Annotated[tuple[str, ...], BeforeValidator(endpoints)]
Map = Annotated[Mapping[str, str], BeforeValidator(mapping)]
Line = Annotated[str, AfterValidator(line)]
Words = Annotated[tuple[str, ...], BeforeValidator(words)]
Key = Annotated[str, AfterValidator(lambda value: at_least(SHORTEST_SECRET, value))]
Keys = Annotated[tuple[str, ...], BeforeValidator(keys)]
Base64Keys = Annotated[tuple[str, ...], BeforeValidator(base64_keys)]
RPCSecret = Annotated[str, AfterValidator(lambda value: at_least(SHORTEST_RPC_SECRET, value))]
#: Seconds.
Time = Annotated[int, BeforeValidator(lambda value: seconds(value, 24))]
Blobs = Annotated[str, AfterValidator(blobs)]
Size = Annotated[int, BeforeValidator(whole_size)]
LogSize = Annotated[int, BeforeValidator(log_size)]
Room = Annotated[Allowance, BeforeValidator(allowance)]
LongTime = Annotated[int, BeforeValidator(lambda value: seconds(value, 24 * 365))]
