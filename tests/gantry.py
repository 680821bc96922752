"""The `gantry` command in a process of its own, forked from one that has imported it: most of a start is imports."""

import atexit
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NoReturn

ROOT = Path(__file__).parents[1]
#: Bytes of a request at most: arguments and environment.
LARGEST = 1 << 20
#: What a server imports only when it starts.
LATER = (
    *("anyio._backends._asyncio", "anyio._core._sockets", "anyio._core._streams", "anyio.streams.tls"),
    *("databases.backends.sqlite", "encodings.idna", "h11", "httpcore2", "truststore", "uvicorn.lifespan.on"),
)


class Process:
    """A command that runs, with what tests use of `subprocess.Popen`."""

    def __init__(self, pid: int, ended: int) -> None:
        self.pid = pid
        self._ended = ended
        self._code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended."""
        if self._code is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("gantry", timeout or 0)
            self._code = int(os.read(self._ended, 16))
            os.close(self._ended)
        return self._code

    def poll(self) -> int | None:
        """Its exit code if it has ended."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    args: Sequence[str], env: Mapping[str, str], *, out: IO[Any], err: IO[Any], stdin: IO[Any] | None = None,
    cwd: Path | None = None,
) -> Process:  # fmt: skip
    """Start the command with these arguments."""
    return _forker().fork({"args": list(args), "env": dict(env), "cwd": str(cwd or Path.cwd())}, stdin, out, err)


def run(
    args: Sequence[str], env: Mapping[str, str], *, stdin: str = "", cwd: Path | None = None, timeout: float = 60
) -> "subprocess.CompletedProcess[str]":
    """Run the command to its end; exit code and both outputs."""
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        process = start(args, env, out=out, err=err, stdin=given, cwd=cwd)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(list(args), code, out.read().decode(), err.read().decode())


class _Forker:
    """The process that has imported everything, as the tests see it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._socket, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
        code = f"from tests.gantry import serve; serve({theirs.fileno()})"
        command = [sys.executable, "-c", code]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        theirs.close()

    def fork(self, request: dict[str, Any], stdin: IO[Any] | None, *outputs: IO[Any]) -> Process:
        read, write = os.pipe()
        with self._lock, open(os.devnull) as nothing:  # noqa: PTH123
            files = [(stdin or nothing).fileno(), *(output.fileno() for output in outputs), write]
            socket.send_fds(self._socket, [json.dumps(request).encode()], files)
            os.close(write)
            pid = int(self._socket.recv(16))
        return Process(pid, read)

    def end(self) -> None:
        self._socket.close()
        self._process.wait()


@functools.cache
def _forker() -> _Forker:
    forker = _Forker()
    atexit.register(forker.end)
    return forker


def serve(number: int) -> None:
    """Fork for each request that comes; returns in the end, and never in what was forked."""
    from app.authorities import trusted
    from app.cli import COMMANDS, main

    for module in (*(command.where.partition(":")[0] for command in COMMANDS.values()), *LATER):
        importlib.import_module(module)
    trusted()
    control = socket.socket(fileno=number)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    running: dict[int, int] = {}
    gc.freeze()
    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 1024)
            _reap(running)
        if control.fileno() not in ready:
            continue
        data, files, _, _ = socket.recv_fds(control, LARGEST, 4)
        if not data:
            return
        if (pid := os.fork()) == 0:
            signal.set_wakeup_fd(-1)
            for file in (control.detach(), woken, wake, files.pop(), *running.values()):
                os.close(file)
            _become(json.loads(data), files)
            _end(_code_of(main))
        running[pid] = files.pop()
        for file in files:
            os.close(file)
        control.send(str(pid).encode())


def _code_of(main: Callable[..., object]) -> int:
    try:
        main(prog_name="gantry")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """End as a program does, but leave its memory to the system."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


def _reap(running: dict[int, int]) -> None:
    """Tell of those that have ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        ended = running.pop(pid)
        with suppress(BrokenPipeError):  # nobody wants to know
            os.write(ended, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(ended)


def _become(request: dict[str, Any], files: list[int]) -> None:
    """Take on what a process gets at its start."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    if {"SSL_CERT_FILE", "SSL_CERT_DIR"} & request["env"].keys():
        from app.authorities import trusted

        trusted.cache_clear()
    time.tzset()
    if request["env"].get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    if encoding := request["env"].get("PYTHONIOENCODING"):
        sys.stdout.reconfigure(encoding=encoding)  # type: ignore[union-attr]
    sys.argv = ["gantry", *request["args"]]
