"""Processes that ran away from their group."""

import subprocess
from pathlib import Path

from app.runners.exec import strays
from tests.soon import soon_sync


def test_only_marked_processes_are_ended(tmp_path: Path) -> None:
    ours = subprocess.Popen(["sleep", "600"], env={"X": f"{tmp_path}/drone-1/home"}, start_new_session=True)
    other = subprocess.Popen(["sleep", "600"], env={"X": f"y:{tmp_path}/drone-1"}, start_new_session=True)
    try:
        assert strays.kill(f"{tmp_path}/drone-") == 1
        assert ours.wait(20) == -9
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


def test_processes_that_multiply_are_all_ended(tmp_path: Path) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do setsid sleep 600 & done; wait"
    first = subprocess.Popen(["sh", "-c", script], env={"PATH": "/usr/bin:/bin", "X": f"{tmp_path}/"})
    try:
        soon_sync(lambda: strays.kill(f"{tmp_path}/"), "a process is found")
        assert first.wait(20) == -9
        assert strays.kill(f"{tmp_path}/") == 0
    finally:
        first.kill()
        first.wait()
