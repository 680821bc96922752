from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer, recorded

OCTOCAT = recorded("current user")


def test_add_sends_what_was_given_and_shows_a_token_that_the_server_made(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/users", answer(OCTOCAT | {"login": "bot", "token": "made-by-the-server"}))

    done = gantry("user", "add", "bot", "--machine", "--admin", "--token", "mine", "--email", "bot@example.com")

    assert far.asked[0].body == {
        "login": "bot",
        "admin": True,
        "machine": True,
        "token": "mine",
        "email": "bot@example.com",
    }
    assert "Token:    made-by-the-server  (keep it: it is not shown again)\n" in done.stdout


def test_add_without_options_leaves_the_rest_to_the_server(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/users", answer(OCTOCAT | {"login": "bob"}))

    done = gantry("user", "add", "bob")

    assert far.asked[0].body == {"login": "bob", "admin": False, "machine": False}
    assert "Token" not in done.stdout


def test_ls_shows_a_row_for_each_account(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/users", answer([OCTOCAT]))

    rows = [line.split() for line in gantry("user", "ls").stdout.splitlines()]

    assert rows[1] == ["octocat", "octocat@example.com", "yes", "-", "yes", "-"]
