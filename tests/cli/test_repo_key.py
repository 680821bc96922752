"""`gantry repo rotate-key`: what is said of the new key."""

from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer

SLUG = "octocat/hello-world"
PATH = f"/api/repos/{SLUG}/hook/rotate"
DONE = {"url": "http://gantry.test", "key": "hush", "at_host": True, "until": 1_700_086_400}


def test_a_key_that_the_host_has_is_not_shown(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", PATH, answer(DONE))

    done = gantry("repo", "rotate-key", SLUG)

    assert "its host has it, too; the key before counts until 2023-11-15" in done.stdout
    assert "hush" not in done.stdout


def test_a_key_that_no_host_has_is_shown_with_what_to_do(gantry: Gantry, far: FarSide) -> None:
    far.on("POST", PATH, answer(DONE | {"at_host": False}))

    done = gantry("repo", "rotate-key", SLUG)

    assert "hush" in done.stdout
    assert f"gantry repo hook {SLUG} --install" in done.stdout
