"""`gantry search`: what a few words may mean."""

import json

from tests.cli.conftest import Gantry, on_a_terminal
from tests.cli.farside import FarSide, answer

BUILD = {"number": 42, "status": "failure", "event": "promote", "after": "5fcb01b9" + "a" * 32}
FOUND = [
    {"kind": "build", "slug": "acme/web", "link": "http://gantry.test/acme/web/42", "build": BUILD},
    {"kind": "repository", "slug": "acme/web", "link": "http://gantry.test/acme/web"},
    {"kind": "target", "slug": "acme/web", "link": "http://gantry.test/acme/web/-/targets/x", "target": "x\x1b[2J"},
]


def test_what_is_found_is_a_table_with_addresses(environment: dict[str, str], far: FarSide) -> None:
    far.on("GET", "/api/search", answer(FOUND))

    shown = on_a_terminal(environment | {"COLUMNS": "200", "NO_COLOR": "1"}, "search", "acme/web", "42")

    assert far.asked[-1].query == {"q": "acme/web 42"}
    head, build, repository, target = shown.splitlines()
    assert head.split() == ["KIND", "WHAT", "STATUS", "ADDRESS"]
    assert build.split() == ["build", "acme/web#42", "5fcb01b9", "failure", "http://gantry.test/acme/web/42"]
    assert repository.split() == ["repository", "acme/web", "-", "http://gantry.test/acme/web"]
    assert "\x1b" not in target


def test_nothing_found_says_so_and_json_is_the_answer(
    environment: dict[str, str], gantry: Gantry, far: FarSide
) -> None:
    far.on("GET", "/api/search", answer([]), answer(FOUND))

    assert "Nothing was found" in on_a_terminal(environment, "search", "nowhere")
    assert json.loads(gantry("search", "web", "--json").stdout) == FOUND
