"""Events as CloudEvents 1.0 over HTTP, in binary mode (contract gantry-webhooks 3)."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from app.notify.webhooks.formats.data import data_of, fitted, moment
from app.notify.webhooks.formats.signing import signed
from app.notify.webhooks.model import Event, Request

#: Visible characters of ASCII that a header has as they are: all but `"` and `%`.
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


def render(event: Event, secrets: Sequence[str], at: int, server: str) -> Sequence[Request]:
    """One request: the attributes of the event as headers, its data as the body. A signature covers the body."""
    if not event.type:
        return ()
    attributes = {
        "id": event.key,
        "source": source_of(event, server),
        "type": f"{reverse_of(server)}.{event.type}",
        "time": moment(event.at),
    }
    if subject := subject_of(event):
        attributes["subject"] = subject
    body = fitted(data_of(event, server), lambda data: data)
    return (binary(attributes, event.key, body, secrets, at),)


def binary(attributes: Mapping[str, str], key: str, body: bytes, secrets: Sequence[str], at: int) -> Request:
    """The request of one event in binary mode: `key` is its id, `at` the time of the attempt in Unix seconds."""
    headers = {"content-type": "application/json", "ce-specversion": "1.0"}
    headers |= {f"ce-{name}": quote(value, safe=_SAFE) for name, value in attributes.items()}
    return Request(headers | signed(key, at, body, secrets), body)


def source_of(event: Event, server: str) -> str:
    """Where the event happened: the address of a repository, or of this server."""
    repo = event.facts.get("repo")
    return f"{server}/{repo['slug']}" if repo else server


def subject_of(event: Event) -> str:
    """What the event is about, in its source: `octocat/hello-world/43`, with the stage after it if that is meant."""
    facts = event.facts
    if build := facts.get("build"):
        run = f"{facts['repo']['slug']}/{build['number']}"
        return f"{run}/{facts['stage']}" if event.type.startswith("stage.") else run
    if repo := facts.get("repo"):
        return str(repo["slug"])
    user = facts.get("user")
    return str(user["login"]) if user else ""


@lru_cache(maxsize=16)
def reverse_of(server: str) -> str:
    """The name of a server, backwards: `com.example.ci`; `gantry` for a server that has only a number."""
    host = urlsplit(server).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return ".".join(reversed(host.split("."))) or "gantry"
    return "gantry"
