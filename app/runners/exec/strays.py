"""Processes that left their step's process group, found by the workspace that their environment names.

Linux only: elsewhere there is no /proc and nothing is found. Blocking; about 40 µs per process of the machine.
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
    """End every process whose environment holds a value that begins with the marker; how many were found.

    Looks again until none is left, since processes may multiply meanwhile; gives up after a bounded time.
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


def _marked(marker: bytes) -> Iterator[int]:
    for pid in _processes():
        # Gone meanwhile, or of another account: none of ours.
        with suppress(OSError):
            if marker in (_PROC / str(pid) / "environ").read_bytes():
                yield pid


def _processes() -> list[int]:
    try:
        names = [entry.name for entry in _PROC.iterdir()]
    except FileNotFoundError:
        return []
    return [int(name) for name in names if name.isdecimal() and int(name) != os.getpid()]
