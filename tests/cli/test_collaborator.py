import json
from typing import Any

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer

SLUG = "octocat/hello-world"
COLLABORATORS = f"/api/repos/{SLUG}/collaborators"
ROWS: list[dict[str, Any]] = [
    {"login": "ada", "read": True, "write": True, "admin": False},
    {"login": "octocat", "read": True, "write": True, "admin": True},
]


def test_ls_shows_a_row_for_each(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", COLLABORATORS, answer(ROWS))

    rows = [line.split() for line in gantry("collaborator", "ls", SLUG).stdout.splitlines()]

    assert rows == [["ada", "yes", "yes", "-"], ["octocat", "yes", "yes", "yes"]]
    assert json.loads(gantry("collaborator", "ls", SLUG, "--json").stdout) == ROWS


@pytest.mark.parametrize("right", ["read", "write", "admin"])
def test_set_gives_a_right(gantry: Gantry, far: FarSide, right: str) -> None:
    far.on("PUT", f"{COLLABORATORS}/ada", answer({"read": True, "write": True, "admin": False}))

    done = gantry("collaborator", "set", SLUG, "ada", right)

    assert far.asked[0].body == {right: True}
    assert done.stdout == f"ada has {right} access to {SLUG}\n"


def test_a_right_that_is_none_is_refused(gantry: Gantry, far: FarSide) -> None:
    assert gantry("collaborator", "set", SLUG, "ada", "owner").returncode == 2
    assert far.asked == []


def test_rm_takes_all_rights_when_it_is_meant(gantry: Gantry, far: FarSide) -> None:
    far.on("DELETE", f"{COLLABORATORS}/ada", Answer(204))

    unsure = gantry("collaborator", "rm", SLUG, "ada")
    done = gantry("collaborator", "rm", SLUG, "ada", "--yes")

    assert (unsure.returncode, "Give --yes" in unsure.stderr) == (2, True)
    assert far.paths("DELETE") == [f"{COLLABORATORS}/ada"]
    assert done.stdout == f"ada has no rights in {SLUG} any more\n"
