"""Drone's webhook, byte for byte."""

import json
from typing import Any

import pytest

from app.builds.model import Build, Stage, Step
from app.builds.wire import build_json
from app.extensions.signature import digest, sign
from app.notify.webhooks.formats import drone
from app.notify.webhooks.model import Event
from app.repos.model import Repo
from app.repos.wire import repo_json
from tests.acceptance.recorded import recording

SERVER, AT = "https://ci.example.com", 1_700_000_000
STAGE = Stage(3, 1, 2, 1, "default", status="running", steps=(Step(5, 3, 1, "one", "running", started=7),))
BUILD = Build(2, 1, 4, event="promote", deploy_to="production", message="a <b> & c\u2028 \u00e4", stages=(STAGE,))
REPO = repo_json(Repo(1, "octocat", "hello", git_http_url="https://git.example.com/x", counter=4))


def event(told: str = "build:updated", kind: str = "runner", **facts: Any) -> Event:
    known = {"repo": REPO, "build": build_json(BUILD, stages=True), "by": {"kind": kind, "name": "m1"}}
    return Event("key", "promotion.started", told, AT * 1000, {**known, **facts})


@pytest.mark.parametrize(
    ("secret", "body", "date", "expected", "signature"),
    [
        (
            "0123456789abcdef0123456789abcdef",
            '{"event":"repo","action":"enabled"}',
            "Wed, 01 Jan 2025 00:00:00 GMT",
            "SHA-256=7//oEgGxuIUNa6YNVhFhlNt2uGNBk7rBGLe6doGa86E=",
            "6cW4QtiCL3cnC2whkDKXQ4x7oJ2qML5w8HwA8UPse9E=",
        ),
        (
            "outgoing-secret-0001",
            '{"event":"build","action":"created"}',
            "Thu, 01 Jan 2026 00:00:00 GMT",
            "SHA-256=vMd7dalbm7PQHtvIsc/2qmcNqU6CkUQs2V955TEjYyQ=",
            "AlUik+CIKtRjwxECO0/f/8kCH0umTqHkLlJIow1Neq0=",
        ),
    ],
)
def test_what_is_signed_is_what_the_contract_says(
    secret: str, body: str, date: str, expected: str, signature: str
) -> None:
    """Contract drone-webhooks 4."""
    assert digest(body.encode()) == expected
    header = f'keyId="hmac-key",algorithm="hmac-sha256",signature="{signature}",headers="date digest"'
    assert sign({"date": date, "digest": expected}, secret, drone.SIGNED) == header


def test_what_was_recorded_was_signed_in_the_same_way() -> None:
    recorded = recording("webhooks")
    for delivery in recorded["deliveries"]:
        headers = {name.lower(): value for name, value in delivery["headers"].items()}
        assert sign(headers, recorded["secret"], drone.SIGNED) == headers["signature"]


def test_the_request_of_an_attempt() -> None:
    (request,) = drone.render(event(), ["new secret", "old secret"], AT, SERVER)

    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers == {
        "x-drone-event": "build",
        "content-type": "application/json",
        "date": "Tue, 14 Nov 2023 22:13:20 GMT",
        "digest": digest(request.body),
        "signature": sign(headers, "new secret", drone.SIGNED),
    }


def test_without_a_secret_an_empty_one_signs() -> None:
    for secrets in ([], [""]):
        (request,) = drone.render(event(), secrets, AT, SERVER)
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert headers["signature"] == sign(headers, "", drone.SIGNED)


def test_what_drone_does_not_tell_makes_no_request() -> None:
    assert drone.render(event(""), ["secret"], AT, SERVER) == []


def test_a_body_is_written_as_drone_writes_it() -> None:
    """No spaces, the keys in their order, and the signs that Drone escapes in texts."""
    (request,) = drone.render(event(), [], AT, SERVER)

    assert request.body.startswith(b'{"event":"build","action":"updated","repo":{"id":1,"uid":"","user_id":0,')
    assert rb'"message":"a \u003cb\u003e \u0026 c\u2028 ' + "\u00e4".encode() in request.body
    body = json.loads(request.body)
    assert body["build"]["message"] == BUILD.message
    assert list(body) == ["event", "action", "repo", "build", "system"]
    assert body["system"] == {
        "proto": "https",
        "host": "ci.example.com",
        "link": SERVER,
        "version": body["system"]["version"],
    }


def test_a_new_build_has_no_stages_and_comes_with_the_owner() -> None:
    user = {"id": 1, "login": "octocat", "avatar": "a", "avatar_url": "a"}
    (request,) = drone.render(event("build:created", "person", user=user), [], AT, SERVER)

    body = json.loads(request.body)
    assert list(body) == ["event", "action", "user", "repo", "build", "system"]
    assert "stages" not in body["build"]
    assert "build" not in body["repo"]
    assert body["user"] == {"id": 1, "login": "octocat", "avatar": "a"}


@pytest.mark.parametrize(("kind", "nested"), [("runner", True), ("person", False), ("server", False), ("hook", False)])
def test_the_build_that_a_runner_reports_on_stands_in_its_repository_too(kind: str, nested: bool) -> None:
    (request,) = drone.render(event(kind=kind), [], AT, SERVER)

    body = json.loads(request.body)
    assert body["build"]["stages"][0]["steps"][0]["status"] == "running"
    assert body["repo"].get("build") == (body["build"] if nested else None)
    if nested:
        assert list(body["repo"])[-2:] == ["build", "archived"]
