"""`gantry open`: the address of a build, in a browser or printed."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import EXCHANGES, FarSide, answer

SLUG = "octocat/hello-world"


@pytest.fixture(autouse=True)
def server(far: FarSide) -> None:
    far.on("GET", f"/api/repos/{SLUG}/builds/latest", answer(EXCHANGES["latest build"]["json"] | {"number": 7}))


def without_display(environment: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}


def test_without_a_display_the_address_is_printed(gantry: Gantry, far: FarSide, environment: dict[str, str]) -> None:
    plain = without_display(environment)

    assert gantry("open", SLUG, env=plain).stdout == f"{far.url}/{SLUG}/7\n"
    assert gantry("open", SLUG, "12", env=plain).stdout == f"{far.url}/{SLUG}/12\n"
    assert gantry("open", f"{SLUG}#12", env=plain).stdout == f"{far.url}/{SLUG}/12\n"


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
