import json
import time

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer, recorded

OCTOCAT = recorded("current user")


def test_rotate_prints_the_new_token_alone(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/user/token", answer(OCTOCAT | {"token": "fresh"}))

    done = gantry("token", "rotate")

    assert (done.stdout, far.asked[0].query) == ("fresh\n", {"rotate": "true"})
    assert json.loads(gantry("token", "rotate", "--json").stdout)["token"] == "fresh"


MADE = {
    "id": 3,
    "name": "ci",
    "scope": "promote",
    "repos": ["acme/web", "acme/api"],
    "created": 1_700_000_000,
    "expires": 1_900_000_000,
    "last_used": 0,
}


def test_create_sends_what_was_given_and_prints_the_token_alone(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/user/tokens", answer(MADE | {"token": "fresh"}))
    now = time.time()

    done = gantry(
        "token", "create", "ci", "--scope", "promote", "--repo", "acme/web", "--repo", "acme/api", "--expires", "2d"
    )

    body = far.asked[0].body
    assert done.stdout == "fresh\n"
    assert now + 2 * 86400 - 1 <= body.pop("expires") <= time.time() + 2 * 86400
    assert body == {"name": "ci", "scope": "promote", "repos": ["acme/web", "acme/api"]}


def test_create_leaves_out_what_was_not_given(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/user/tokens", answer(MADE | {"token": "fresh"}))

    assert json.loads(gantry("token", "create", "ci", "--scope", "read", "--json").stdout)["token"] == "fresh"
    gantry("token", "create", "ci", "--scope", "read", "--expires", "2030-01-01")

    assert [asked.body for asked in far.asked] == [
        {"name": "ci", "scope": "read"},
        {"name": "ci", "scope": "read", "expires": 1_893_456_000},
    ]


@pytest.mark.parametrize(
    "args", [["ci"], ["ci", "--scope", "write"], ["ci", "--scope", "read", "--repo", "web"], ["--scope", "read"],
             ["ci", "--scope", "read", "--expires", "soon"]]
)  # fmt: skip
def test_what_no_token_can_be_is_refused_before_the_server_is_asked(
    gantry: Gantry, far: FarSide, args: list[str]
) -> None:
    assert (gantry("token", "create", *args).returncode, far.asked) == (2, [])


def test_ls_shows_a_row_for_each_token(gantry: Gantry, far: FarSide) -> None:
    whole = {"id": 1, "name": "default", "scope": "admin", "repos": [], "created": 0, "expires": 0, "last_used": 0}
    far.on("GET", "/api/user/tokens", answer([MADE, whole]))

    far.on("GET", "/api/users/kim/tokens", answer([whole]))

    assert len(gantry("token", "ls", "--user", "kim").stdout.splitlines()) == 1
    rows = gantry("token", "ls").stdout.splitlines()

    assert rows[0].split(maxsplit=2)[:2] == ["ci", "promote"]
    assert "acme/web, acme/api" in rows[0]
    assert "2030-03-17T17:46:40Z" in rows[0]
    assert rows[1].split() == ["default", "admin", "all", "-", "never", "-"]


def test_rm_removes_when_it_is_meant(gantry: Gantry, far: FarSide) -> None:
    for path in ("/api/user/tokens/ci", "/api/users/kim/tokens/ci"):
        far.on("DELETE", path, Answer(204))

    unsure = gantry("token", "rm", "ci", stdin="y\n")
    done = gantry("token", "rm", "ci", "--yes")

    assert (unsure.returncode, done.stdout) == (2, "Token ci is removed\n")
    assert gantry("token", "rm", "ci", "--user", "kim", "--yes").returncode == 0
    assert far.paths("DELETE") == ["/api/user/tokens/ci", "/api/users/kim/tokens/ci"]
    assert gantry("token", "rm", "..", "--yes").returncode == 1


def test_nothing_else_is_done_with_a_token(gantry: Gantry, far: FarSide) -> None:
    done = gantry("token", "show")

    assert (done.returncode, far.asked) == (2, [])


def test_whoami_lists_the_browsers_that_are_logged_in(gantry: Gantry, far: FarSide) -> None:
    session = {
        "id": 4,
        "created": 1_700_000_000,
        "last_seen": 1_700_000_000,
        "expires": 1_900_000_000,
        "browser": "Fire\x1bfox 1",
        "address": "10.0.0.1",
        "current": False,
    }
    far.on("GET", "/api/user/sessions", answer([session]))

    (row,) = gantry("whoami", "--sessions").stdout.splitlines()

    assert row.startswith("4\t")
    assert row.endswith("2030-03-17T17:46:40Z\t10.0.0.1\tFire\N{REPLACEMENT CHARACTER}fox 1")
    assert json.loads(gantry("whoami", "--sessions", "--json").stdout) == [session]


def test_whoami_shows_what_the_account_has_at_hosts_and_why_not(gantry: Gantry, far: FarSide) -> None:
    host = {"host": "github", "login": "octo", "syncing": False, "synced": 0, "repositories": 12, "problem": ""}
    hosts = [
        host | {"synced": 1_700_000_000},
        host | {"host": "gitea", "syncing": True},
        host | {"host": "gitlab", "problem": "gitlab refused to renew the token: log in again at http://x/login"},
    ]
    far.on("GET", "/api/user", answer(OCTOCAT | {"hosts": hosts}))

    lines = gantry("whoami").stdout.splitlines()

    assert lines[-4:] == [
        "HOST    LOGIN  REPOSITORIES",
        "github  octo   12, 2023-11-14T22:13:20Z",
        "gitea   octo   12, synchronising…",
        "gitlab  octo   gitlab refused to renew the token: log in again at http://x/login",
    ]


def test_whoami_shows_the_account_of_the_token(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/user", answer(OCTOCAT))

    assert gantry("whoami").stdout.startswith("Login:    octocat\n")
    assert json.loads(gantry("whoami", "--json").stdout) == OCTOCAT
