"""Processes that have left their step: they are found by a mark that every descendant of a step inherits.

The mark is the limit of file locks, which Linux keeps and inherits for each process, but no longer applies. It outlives
an empty environment, a new session, a double fork and a death of the runner. A process of the same account can remove
its own mark: the mark finds what a step has left behind, and is no wall against an attacker.

Linux only: other systems have no /proc, and no process is found. Blocking; about 40 µs per process of the machine.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_PROC = Path("/proc")
_ROUNDS = 20
_PAUSE = 0.005
_BITS = 30
_LINE = b"Max file locks"


def mark(workspace: Path) -> int:
    """The mark of the processes of one workspace."""
    return shared(workspace.parent) << _BITS | _hash(workspace.name)


def shared(base: Path) -> int:
    """The upper half of the marks of all workspaces in a folder."""
    return 1 << _BITS | _hash(str(base))


def kill_of(workspace: Path) -> int:
    """Kill every process that a step of this workspace has started; returns how many were found."""
    wanted = mark(workspace)
    return _kill(lambda found: found == wanted)


def kill_below(base: Path) -> int:
    """Kill every process that a step of any workspace in `base` has started; returns how many were found."""
    wanted = shared(base)
    return _kill(lambda found: found >> _BITS == wanted)


def _hash(text: str) -> int:
    return int.from_bytes(sha256(os.fsencode(text)).digest()[:4]) >> (32 - _BITS)


def _kill(wanted: Callable[[int], bool]) -> int:
    """Kill until no such process is left, because a process may start others meanwhile; at most `_ROUNDS` times."""
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        alive = list(_marked(wanted))
        if not alive:
            break
        for pid in alive:
            with suppress(ProcessLookupError, PermissionError):  # ended, or another account's
                os.kill(pid, signal.SIGKILL)
        killed.update(alive)
        time.sleep(_PAUSE)
    return len(killed)


def deleted(workspace: Path) -> int:
    """The bytes of deleted files, on the disk of a workspace, that processes of its steps still hold open."""
    found: dict[int, int] = {}
    device, wanted = workspace.parent.stat().st_dev, mark(workspace)
    for pid in _marked(lambda mark: mark == wanted):
        with suppress(OSError):  # a process that has ended meanwhile
            for handle in (_PROC / str(pid) / "fd").iterdir():
                with suppress(OSError):  # a file that was closed meanwhile
                    file = handle.stat()
                    if file.st_dev == device and not file.st_nlink:
                        found[file.st_ino] = file.st_blocks * 512
    return sum(found.values())


def _marked(wanted: Callable[[int], bool]) -> Iterator[int]:
    """The processes of the machine that run and have a mark that is wanted."""
    for pid in _processes():
        with suppress(OSError):  # a process that has ended meanwhile
            limits = (_PROC / str(pid) / "limits").read_bytes()
            soft = limits[limits.index(_LINE) + len(_LINE) :].split(maxsplit=1)[0]
            if soft.isdigit() and wanted(int(soft)) and not _has_ended(pid):
                yield pid


def _has_ended(pid: int) -> bool:
    """Whether the process only waits for its parent to take notice of its end; then it still has a mark."""
    try:
        return (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split(maxsplit=1)[0] in (b"Z", b"X")
    except OSError:
        return True


def _processes() -> list[int]:
    try:
        names = [entry.name for entry in _PROC.iterdir()]
    except FileNotFoundError:
        return []
    return [int(name) for name in names if name.isdecimal() and int(name) != os.getpid()]
