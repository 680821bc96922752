"""Before something is destroyed, a terminal is asked."""

import os
import pty
import subprocess
import sys

import pytest

from tests.cli.farside import FarSide, answer, recorded

SLUG = "octocat/hello-world"


@pytest.mark.parametrize(("said", "code", "asked"), [(b"y\n", 0, 1), (b"n\n", 1, 0), (b"\n", 1, 0)])
def test_a_terminal_is_asked_whether_it_is_meant(
    environment: dict[str, str], far: FarSide, said: bytes, code: int, asked: int
) -> None:
    far.on("DELETE", f"/api/repos/{SLUG}", answer(recorded("one repository")))
    ours, theirs = pty.openpty()
    try:
        os.write(ours, said)
        command = [sys.executable, "-m", "app", "repo", "rm", SLUG]
        done = subprocess.run(command, stdin=theirs, env=environment, capture_output=True, text=True, timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)

    assert (done.returncode, len(far.asked)) == (code, asked)
    assert f"Delete {SLUG} with all its builds, logs and secrets?" in done.stderr
