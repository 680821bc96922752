"""Child processes whose pipes are streams of the event loop.

The event loop's own way to start a process, in uvloop, copies the memory tables of the server: it keeps everybody
waiting for tens of milliseconds, and so does each first write to a page of memory after that. `subprocess` shares the
memory until the program of the child has begun, which takes less than one.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import IO, Any

import uvloop

#: Seconds between two looks at a process that cannot be watched.
LOOK = 0.05
#: Bytes of a line that a stream holds at most.
LINE = 64 * 1024
_CHUNK = 64 * 1024


class Child:
    """A process in a session of its own, and our ends of those of its files that are pipes; see `start`."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._reaped = asyncio.Lock()
        self.stdin: StreamWriter | None = None
        self.stdout: StreamReader | None = None
        self.stderr: StreamReader | None = None
        self._transports: list[asyncio.BaseTransport] = []

    @property
    def pid(self) -> int:
        """The id of the process and of its group."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None until `wait` has given it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for the end of the process; its exit code. Others may still hold its pipes."""
        async with self._reaped:
            if self._process.returncode is None:
                await ended(self._process)
        return self._process.wait()

    async def communicate(self) -> tuple[bytes, bytes]:
        """The rest of what is printed, until nobody holds the pipes and the process has ended; nothing more is sent."""
        if self.stdin is not None:
            self.stdin.close()
        out, err = await asyncio.gather(_rest(self.stdout), _rest(self.stderr))
        await self.wait()
        return out, err

    def kill(self) -> None:
        """Kill the process and what is in its group, unless it has been waited for: its id may be another's then."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):  # macOS: of the group only a zombie is left
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go of the pipes, whoever holds their other ends."""
        for transport in self._transports:
            transport.close()

    async def connect(self, limit: int) -> None:
        """Make streams of the pipes; if that fails or is cancelled, nothing of the process is left."""
        process = self._process
        with ExitStack() as failed:
            failed.callback(process.wait)
            failed.callback(self.kill)
            failed.callback(self.close)
            for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
                failed.callback(pipe.close)
            if process.stdin is not None:
                self.stdin = await self._writer(process.stdin)
            if process.stdout is not None:
                self.stdout = await self._reader(process.stdout, limit)
            if process.stderr is not None:
                self.stderr = await self._reader(process.stderr, limit)
            failed.pop_all()

    async def _reader(self, pipe: IO[bytes], limit: int) -> StreamReader:
        reader, loop = StreamReader(limit), asyncio.get_running_loop()
        end: Any = _End(pipe, loop)
        transport, _ = await loop.connect_read_pipe(lambda: StreamReaderProtocol(reader), end)
        self._transports.append(transport)
        return reader

    async def _writer(self, pipe: IO[bytes]) -> StreamWriter:
        loop = asyncio.get_running_loop()
        end: Any = _End(pipe, loop)
        transport, protocol = await loop.connect_write_pipe(lambda: StreamReaderProtocol(StreamReader()), end)
        self._transports.append(transport)
        return StreamWriter(transport, protocol, None, loop)


class _End:
    """A pipe in the hands of a transport, which closes what it is made of.

    uvloop closes the descriptor, and calls `close` after that: by then, a thread may have opened another file of the
    same number.
    """

    def __init__(self, pipe: IO[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._descriptor = os.dup(pipe.fileno())
        pipe.close()
        self._is_closed_by_loop = isinstance(loop, uvloop.Loop)

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        if not self._is_closed_by_loop:
            os.close(self._descriptor)


async def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdin: int = DEVNULL,
    stdout: int = DEVNULL,
    stderr: int = DEVNULL,
    limit: int = LINE,
) -> Child:
    """Start a process in a session of its own; OSError. Whoever starts a process waits for its end.

    `stdin`, `stdout`, `stderr` are as in `subprocess`; `limit` is the length of a line that a stream takes.
    """
    process = subprocess.Popen(  # noqa: ASYNC220 - see above: less is waited for than with the event loop's own way
        argv, env=env, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True, bufsize=0
    )
    child = Child(process)
    await child.connect(limit)
    return child


async def ended(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the end of a process; on Linux without reaping it, so that nobody else gets its id."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    if sys.platform != "linux":
        threading.Thread(target=lambda: (process.wait(), loop.call_soon_threadsafe(over.set)), daemon=True).start()
        await over.wait()
        return
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:  # this process has no file left
        while not _has_ended(process.pid):  # noqa: ASYNC110 - nobody tells of the end
            await asyncio.sleep(LOOK)
        return
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _has_ended(pid: int) -> bool:
    """Whether a child has ended; it is not reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


async def _rest(stream: StreamReader | None) -> bytes:
    read = bytearray()
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        read += chunk
    return bytes(read)
