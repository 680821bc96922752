"""Children end with their caller."""

import asyncio
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.errors import Unavailable
from app.scm.git import process
from app.scm.host import TooLarge
from tests.scm.repository import ENV
from tests.soon import soon

#: leaves its own number and that of a child that ignores hints
STUBBORN = "trap '' TERM HUP; sleep 600 & echo $$ $! >pids.new; mv pids.new pids; wait"


def setting(cwd: Path, timeout: float = 60) -> process.Setting:
    return process.Setting("git", ENV, cwd, timeout)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def pids(directory: Path) -> list[int]:
    await soon((directory / "pids").exists)
    return [int(pid) for pid in (directory / "pids").read_text().split()]


async def until_gone(numbers: list[int]) -> None:
    await soon(lambda: not any(map(alive, numbers)), within=10)


async def test_output_and_complaints_and_code_come_back(tmp_path: Path) -> None:
    done = await process.run(["sh", "-c", "printf out; printf err >&2; exit 3"], setting(tmp_path), max_output=3)
    assert done == process.Done(3, b"out", b"err")


async def test_it_is_stopped_with_all_its_children_when_time_is_up(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"git took longer than 0\.5 s"):
        await process.run(["sh", "-c", STUBBORN], setting(tmp_path, 0.5), max_output=10)
    await until_gone(await pids(tmp_path))


async def test_a_child_that_stays_behind_is_stopped_too(tmp_path: Path) -> None:
    leader_ends = "sleep 600 & echo $! >pids"
    with pytest.raises(Unavailable):
        await process.run(["sh", "-c", leader_ends], setting(tmp_path, 0.5), max_output=10)
    await until_gone(await pids(tmp_path))


async def test_it_is_stopped_with_all_its_children_when_the_caller_is(tmp_path: Path) -> None:
    caller = asyncio.create_task(process.run(["sh", "-c", STUBBORN], setting(tmp_path), max_output=10))
    started = await pids(tmp_path)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await until_gone(started)


@pytest.mark.parametrize("turns", range(12))
async def test_a_caller_that_is_stopped_while_it_starts_leaves_nothing_behind(tmp_path: Path, turns: int) -> None:
    caller = asyncio.create_task(process.run(["sh", "-c", STUBBORN], setting(tmp_path), max_output=10))
    for _ in range(turns):
        await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(caller, 30)
    if (tmp_path / "pids").exists():
        await until_gone(await pids(tmp_path))


async def test_endless_output_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="git printed more than 1000 bytes"):
        await process.run(["sh", "-c", "yes"], setting(tmp_path), max_output=1000)


async def test_endless_complaints_are_cut_and_do_not_stop_it(tmp_path: Path) -> None:
    script = "head -c 3000000 /dev/zero >&2; printf end"
    done = await process.run(["sh", "-c", script], setting(tmp_path), max_output=10)
    assert done.out == b"end"
    assert done.err == bytes(16 * 1024)


async def fail_with_full_pipes(directory: Path) -> None:
    async with process.child(["sh", "-c", "yes"], setting(directory)) as child:
        stdout: Any = child.stdout
        await stdout.readexactly(200_000)
        await soon(lambda: stdout._paused)
        raise ZeroDivisionError


async def test_a_block_that_fails_with_the_pipes_full_ends(tmp_path: Path) -> None:
    """Many times, for it depends on how full they are."""
    async with asyncio.timeout(30):
        for _ in range(10):
            with pytest.raises(ZeroDivisionError):
                await fail_with_full_pipes(tmp_path)
