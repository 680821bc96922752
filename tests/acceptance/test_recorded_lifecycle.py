"""The recorded exchanges of `lifecycle.json`: builds that fail, are cancelled, wait for approval, are declined."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.acceptance import recorded
from tests.acceptance.recorded import SLUG, Replay
from tests.acceptance.server import Server
from tests.scm.repository import Repository


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Repository, str]]:
    server, repository, sha = recorded.scene(tmp_path_factory.mktemp("lifecycle"))
    with server:
        recorded.first_build(server, repository, sha)
        yield server, repository, sha


def test_every_recorded_exchange_is_answered_as_recorded_but_for_the_table(
    scene: tuple[Server, Repository, str],
) -> None:
    """What is declined has another text than what was approved before: an approval counts for later builds."""
    server, repository, sha = scene
    before: dict[str, Callable[[], object]] = {
        "a build with a running stage": partial(server.running, SLUG, 2, shows="one\n"),
        "cancel of a running build": partial(server.running, SLUG, 3, shows="hanging\n"),
        "builds": partial(server.push, SLUG, sha),
        "decline": lambda: server.push(SLUG, recorded.commit(repository, "# changed\n")),
    }
    at_once = {
        "promote to a slow target",
        "a build with a running stage",
        "log of a step that is running, by the plain endpoint",
        "promote to a target that hangs",
        "cancel of a running build",
    }
    replay = Replay(server, before=before, at_once=at_once)

    found = replay.run(recorded.recording("lifecycle")["exchanges"])

    assert not found, "\n".join(found)
