"""Processes of a step, also those that have left its process group: found by the workspace in their environment.

Linux only: other systems have no /proc, and no process is found. Blocking; about 40 µs per process of the machine.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_ROUNDS = 20
_PAUSE = 0.005


def kill(marker: str) -> int:
    """Kill every process whose environment has a value that begins with the marker; returns how many were found.

    Searches again until no such process is left, because a process may start others meanwhile. Gives up after
    `_ROUNDS` rounds.
    """
    found: set[int] = set()
    for _ in range(_ROUNDS):
        alive = list(_marked(f"={marker}".encode()))
        if not alive:
            break
        for pid in alive:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        found.update(alive)
        time.sleep(_PAUSE)
    return len(found)


def deleted(marker: str, folder: Path) -> int:
    """The bytes of deleted files, on the disk of a folder, that such processes still hold open."""
    found: dict[int, int] = {}
    device = folder.stat().st_dev
    for pid in _marked(f"={marker}".encode()):
        with suppress(OSError):
            for handle in (_PROC / str(pid) / "fd").iterdir():
                with suppress(OSError):
                    file = handle.stat()
                    if file.st_dev == device and not file.st_nlink:
                        found[file.st_ino] = file.st_blocks * 512
    return sum(found.values())


def _marked(marker: bytes) -> Iterator[int]:
    for pid in _processes():
        # A process that has ended meanwhile, or of another account, is skipped.
        with suppress(OSError):
            if marker in (_PROC / str(pid) / "environ").read_bytes():
                yield pid


def _processes() -> list[int]:
    try:
        names = [entry.name for entry in _PROC.iterdir()]
    except FileNotFoundError:
        return []
    return [int(name) for name in names if name.isdecimal() and int(name) != os.getpid()]
