"""The command as a user calls it, against a far side on loopback."""

import contextlib
import os
import pty
import subprocess
import sys
import termios
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
    foreign = ("GANTRY_", "DRONE_", "CLICOLOR", "FORCE_COLOR", "NO_COLOR")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(foreign) and "proxy" not in k.lower()}
    ours = {"GANTRY_SERVER": far.url, "GANTRY_TOKEN": TOKEN, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return clean | ours | {"PYTHONWARNINGS": "error"}


@pytest.fixture
def gantry(environment: dict[str, str], tmp_path: Path) -> Gantry:
    """Runs the command in a process of its own, in an empty folder."""

    def run(*args: str, stdin: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return command.run(args, environment if env is None else env, stdin=stdin, cwd=tmp_path)

    return run


def on_a_terminal(environment: dict[str, str], *args: str) -> str:
    """What a command writes to a terminal, without what the terminal itself makes of line ends."""
    ours, theirs = pty.openpty()
    settings = termios.tcgetattr(theirs)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    command = [sys.executable, "-m", "app", *args]
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        done = subprocess.run(command, stdout=theirs, env=environment, stderr=subprocess.PIPE, timeout=60)
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := terminal.read(65536):
                said += piece
    assert done.returncode == 0, done.stderr
    return said.decode()
