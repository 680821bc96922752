import json

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer

ENTRY = {
    "id": 7,
    "kind": "status",
    "repo": "octocat/hello-world",
    "host": "github",
    "subject": f"{'5c0ffee' * 5}5c0ff continuous-integration/drone/promote/production",
    "state": "waiting",
    "created": 1,
    "due": 2_000_000_000,
    "tries": 3,
    "error": "github answers POST /repos/octocat/hello-world/statuses/5c0ffee with 503",
}


def test_ls_shows_what_waits_and_why(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/outbox", answer([ENTRY, ENTRY | {"id": 8, "tries": 0, "due": 1, "error": ""}]))

    first, second = gantry("outbox", "ls").stdout.splitlines()

    assert first.split()[:4] == ["7", "status", "octocat/hello-world", "github"]
    assert "\t5c0ffee5c0 continuous-integration/drone/promote/production\t" in first
    assert first.endswith("\t3\t2033-05-18T03:33:20Z\t" + str(ENTRY["error"]))
    assert second.split()[-1] == "now"
    assert far.asked[0].query == {"state": "waiting", "page": "1", "per_page": "25"}


def test_ls_dead_shows_what_is_not_tried_any_more(gantry: Gantry, far: FarSide) -> None:
    dead = ENTRY | {"state": "dead", "due": 0}
    far.on("GET", "/api/outbox", answer([dead]), answer([dead]))

    assert "\t3\tnever\tgithub answers" in gantry("outbox", "ls", "--dead", "--page", "2").stdout
    assert json.loads(gantry("outbox", "ls", "--dead", "--json").stdout) == [dead]
    assert far.asked[0].query == {"state": "dead", "page": "2", "per_page": "25"}


def test_retry_tries_some_again(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/outbox/7/retry", Answer(204))
    far.on("POST", "/api/outbox/8/retry", Answer(204))

    assert gantry("outbox", "retry", "7", "8").stdout == "7 is tried again\n8 is tried again\n"


def test_retry_all_says_how_many(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/outbox/retry", answer({"retried": 12}), answer({"retried": 12}))

    assert gantry("outbox", "retry", "--all").stdout == "12 are tried again\n"
    assert json.loads(gantry("outbox", "retry", "--all", "--json").stdout) == {"retried": 12}


@pytest.mark.parametrize("arguments", [(), ("7", "--all"), ("x",), ("0",)])
def test_retry_wants_ids_or_all(gantry: Gantry, far: FarSide, arguments: tuple[str, ...]) -> None:
    done = gantry("outbox", "retry", *arguments)

    assert (done.returncode, far.asked) == (2, [])


def test_an_entry_that_has_left_is_told_of(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/outbox/7/retry", answer({"message": "there is no such entry: it has left"}, 404))

    done = gantry("outbox", "retry", "7")

    assert done.returncode == 1
    assert "there is no such entry: it has left" in done.stderr
