import json

from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer, recorded

OCTOCAT = recorded("current user")


def test_rotate_prints_the_new_token_alone(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", "/api/user/token", answer(OCTOCAT | {"token": "fresh"}))

    done = gantry("token", "rotate")

    assert (done.stdout, far.asked[0].query) == ("fresh\n", {"rotate": "true"})
    assert json.loads(gantry("token", "rotate", "--json").stdout)["token"] == "fresh"


def test_nothing_else_is_done_with_a_token(gantry: Gantry, far: FarSide) -> None:
    done = gantry("token", "show")

    assert (done.returncode, far.asked) == (2, [])


def test_whoami_shows_the_account_of_the_token(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/user", answer(OCTOCAT))

    assert gantry("whoami").stdout.startswith("Login:    octocat\n")
    assert json.loads(gantry("whoami", "--json").stdout) == OCTOCAT
