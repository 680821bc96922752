"""What a subscription may say (contract gantry-webhooks 8). Pure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, get_args
from urllib.parse import urlsplit

from app.builds.model import Status
from app.errors import Problem
from app.notify.webhooks import addresses
from app.notify.webhooks.formats import SIGNED, fault_of_secret
from app.notify.webhooks.matching import matcher, of_drone
from app.notify.webhooks.model import Format

_PROMOTIONS = ("requested", "approved", "declined", "started", "succeeded", "failed", "cancelled")
#: The types of all events.
TYPES: Sequence[str] = (
    *(f"promotion.{word}" for word in _PROMOTIONS),
    *(f"rollback.{word}" for word in _PROMOTIONS),
    *(f"build.{word}" for word in ("created", "approved", "declined", "started", "finished")),
    *("stage.started", "stage.finished", "repo.enabled", "repo.disabled", "repo.deleted"),
    *("user.created", "user.deleted", "webhook.disabled"),
)
#: Drone's events and actions, also those that only its documentation has (contract drone-webhooks 1).
DRONE: Sequence[str] = (
    *("build:created", "build:updated", "repo:enabled", "repo:disabled", "repo:deleted", "repo:updated"),
    *("user:created", "user:updated", "user:deleted"),
)
STATUSES: Sequence[str] = get_args(Status)
#: Characters of an address and of a secret; patterns of a list, and characters of a pattern; secrets.
LONGEST_URL, LONGEST_SECRET = 2000, 1024
MOST_PATTERNS, LONGEST_PATTERN, MOST_SECRETS = 50, 200, 3
#: Formats whose addresses are secrets: whoever knows the address may write into the chat.
CHATS: frozenset[Format] = frozenset({"slack", "mattermost", "teams"})
#: The last part of a host that is no name: some programs read such hosts as addresses.
_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
#: What stands for the rest of an address that is a secret.
HIDDEN = "/******"


def problems(values: Mapping[str, Any], *, private: bool) -> list[Problem]:
    """Everything that is wrong with a subscription, by the names of its fields.

    `private` says that private networks may be called.
    """
    return list(_problems(values, private))


def _problems(values: Mapping[str, Any], private: bool) -> Iterator[Problem]:
    format_: Format = values["format"]
    if fault := fault_of_url(values["url"], private=private):
        yield Problem("url", "bad_webhook_url", f"url {fault}")
    drone = format_ == "drone"
    known = DRONE if drone else TYPES
    yield from _faults_of_patterns("events", values["events"], known, of_drone if drone else str)
    yield from _faults_of_patterns("targets", values["targets"])
    yield from _faults_of_patterns("statuses", values["statuses"], STATUSES)
    yield from _faults_of_secrets(format_, values["secrets"])


def fault_of_url(url: str, *, private: bool) -> str:
    """What is wrong with an address, as the end of a sentence; empty for a good one."""
    if len(url) > LONGEST_URL:
        return f"must have at most {LONGEST_URL} characters"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must have no spaces, control characters or letters beyond ASCII: percent-encode them"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "must be an address such as https://example.com/hooks"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "must be an address that begins with https:// or http://, and have a host"
    if parts.username is not None or parts.password is not None:
        return "must not have a user or a password: the receiver knows the server by its signature"
    if parts.fragment:
        return "must have no part after a #: it is never sent"
    if parts.path == HIDDEN:
        return "is the form in which addresses of chats are shown: send the whole address, or leave it out"
    return _fault_of_host(parts.hostname, private=private)


def _fault_of_host(host: str, *, private: bool) -> str:
    """What is wrong with a host that is an address of the network; where a name leads to is seen when it is called."""
    if host == "localhost" and not private:
        host = "127.0.0.1"
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        name = host.removesuffix(".")
        if "" in name.split(".") or _NUMBER.fullmatch(name.rpartition(".")[2]):
            return f"has the host {host}, which is neither a name nor an address in its usual form, such as 192.0.2.1"
        return ""
    fault = addresses.fault(host, private=private)
    return f"leads to {host}, which {fault}" if fault else ""


def _faults_of_patterns(
    field: str, patterns: Sequence[str], known: Sequence[str] = (), read: Callable[[str], str] = str
) -> Iterator[Problem]:
    if len(patterns) > MOST_PATTERNS:
        yield Problem(field, "webhook_patterns", f"{field} has more than {MOST_PATTERNS} patterns: use * for several")
        return
    for pattern in patterns:
        if not pattern or len(pattern) > LONGEST_PATTERN or not pattern.isprintable():
            words = f"{field} has a pattern that is empty, has control characters or more than {LONGEST_PATTERN} others"
            yield Problem(field, "webhook_pattern", words)
        elif known and not any(map(matcher((read(pattern),)), known)):
            words = f"{field}: {pattern!r} matches none of {', '.join(known)}"
            yield Problem(field, "webhook_pattern", words)


def _faults_of_secrets(format_: Format, secrets: Sequence[str]) -> Iterator[Problem]:
    if secrets and format_ not in SIGNED:
        words = f"secret is not for the format {format_}, which signs nothing: its address is the secret"
        yield Problem("secret", "bad_secret", words)
        return
    if len(secrets) > MOST_SECRETS:
        yield Problem("secrets", "bad_secret", f"secrets must be at most {MOST_SECRETS}")
    for secret in secrets:
        fault = fault_of_secret(format_, secret)
        if fault is None and (len(secret) > LONGEST_SECRET or not secret.isascii() or not secret.isprintable()):
            fault = f"must have at most {LONGEST_SECRET} characters, all printable ASCII"
        if fault:
            yield Problem("secret", "bad_secret", f"secret {fault}")
