"""The command as a user calls it, against a far side on loopback."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests import gantry as command
from tests.cli.farside import FarSide

TOKEN = "t0ken-of-octocat"


class Gantry(Protocol):
    def __call__(
        self, *args: str, stdin: str = "", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def far() -> Iterator[FarSide]:
    with FarSide() as far:
        yield far


@pytest.fixture
def environment(far: FarSide, tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has set what the client needs."""
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("GANTRY_", "DRONE_")) and "proxy" not in k.lower()
    }
    ours = {"GANTRY_SERVER": far.url, "GANTRY_TOKEN": TOKEN, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return clean | ours | {"PYTHONWARNINGS": "error"}


@pytest.fixture
def gantry(environment: dict[str, str], tmp_path: Path) -> Gantry:
    """Runs the command in a process of its own, in an empty folder."""

    def run(*args: str, stdin: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return command.run(args, environment if env is None else env, stdin=stdin, cwd=tmp_path)

    return run
