"""Child processes: what they print and read, and that nothing is left of them."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any, ClassVar

import pytest
import uvloop

from app import children
from app.children import Child
from tests.soon import soon


async def start(script: str, folder: Path, **files: int) -> Child:
    return await children.start(["/bin/sh", "-c", script], env=dict(os.environ), cwd=folder, **files)


async def test_what_is_written_is_read_and_what_is_printed_comes_apart(tmp_path: Path) -> None:
    child = await start(
        "read a; echo got $a; pwd; echo wrong >&2; exit 3", tmp_path, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert child.stdin is not None
    child.stdin.write(b"this\n")

    assert await child.communicate() == (f"got this\n{tmp_path}\n".encode(), b"wrong\n")
    assert (child.returncode, await child.wait()) == (3, 3)
    child.close()


async def test_much_output_waits_for_its_reader(tmp_path: Path) -> None:
    child = await start("head -c 3000000 /dev/zero", tmp_path, stdout=PIPE)

    out, err = await child.communicate()

    assert (len(out), err, child.returncode) == (3_000_000, b"", 0)
    child.close()


async def test_the_end_is_told_to_all_who_wait_although_others_hold_the_pipes(tmp_path: Path) -> None:
    child = await start("sleep 60 & echo $! >other; exit 0", tmp_path, stdin=DEVNULL, stdout=PIPE)

    assert [*await asyncio.gather(child.wait(), child.wait())] == [0, 0]
    child.kill()
    child.close()
    other = int((tmp_path / "other").read_text())
    os.kill(other, signal.SIGKILL)


async def test_all_that_is_in_its_group_is_killed(tmp_path: Path) -> None:
    child = await start("sleep 60 & echo $!; wait", tmp_path, stdout=PIPE)
    assert child.stdout is not None
    other = int(await child.stdout.readline())

    child.kill()

    assert await child.wait() == -signal.SIGKILL
    child.close()
    await soon(lambda: not Path(f"/proc/{other}").exists() or "Z" in Path(f"/proc/{other}/stat").read_text())


async def test_a_program_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await children.start([str(tmp_path / "nothing")], env={}, cwd=tmp_path, stdout=PIPE)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are watched by their file on Linux alone")
async def test_a_process_that_cannot_be_watched_is_waited_for_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> int:
        raise OSError

    monkeypatch.setattr(os, "pidfd_open", refuse)
    monkeypatch.setattr(children, "LOOK", 0.01)
    child = await start("exit 4", tmp_path)

    assert await child.wait() == 4


class Reused(io.FileIO):
    """A pipe whose descriptor is another file's by the time that the pipe is closed, if it was closed before."""

    others: ClassVar[list[int]] = []

    def close(self) -> None:
        if not self.closed:
            self.others.append(os.open(os.devnull, os.O_RDONLY))
        super().close()


class Reusing(subprocess.Popen[bytes]):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name, mode in {"stdin": "wb", "stdout": "rb", "stderr": "rb"}.items():
            pipe = getattr(self, name)
            setattr(self, name, Reused(os.dup(pipe.fileno()), mode))
            pipe.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_no_descriptor_is_closed_that_may_be_another_file_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Reusing)
    monkeypatch.setattr(Reused, "others", [])

    async def scene() -> None:
        for _ in range(3):
            child = await start("cat; echo wrong >&2", tmp_path, stdin=PIPE, stdout=PIPE, stderr=PIPE)
            assert child.stdin is not None
            child.stdin.write(b"this\n")
            assert await child.communicate() == (b"this\n", b"wrong\n")
            child.close()

    run(scene())
    opened = descriptors()
    run(scene())

    assert len(Reused.others) == 18
    assert descriptors() == opened + 9
    for other in Reused.others:
        os.close(other)  # OSError for one that is closed


def descriptors() -> int:
    """How many are open."""
    return sum(1 for _ in Path("/dev/fd").iterdir())
