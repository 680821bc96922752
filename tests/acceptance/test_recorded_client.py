"""What Drone's command line asks, as recorded in `cli.json`, replayed request by request against a real server."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.acceptance import recorded
from tests.acceptance.recorded import SLUG, Replay
from tests.acceptance.server import Server

LEFT_OUT = "(long, left out)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server, repository, sha = recorded.scene(tmp_path_factory.mktemp("client"))
    with server:
        recorded.first_build(server, repository, sha, again=4)  # as many as had been recorded before
        yield server


def test_every_request_of_drones_client_is_answered_as_recorded_but_for_the_table(server: Server) -> None:
    rollback = f"drone build rollback {SLUG} 1 production"
    pause = partial(server.ask, "DELETE", "/api/queue")  # the recorded runner was busy
    replay = Replay(server, before={rollback: pause}, at_once={"drone queue ls", f"drone encrypt {SLUG} s3cret"})

    found = replay.run(exchanges())

    assert not found, "\n".join(found)


def exchanges() -> list[Any]:
    """The requests of all commands, one after another, named after their command."""
    return [
        {
            "name": command["command"],
            "request": {"method": asked["method"], "path": asked["path"], "as": "admin", "body": asked["request"]},
            "status": asked["status"],
            **({} if asked["status"] == 204 or asked["response"] == LEFT_OUT else {"json": asked["response"]}),
        }
        for command in recorded.recording("cli")["commands"]
        for asked in command["requests"]
    ]
