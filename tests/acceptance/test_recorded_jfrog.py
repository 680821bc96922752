"""What JFrog's command line was recorded to ask, replayed request by request against a real server."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.acceptance.jfrog import Played, Player
from tests.acceptance.server import Server

#: Differences between values of one type.
SUMS = r"^header X-Checksum(-\w+)?: '[0-9a-f]+' was recorded, '[0-9a-f]+' is answered$"
SIZES = r"artifactory-build-info/.*json\.size: \d+ was recorded, \d+ is answered$"
#: Where we answer otherwise on purpose: what the command matches, what the difference matches, and why.
DIFFERENCES = [
    (r"jf rt bp ", SUMS, "the stored build-info holds other bytes than the recorded one"),
    (r"jf rt s --build=app$", SIZES, "the stored build-info has another length than the recorded one"),
    (r"jf rbc (rb2|rbold) ", SIZES, "the builds of this recording were not recorded: the player publishes its own"),
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


@dataclass(frozen=True)
class Recording:
    """The commands of a recording, played in their order, and the server that they were played against."""

    server: Server
    commands: dict[str, list[Played]]


@pytest.fixture(scope="module", params=["files", "builds", "bundles"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    with Server(tmp_path_factory.mktemp(request.param)) as server:
        yield Recording(server, dict(Player(server).play(request.param)))


def test_every_request_is_answered_as_recorded_but_for_the_table(played: Recording) -> None:
    found = [
        f"{command}\n  {one.request['method']} {one.request['path']}\n    {difference}"
        for command, asked in played.commands.items()
        for one in asked
        for difference in one.differences()
        if not any(re.search(of, command) and re.search(where, difference) for of, where, _ in DIFFERENCES)
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize("played", ["bundles"], indirect=True)
def test_a_length_that_was_recorded_otherwise_is_that_of_our_file(played: Recording) -> None:
    found = [
        result
        for asked in played.commands.values()
        for one in asked
        if any(re.search(SIZES, difference) for difference in one.differences())
        for result in one.answer.json["results"]
    ]

    assert len(found) == 2
    for result in found:
        answer = played.server.ask("GET", "/artifactory/{repo}/{path}/{name}".format(**result))
        assert len(answer.content) == result["size"]
