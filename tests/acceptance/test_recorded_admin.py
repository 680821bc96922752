"""The recorded exchanges of `admin.json`, replayed request by request against a real server."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance import recorded
from tests.acceptance.recorded import SLUG, Replay
from tests.acceptance.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server, repository, sha = recorded.scene(tmp_path_factory.mktemp("admin"))
    with server:
        recorded.first_build(server, repository, sha, again=7)  # as many as had been recorded before
        yield server


def test_every_recorded_exchange_is_answered_as_recorded_but_for_the_table(server: Server) -> None:
    def grant(**rights: bool) -> Any:
        return lambda: server.json("PUT", f"/api/repos/{SLUG}/collaborators/alice", json=rights)

    def queue(method: str) -> Any:
        """The recorded runner was busy while the queue is paused here."""
        return lambda: server.ask(method, "/api/queue")

    before = {
        "promote by one who may read": grant(read=True),
        "promote by one who may write": grant(write=True),
        "promote in a protected repository, unsigned file": queue("DELETE"),
        "the approved build, finished": queue("POST"),
        "promote in a protected repository again": queue("DELETE"),
        "unprotect": queue("POST"),
    }
    at_once = {
        "promote by one who may write",
        "sign a pipeline file",
        "encrypt a secret",
        "encrypt, no data",
        "cancel a blocked build",
        "promote in a disabled repository",
    }
    replay = Replay(server, before=before, at_once=at_once)

    found = replay.run(recorded.recording("admin")["exchanges"])

    assert not found, "\n".join(found)
