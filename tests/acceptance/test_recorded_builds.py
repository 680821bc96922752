"""The recorded exchanges of `builds.json`, replayed request by request against a real server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import recorded
from tests.acceptance.differences import DIFFERENCES
from tests.acceptance.recorded import Replay
from tests.acceptance.server import Server

#: Recorded builds by our numbers: the recorded 4 had parameters that we refuse.
OURS = {5: 4, 6: 5, 7: 6, 8: 7}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server, repository, sha = recorded.scene(tmp_path_factory.mktemp("recorded"))
    with server:
        recorded.first_build(server, repository, sha)
        yield server


def test_every_recorded_exchange_is_answered_as_recorded_but_for_the_table(server: Server) -> None:
    replay = Replay(server, numbers=OURS, never_made={4}, at_once={"promoted build at once"})

    found = replay.run(recorded.recording("builds")["exchanges"])

    assert not found, "\n".join(found)
    expected = {"nothing to run", "stages in the answer", "parameter names", "new parameters win", "more variables"}
    assert replay.used >= expected


def test_the_page_lists_every_deliberate_difference_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text()
    section = page.partition("<!-- differences -->")[2].partition("<!-- /differences -->")[0]

    rows = re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)

    assert set(rows) - {"what", "---"} == set(DIFFERENCES)
