"""Control groups (cgroup v2) of steps, where the system has delegated a part of the hierarchy to this process.

A group counts and ends all processes of a step, also those that have left the step's process group and session.
"""

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from app.runners.exec import strays

log = logging.getLogger(__name__)

_PREFIX = "gantry-step-"
#: The group into which this process moves: a group with limited subgroups may hold no processes of its own.
_OWN = "gantry-server"
#: How often, and with which pause in seconds, the removal of a group is tried: killed processes need time to end.
_TRIES, _PAUSE = 100, 0.01


class Group:
    """The control group of one step."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def join(self, pid: int) -> None:
        """Move a process that has no children yet into the group. Raises OSError."""
        (self._path / "cgroup.procs").write_text(str(pid))

    def kill(self) -> None:
        """Kill all processes of the group at once; harmless when there are none, or no group."""
        with suppress(OSError):  # no group
            (self._path / "cgroup.kill").write_text("1")

    def drop(self) -> None:
        """Remove a group that no process has joined."""
        with suppress(OSError):  # no group, or a process is in it
            self._path.rmdir()

    async def remove(self) -> None:
        """Kill what is left, and remove the group when the last process has ended."""
        self.kill()
        for _ in range(_TRIES):
            if await asyncio.to_thread(_remove, self._path):
                return
            await asyncio.sleep(_PAUSE)  # busy until the killed processes have ended
        log.warning("the control group of a step could not be removed", extra={"path": str(self._path)})


class Groups:
    """The part of the hierarchy that belongs to this process."""

    def __init__(self, top: Path, prefix: str, *, limited: bool) -> None:
        self._top = top
        self._prefix = prefix
        #: Whether groups limit memory and processes; otherwise they only end processes.
        self.limited = limited

    @classmethod
    def open(cls, base: Path, proc: Path = Path("/proc/self")) -> Self | None:
        """The delegated part, with no groups of an earlier process; None where nothing is delegated.

        `base` is the folder of the workspaces: a server and a runner with other folders may have the same part.
        """
        prefix = f"{_PREFIX}{strays.shared(base.resolve()):x}-"
        try:
            top = _own_group(proc)
            if top is None or not _delegated(top):
                return None
            for left in top.glob(f"{prefix}*"):
                Group(left).kill()
                _remove(left)  # if its processes have not ended yet, the next start removes the group
            (top / _OWN).mkdir(exist_ok=True)
            (top / _OWN / "cgroup.procs").write_text(str(os.getpid()))
        except OSError as error:
            log.info("no control groups for steps", extra={"path": error.filename, "reason": error.strerror})
            return None
        return cls(top, prefix, limited=_limits(top))

    def make(self, name: str, *, memory: int, processes: int) -> Group | None:
        """A new group; a limit of 0 is none. None, and a warning, when the system refuses the group."""
        path = self._top / f"{self._prefix}{name}"
        try:
            path.mkdir()
            if self.limited and memory:
                (path / "memory.max").write_text(str(memory))
            if self.limited and processes:
                (path / "pids.max").write_text(str(processes))
        except OSError as error:
            log.warning("a step has no control group", extra={"path": error.filename, "reason": error.strerror})
            Group(path).drop()
            return None
        return Group(path)


def _remove(path: Path) -> bool:
    """Remove a group, and first the groups below that its processes have made; whether the group is gone. Blocking."""
    pending, found = [path], list[Path]()
    while pending:
        found.append(pending.pop())
        with suppress(OSError):  # removed meanwhile
            pending += [Path(entry.path) for entry in os.scandir(found[-1]) if entry.is_dir()]
    for group in reversed(found):
        with suppress(OSError):  # its processes are still ending
            group.rmdir()
    return not path.exists()


def _own_group(proc: Path) -> Path | None:
    """The folder of this process's group in the unified hierarchy; None without such a hierarchy."""
    mounts = [line.split() for line in (proc / "mountinfo").read_text().splitlines()]
    places = [mount for mount in mounts if mount[mount.index("-") + 1] == "cgroup2"]
    groups = [line.removeprefix("0::") for line in (proc / "cgroup").read_text().splitlines() if line.startswith("0::")]
    if not places or not groups:
        return None
    root, place = places[0][3], Path(places[0][4])
    path = place / os.path.relpath(groups[0], root)
    return path.parent if path.name == _OWN else path


def _delegated(top: Path) -> bool:
    """Whether the group belongs to this process's account, or the system's manager says that it is delegated."""
    if not (top / "cgroup.kill").exists():
        return False
    if os.geteuid() != 0:
        return os.access(top, os.W_OK) and os.access(top / "cgroup.procs", os.W_OK)
    for name in ("trusted.delegate", "user.delegate"):
        with suppress(OSError):  # not marked so, or not to be seen
            return os.getxattr(top, name) == b"1"
    return False


def _limits(top: Path) -> bool:
    """Let subgroups limit memory and processes; whether the system allows that."""
    try:
        (top / "cgroup.subtree_control").write_text("+memory +pids")
    except OSError as error:
        log.info("control groups limit nothing", extra={"path": str(top), "reason": error.strerror})
        return False
    return True
