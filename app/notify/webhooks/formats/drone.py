"""Drone's webhook (contract drone-webhooks 3, 4)."""

from collections.abc import Mapping, Sequence
from email.utils import formatdate
from importlib.metadata import version
from typing import Any

import orjson

from app import DISTRIBUTION
from app.extensions.signature import digest, sign
from app.notify.webhooks.model import Event, Request

#: The headers that are signed, in this order.
SIGNED = ("date", "digest")
_VERSION = version(DISTRIBUTION)
#: What Drone escapes in the texts of its JSON, in UTF-8. None of these stands anywhere but in a text.
_ESCAPES = {text.encode(): f"\\u{ord(text):04x}".encode() for text in "&<>\u2028\u2029"}


def render(event: Event, secrets: Sequence[str], at: int, server: str) -> Sequence[Request]:
    """The request of an event, signed with the newest secret, or with an empty one; none of what Drone does not tell.

    `at` is Unix seconds, `server` the public address of this server.
    """
    return [_request(event, secrets[0] if secrets else "", at, server)] if event.drone else []


def _request(event: Event, secret: str, at: int, server: str) -> Request:
    body = body_of(event, server)
    headers = {"date": formatdate(at, usegmt=True), "digest": digest(body)}
    return Request(
        {
            "X-Drone-Event": event.drone.partition(":")[0],
            "Content-Type": "application/json",
            "Date": headers["date"],
            "Digest": headers["digest"],
            "Signature": sign(headers, secret, SIGNED),
        },
        body,
    )


def body_of(event: Event, server: str) -> bytes:
    """The body of an event, as Drone writes it: the order of keys, no spaces, the same characters escaped."""
    name, _, action = event.drone.partition(":")
    payload: dict[str, Any] = {"event": name, "action": action}
    facts = event.facts
    build = _build(facts["build"], stages=action != "created") if "build" in facts else None
    if "user" in facts:
        payload["user"] = _user(facts["user"])
    if "repo" in facts:
        payload["repo"] = _repo(facts["repo"], build if facts["by"]["kind"] == "runner" else None)
    if build is not None:
        payload["build"] = build
    payload["system"] = _system(server)
    body = orjson.dumps(payload)
    for text, escaped in _ESCAPES.items():
        body = body.replace(text, escaped)
    return body


def _user(user: Mapping[str, Any]) -> dict[str, Any]:
    """An account without the second name of its avatar, which only Drone's API has."""
    return {name: value for name, value in user.items() if name != "avatar_url"}


def _repo(repo: Mapping[str, Any], build: Mapping[str, Any] | None) -> dict[str, Any]:
    """A repository; with the build that a runner has reported on before its last key."""
    if build is None:
        return dict(repo)
    shown = dict(repo)
    archived = shown.pop("archived")
    return shown | {"build": build, "archived": archived}


def _build(build: Mapping[str, Any], *, stages: bool) -> dict[str, Any]:
    return {name: value for name, value in build.items() if stages or name != "stages"}


def _system(server: str) -> dict[str, str]:
    """How Drone names a server that is at this address."""
    proto, _, host = server.partition("://")
    return {"proto": proto, "host": host, "link": server, "version": _VERSION}
