"""The line that shows how far a transfer is."""

import os
import pty
import subprocess
import sys
import time

import pytest

from app.cli.terminal.progress import Progress
from tests.soon import PATIENCE

MB = 1024 * 1024
SHOWS = """
from app.cli.terminal.progress import Progress
with Progress("app.jar", 100) as progress:
    progress._shown = 0
    progress.add(50)
"""


def test_bytes_and_rate_count_what_came_now_and_the_share_all_that_is_there() -> None:
    progress = Progress("app.jar", 8 * MB, done=2 * MB)
    progress.add(2 * MB)

    assert progress.words(progress._began + 2) == "app.jar  [##########..........]  50%  4.0 MB of 8.0 MB  1.0 MB/s"


def test_a_transfer_whose_length_is_not_known_has_no_bar() -> None:
    progress = Progress("app.jar", 0)
    progress.add(MB)

    assert progress.words(progress._began + 1) == "app.jar  1.0 MB  1.0 MB/s"


def test_more_bytes_than_were_announced_are_no_more_than_all() -> None:
    progress = Progress("app.jar", MB)
    progress.add(3 * MB)

    assert "[####################] 100%" in progress.words(time.monotonic())


def test_nothing_is_shown_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("app.jar", MB) as progress:
        progress._shown = 0
        progress.add(MB)

    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_the_line_and_then_an_empty_one() -> None:
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", SHOWS], stderr=theirs, check=True, timeout=PATIENCE)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)

    assert "app.jar  [##########..........]  50%  50 B of 100 B" in shown
    assert shown.endswith("\r\x1b[K")
