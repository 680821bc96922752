"""One step as a real process: its own session and group, one pipe for all output, no input (contract drone-env 5)."""

import asyncio
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from app.children import ended
from app.errors import AppError
from app.runners.exec.groups import Group

SHELLS = ("sh", "bash", "dash", "ash", "zsh", "ksh")
DEFAULT_SHELL = "/bin/sh"

#: Seconds after the end of the shell for processes in its group that still print (such as `exec > >(tee log)`).
LINGER = 0.25
#: Seconds for which output of processes outside the group is taken after that.
DRAIN = 1.0
#: Bytes of output that wait in the pipe of a process, and are read at once.
_CHUNK = 256 * 1024
#: Waits until the process is in its control group: children that it starts earlier would be in another group.
_GATE = 'read -r _; exec "$@" </dev/null'

#: Takes a piece of output. A future that it returns is done when the next piece may come.
Sink: TypeAlias = Callable[[bytes], "asyncio.Future[None] | None"]


class CannotStart(AppError):
    """The system refused to start the process, or there is no such shell."""

    code = "cannot_start"


def shell(name: str, search_path: str) -> str:
    """The path of a step's shell, for a name of `SHELLS` or an absolute path. Raises CannotStart."""
    if not name:
        return DEFAULT_SHELL
    if name in SHELLS or Path(name).is_absolute():
        found = shutil.which(name, path=search_path)
        if found:
            return found
        raise CannotStart(f"shell {name!r} is not installed on this machine")
    known = ", ".join(SHELLS)
    raise CannotStart(f"shell {name!r} is not one of {known}, nor an absolute path")


@dataclass(frozen=True, slots=True)
class Owner:
    """The account of a process."""

    name: str
    user: int
    group: int
    groups: tuple[int, ...]


class Process:
    """A running process. `finish` must be awaited once, even when the process was killed."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        inherited: Sequence[int] = (),
        owner: Owner | None = None,
        group: Group | None = None,
        umask: int = -1,
    ) -> None:
        """Start the process; takes well under a millisecond, for another owner some milliseconds. Raises CannotStart.

        `inherited` are descriptors that the process gets. The control group, which is removed at the end, holds the
        process and all its descendants. A negative umask is this process's.
        """
        self._group = group
        with ExitStack() as failed:
            if group:
                failed.callback(group.drop)
            check(environment)
            try:
                self._output, far_end = os.pipe()
                failed.callback(os.close, self._output)
                _widen(far_end)
                with os.fdopen(far_end, "wb", buffering=0):
                    os.set_blocking(self._output, False)
                    if owner:
                        os.fchown(far_end, owner.user, owner.group)  # lets the step open /dev/stdout
                    self._popen = self._start(arguments, folder, environment, far_end, inherited, owner, umask)
            except OSError as error:
                raise CannotStart(_refusal(error)) from error
            failed.pop_all()
        self._closed = asyncio.Event()
        self._finished = False
        self._room: asyncio.Future[None] | None = None
        self._draining = False

    def _start(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        output: int,
        inherited: Sequence[int],
        owner: Owner | None,
        umask: int,
    ) -> "subprocess.Popen[bytes]":
        gated = self._group is not None
        process = subprocess.Popen(
            [DEFAULT_SHELL, "-c", _GATE, "sh", *arguments] if gated else arguments,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE if gated else subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=umask,
            pass_fds=inherited,
            user=owner.user if owner else None,
            group=owner.group if owner else None,
            extra_groups=owner.groups if owner else None,
        )
        if self._group is not None:
            assert process.stdin is not None
            with suppress(OSError), process.stdin:  # without its group, or after its early end, a step still runs
                self._group.join(process.pid)
                process.stdin.write(b"\n")
        return process

    def kill(self) -> None:
        """Kill the whole process group and control group. Harmless when they have ended."""
        if not self._finished:
            if self._group is not None:
                self._group.kill()
            # macOS answers EPERM for a group of which only a zombie is left.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    async def finish(self, sink: Sink) -> int:
        """Hand all output to the sink until the process ends; returns the exit code, negative for a signal.

        While a future that the sink returned is not done, no more output is read, and the process waits.
        Children that are left in the group are killed; children outside the group are not waited for.
        """
        asyncio.get_running_loop().add_reader(self._output, self._read, sink)
        try:
            await ended(self._popen)
            with suppress(TimeoutError):  # a child still holds the output open
                await asyncio.wait_for(self._closed.wait(), LINGER)
            self.kill()
            await self._drain(sink)
        finally:
            self._draining = True
            self._stop_reading()
            self.kill()
            os.close(self._output)
            # Reap the process only now: until then no other process can get its id.
            code = self._popen.wait()
            self._finished = True
            if self._group is not None:
                await self._group.remove()
        return code

    def _read(self, sink: Sink) -> bool:
        """Take at most one chunk of output, without waiting; whether there was any output."""
        try:
            data = os.read(self._output, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._room = sink(data)
            if self._room is not None and not self._draining:
                self._stop_reading()
                self._room.add_done_callback(lambda _: self._go_on(sink))
        else:
            self._stop_reading()
            self._closed.set()
        return bool(data)

    def _stop_reading(self) -> None:
        asyncio.get_running_loop().remove_reader(self._output)

    def _go_on(self, sink: Sink) -> None:
        if not self._draining:
            asyncio.get_running_loop().add_reader(self._output, self._read, sink)

    async def _drain(self, sink: Sink) -> None:
        self._draining = True
        self._stop_reading()
        if self._room is not None:
            await self._room
        deadline = time.monotonic() + DRAIN
        while self._read(sink):
            if self._room is not None:
                await self._room
            if time.monotonic() >= deadline:
                break
            await asyncio.sleep(0)


def _widen(pipe: int) -> None:
    """Give a pipe room for a chunk, if this account may have so much: a step that prints much waits less often."""
    if sys.platform == "linux":
        with suppress(OSError):  # the pipe stays as it is
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _CHUNK)


def check(environment: Mapping[str, str]) -> None:
    """Raise CannotStart for a variable that the system refuses; the message has its name, never its value."""
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name or _unwritable(name):
            raise CannotStart(f"{name!r} cannot be the name of an environment variable")
        if "\0" in value or _unwritable(value):
            raise CannotStart(f"environment variable {name} holds a character that no process can be given")


def _unwritable(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return True
    return False


def _refusal(error: OSError) -> str:
    if error.errno == errno.E2BIG:
        return "cannot start the step: its environment is too large for the system"
    where = f"{error.filename}: " if error.filename else ""
    return f"cannot start the step: {where}{error.strerror}"
