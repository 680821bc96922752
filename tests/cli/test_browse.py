"""`gantry open`: the address of a build, in a browser or printed."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import EXCHANGES, FarSide, answer

SLUG = "octocat/hello-world"


@pytest.fixture(autouse=True)
def server(far: FarSide) -> None:
    for which, number in (("latest", 7), ("12", 12)):
        told = EXCHANGES["latest build"]["json"] | {"number": number}
        far.on("GET", f"/api/repos/{SLUG}/builds/{which}", answer(told))


def without_display(environment: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}


def test_without_a_display_the_address_is_printed(gantry: Gantry, far: FarSide, environment: dict[str, str]) -> None:
    plain = without_display(environment)

    assert gantry("open", SLUG, env=plain).stdout == f"{far.url}/{SLUG}/7\n"
    assert gantry("open", SLUG, "12", env=plain).stdout == f"{far.url}/{SLUG}/12\n"
    assert gantry("open", f"{SLUG}#12", env=plain).stdout == f"{far.url}/{SLUG}/12\n"


def test_a_repository_without_builds_is_shown_itself(gantry: Gantry, far: FarSide, environment: dict[str, str]) -> None:
    far.on("GET", "/api/repos/acme/new/builds/latest", answer({"message": "no build yet"}, 404))
    far.on("GET", "/api/repos/acme/new", answer(EXCHANGES["latest build"]["json"]))
    plain = without_display(environment)

    assert gantry("open", "acme/new", env=plain).stdout == f"{far.url}/acme/new\n"
    assert json.loads(gantry("open", "acme/new", "--json").stdout) == {"link": f"{far.url}/acme/new"}
    assert "no build yet" in gantry("open", "acme/new", "last").stderr


@pytest.mark.parametrize("words", [("acme/nope",), ("acme/nope", "12"), (SLUG, "13")])
def test_what_is_not_there_is_not_opened(
    gantry: Gantry, far: FarSide, environment: dict[str, str], words: tuple[str, ...]
) -> None:
    for path in ("/api/repos/acme/nope/builds/latest", "/api/repos/acme/nope", "/api/repos/acme/nope/builds/12"):
        far.on("GET", path, answer({"message": "Not Found"}, 404))
    far.on("GET", f"/api/repos/{SLUG}/builds/13", answer({"message": "Not Found"}, 404))

    told = gantry("open", *words, env=without_display(environment))

    assert (told.returncode, told.stdout, "404" in told.stderr) == (1, "", True)


def test_outside_a_clone_the_board_is_shown(gantry: Gantry, far: FarSide, environment: dict[str, str]) -> None:
    plain = without_display(environment)

    assert gantry("open", env=plain).stdout == f"{far.url}/\n"
    assert json.loads(gantry("open", "--json").stdout) == {"link": f"{far.url}/"}
    assert "git" in gantry("open", "12", env=plain).stderr


def test_the_browser_gets_the_address(
    gantry: Gantry, far: FarSide, environment: dict[str, str], tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{tmp_path}/opened\n')
    browser.chmod(0o755)
    shows = environment | {"BROWSER": f"{browser} %s"}

    assert gantry("open", SLUG, "12", env=shows).stdout == ""
    assert (tmp_path / "opened").read_text() == f"{far.url}/{SLUG}/12\n"
    assert gantry("open", SLUG, "12", "--print", env=shows).stdout == f"{far.url}/{SLUG}/12\n"


def test_programs_get_json(gantry: Gantry, far: FarSide) -> None:
    assert json.loads(gantry("open", SLUG, "--json").stdout) == {"number": 7, "link": f"{far.url}/{SLUG}/7"}
