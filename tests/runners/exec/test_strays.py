"""Processes that ran away from their group, and from all that names their step but the mark."""

from pathlib import Path

import pytest

from app.runners.exec import strays
from tests.runners.exec.farside import alive, marked
from tests.soon import soon_sync


def test_only_processes_of_the_workspace_or_of_its_folder_are_ended(tmp_path: Path) -> None:
    started = [marked(strays.mark(tmp_path / name), "exec sleep 600") for name in ("a/1", "a/2", "b/1")]
    try:
        one, two, other = started
        assert strays.kill_of(tmp_path / "a/1") == 1
        assert one.wait(20) == -9
        assert two.poll() is None
        assert strays.kill_below(tmp_path / "a") == 1
        assert two.wait(20) == -9
        assert other.poll() is None
    finally:
        for process in started:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("how", ["setsid", "env -i setsid", "cd / && env -i setsid"])
def test_neither_a_session_nor_an_empty_environment_hides_a_process(tmp_path: Path, how: str) -> None:
    first = marked(strays.mark(tmp_path), f"({how} sh -c 'echo $$; exec sleep 600' &) &")
    assert first.stdout
    pid = int(first.stdout.readline())
    assert first.wait(20) == 0
    assert alive(pid)

    assert strays.kill_of(tmp_path) >= 1

    soon_sync(lambda: not alive(pid), "the process has ended")
    first.stdout.close()


def test_processes_that_multiply_are_all_ended(tmp_path: Path) -> None:
    first = marked(strays.mark(tmp_path), "for i in 1 2 3 4 5 6 7 8; do setsid sleep 600 & done; wait")
    try:
        soon_sync(lambda: strays.kill_of(tmp_path), "a process is found")
        assert first.wait(20) == -9
        assert strays.kill_of(tmp_path) == 0
    finally:
        first.kill()
        first.communicate()
