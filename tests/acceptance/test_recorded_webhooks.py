"""The recorded deliveries of Drone's webhook: the same calls of people and runners make the same deliveries.

The runner is the recorded one of `rpc.json`, whose builds the deliveries are about (contract drone-webhooks 1-4).
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from app.extensions.signature import digest, sign
from tests.acceptance import recorded
from tests.acceptance.differences import reason
from tests.acceptance.recorded import SLUG, compared
from tests.acceptance.server import Server, on_sqlite
from tests.acceptance.test_recorded_runner import SECRET, Runner, beginnings, replayed
from tests.notify.webhooks.receiver import Received, Receiver, receiving, silent, status

RECORDED = recorded.recording("webhooks")
#: Beside what every recording hides: where the server is, and which version it has.
_SYSTEM = {"host", "link", "version"}
#: Headers of the connection, which belong to the client of the sender.
_CONNECTION = {"user-agent", "accept", "accept-encoding", "content-length", "host"}


@dataclass(frozen=True)
class Told:
    """A server that has told an end point what was recorded, and that."""

    server: Server
    receiver: Receiver
    came: Sequence[Received]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("webhooks")
    with receiving() as receiver:
        settings = {"webhook_endpoint": f"{receiver.url}/hook?of=drone", "webhook_secret": RECORDED["secret"]}
        server, repository, sha = recorded.scene(folder, rpc_secret=SECRET, runner_capacity="0", **settings)
        with server, closing(Runner(server)) as runner:
            server.register(repository.url, visibility="public")
            server.json("POST", f"/api/repos/{SLUG}/secrets", json={"name": "token", "data": "s3cr3t-value"})
            assert replayed(runner, beginnings(server, sha)) == []
            server.push(SLUG, recorded.commit(repository, "# changed\n"))
            server.ask("POST", f"/api/repos/{SLUG}/builds/5/decline/1")
            expected = len(RECORDED["deliveries"])
            server.until(lambda: len(receiver.came) >= expected, f"{expected} deliveries came")
            yield Told(server, receiver, tuple(receiver.came))


def test_the_same_deliveries_come_in_the_same_order(told: Told) -> None:
    assert [_named(one.json) for one in told.came] == [_named(one["body"]) for one in RECORDED["deliveries"]]


def test_every_delivery_has_the_recorded_keys_types_and_values(told: Told) -> None:
    found = [
        f"delivery {number}: {text}"
        for number, (then, ours) in enumerate(zip(RECORDED["deliveries"], told.came, strict=True))
        for text in _differences(then["body"], ours.json)
    ]

    assert not found, "\n".join(found)


def test_every_delivery_is_signed_with_the_secret_and_has_the_recorded_headers(told: Told) -> None:
    for then, ours in zip(RECORDED["deliveries"], told.came, strict=True):
        headers = {name.lower(): value for name, value in then["headers"].items()}
        assert set(ours.headers) - _CONNECTION == set(headers) - _CONNECTION
        assert ours.path == "/hook?of=drone"
        for name in ("content-type", "x-drone-event"):
            assert ours.headers[name] == headers[name]
        assert ours.headers["digest"] == digest(ours.body)
        assert ours.headers["signature"] == sign(ours.headers, RECORDED["secret"], ("date", "digest"))


@on_sqlite  # another server could be there: what the killed one has taken waits a minute
def test_what_a_killed_server_was_telling_is_told_by_the_next_one(told: Told) -> None:
    receiver = told.receiver
    receiver.came.clear()
    receiver.answers = silent
    for target in ("quick", "slow"):
        told.server.promote(SLUG, 1, target)
    told.server.until(lambda: receiver.came, "the first delivery came")
    told.server.kill()
    receiver.answers = status(200)
    told.server.start()
    told.server.until(lambda: len(receiver.came) == 3, "all deliveries came")

    assert [one.json["build"]["deploy_to"] for one in receiver.came] == ["quick", "quick", "slow"]
    first, again, _ = receiver.came
    assert first.body == again.body


def _named(body: Any) -> tuple[Any, ...]:
    build = body.get("build", {})
    steps = [step["status"] for stage in build.get("stages", ()) for step in stage.get("steps", ())]
    return body["event"], body["action"], build.get("number"), build.get("status"), steps


def _differences(then: Any, ours: Any) -> Iterator[str]:
    for place, recorded_value, value in compared("", _normal(then), _normal(ours)):
        if reason("", place) is None:
            yield f"{place}: recorded {recorded_value!r}, ours {value!r}"
    yield from _out_of_order("", then, ours)


def _normal(value: Any, inside: str = "") -> Any:
    if isinstance(value, dict):
        kind = "repo" if "slug" in value else "system" if "proto" in value else ""
        return {name: _normal(item, f"{kind}.{name}") for name, item in value.items()}
    if isinstance(value, list):
        return [_normal(item, inside) for item in value]
    kind, _, name = inside.rpartition(".")
    of_place = name in recorded.PLACE or (kind == "system" and name in _SYSTEM) or inside == "repo.version"
    return type(value).__name__ if of_place else value


def _out_of_order(place: str, then: Any, ours: Any) -> Iterator[str]:
    """Objects whose common keys stand in another order than in the recording."""
    if isinstance(then, dict) and isinstance(ours, dict):
        known, found = [key for key in then if key in ours], [key for key in ours if key in then]
        if known != found:
            yield f"{place}: the keys were recorded as {known}, ours are {found}"
        for key in known:
            yield from _out_of_order(f"{place}.{key}", then[key], ours[key])
    elif isinstance(then, list) and isinstance(ours, list):
        for one, other in zip(then, ours, strict=False):
            yield from _out_of_order(place, one, other)
