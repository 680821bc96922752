import json
from typing import Any

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer, recorded

OCTOCAT = recorded("current user")


def test_add_sends_what_was_given_and_shows_a_token_that_the_server_made(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/users", answer(OCTOCAT | {"login": "bot", "token": "made-by-the-server"}))

    done = gantry(
        "user",
        "add",
        "bot",
        "--host",
        "github",
        "--machine",
        "--admin",
        "--token",
        "mine",
        "--email",
        "bot@example.com",
    )

    assert far.asked[0].body == {
        "login": "bot",
        "admin": True,
        "machine": True,
        "token": "mine",
        "email": "bot@example.com",
        "host": "github",
    }
    assert "Token:    made-by-the-server  (keep it: it is not shown again)\n" in done.stdout


def test_add_shows_from_where_the_person_is_expected(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/users", answer(OCTOCAT | {"login": "ann", "host": "gitea"}))

    assert "Expected from:  gitea\n" in gantry("user", "add", "ann", "--host", "gitea").stdout


def test_add_without_options_leaves_the_rest_to_the_server(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/users", answer(OCTOCAT | {"login": "bob"}))

    done = gantry("user", "add", "bob")

    assert far.asked[0].body == {"login": "bob", "admin": False, "machine": False}
    assert "Token" not in done.stdout


def test_ls_shows_a_row_for_each_account(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/users", answer([OCTOCAT]))

    rows = [line.split() for line in gantry("user", "ls").stdout.splitlines()]

    assert rows[0] == ["octocat", "octocat@example.com", "yes", "-", "yes", "-"]


def test_info_shows_the_account(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/users/octocat", answer(OCTOCAT))

    shown = gantry("user", "info", "octocat").stdout

    assert "Login:    octocat\n" in shown
    assert "Active:   yes\n" in shown
    assert json.loads(gantry("user", "info", "octocat", "--json").stdout) == OCTOCAT


@pytest.mark.parametrize(
    ("args", "body"),
    [
        (["--admin"], {"admin": True}),
        (["--no-admin", "--email", ""], {"admin": False, "email": ""}),
        (["--inactive"], {"active": False}),
        (["--active", "--admin"], {"active": True, "admin": True}),
        (["--host", "github"], {"host": "github"}),
        (["--host", ""], {"host": ""}),
    ],
)
def test_update_sends_only_what_is_given(gantry: Gantry, far: FarSide, args: list[str], body: Any) -> None:
    far.on("PATCH", "/api/users/octocat", answer(OCTOCAT))

    assert gantry("user", "update", "octocat", *args).returncode == 0
    assert far.asked[0].body == body


def test_update_without_a_change_is_refused(gantry: Gantry, far: FarSide) -> None:
    done = gantry("user", "update", "octocat")

    assert (done.returncode, far.asked) == (2, [])
    assert "nothing to change" in done.stderr


def test_rm_removes_when_it_is_meant(gantry: Gantry, far: FarSide) -> None:
    far.on("DELETE", "/api/users/bob", Answer(204))

    unsure = gantry("user", "rm", "bob", stdin="y\n")
    done = gantry("user", "rm", "bob", "--yes")

    assert (unsure.returncode, "Give --yes" in unsure.stderr) == (2, True)
    assert far.paths("DELETE") == ["/api/users/bob"]
    assert (done.returncode, done.stdout) == (0, "Account bob is removed\n")


def test_what_the_server_refuses_is_told(gantry: Gantry, far: FarSide) -> None:
    far.on("DELETE", "/api/users/octocat", answer({"message": "octocat is the last active administrator"}, 409))

    done = gantry("user", "rm", "octocat", "--yes")

    assert (done.returncode, "last active administrator" in done.stderr) == (1, True)


def test_rotate_shows_the_new_token(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/users/octocat/token/rotate", answer(OCTOCAT | {"token": "fresh"}))

    assert "Token:    fresh  (keep it: it is not shown again)\n" in gantry("user", "rotate", "octocat").stdout


@pytest.mark.parametrize("verb", [("info",), ("update", "--admin"), ("rm", "--yes"), ("rotate",)])
def test_a_name_that_would_change_the_path_is_refused(gantry: Gantry, far: FarSide, verb: tuple[str, ...]) -> None:
    done = gantry("user", *verb, "..")

    assert (done.returncode, far.asked) == (1, [])
    assert "cannot be a name" in done.stderr
