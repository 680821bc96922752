"""What JFrog's command line was recorded to ask, replayed request by request against a real server."""

import re
from collections.abc import Iterator

import pytest

from tests.acceptance.jfrog import Played, Player
from tests.acceptance.server import Server

#: Where we answer otherwise on purpose: what the command matches, what the difference matches, and why.
DIFFERENCES = [
    (r"jf rt bp ", r"^header X-Checksum", "the stored build-info holds other bytes than the recorded one"),
    (r"jf rt s --build=app$", r"json\.size: ", "the same file"),
    (r"jf rbc (rb2|rbold) ", r"artifactory-build-info/.*json\.size: ", "the same file"),
    (
        r"bpr app 1 dev-local|bpr V 1 all-virtual",
        r"^messages: ",
        "a file that is at the target is not moved onto itself",
    ),
    (
        r"bpr prod-local|--project=default",
        r"^messages: ",
        "an entry with a path names one file, which is at the target since the promotion before; copies stay",
    ),
]


@pytest.fixture(scope="module", params=["files", "builds", "bundles"])
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[Played]]]:
    """The commands of a recording, played in their order."""
    with Server(tmp_path_factory.mktemp(request.param)) as server:
        yield dict(Player(server).play(request.param))


def test_every_request_is_answered_as_recorded_but_for_the_table(played: dict[str, list[Played]]) -> None:
    found = [
        f"{command}\n  {one.request['method']} {one.request['path']}\n    {difference}"
        for command, asked in played.items()
        for one in asked
        for difference in one.differences()
        if not any(re.search(of, command) and re.search(where, difference) for of, where, _ in DIFFERENCES)
    ]

    assert not found, "\n".join(found)
