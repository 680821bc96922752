"""A separate server process, and a simple client for requests that are not measured."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any

import uvloop

from app.cli.bench.load import HOST, PATIENCE, BenchFailed, Load, Request, drive, nothing

LOGIN, TOKEN = "bench", "the-token-of-the-benchmark"
#: Shared by the servers and the runners of the benchmark.
RUNNERS_SECRET = "the-secret-of-its-runners"
#: No more settings.
NONE: Mapping[str, str] = MappingProxyType({})
#: Ports of servers; systems give none of them to programs that ask for any port.
PORTS = range(20_000, 32_000)
#: Seconds that the server is given to stop by itself.
GRACE = 20.0


class Api:
    """A client that sends requests as the administrator over one keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection(HOST, port, timeout=PATIENCE)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        """The JSON of a good answer, None of one without JSON; BenchFailed for any other answer."""
        asked = f"{method} {path.partition('?')[0]}"
        try:
            self._connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}", **(headers or {})})
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException) as error:
            raise BenchFailed(f"{asked}: {error or type(error).__name__}") from error
        if answer.status not in (200, 201, 204):
            raise BenchFailed(f"{asked}: {answer.status} {text.decode(errors='replace').strip()}")
        return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else None


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    pid: int
    port: int
    #: Seconds from the start of the process to its first answer.
    started_in: float
    api: Api

    def load(
        self,
        method: str,
        paths: Iterator[str],
        connections: int,
        seconds: float,
        per_second: float = inf,
        *,
        content: Callable[[str], tuple[str, bytes]] = nothing,
    ) -> Load:
        """Send requests to the server: as many as it answers, or `per_second`."""
        request = Request(method, self.port, TOKEN, content)
        return uvloop.run(drive(request, paths, connections, seconds, per_second))

    def resident(self) -> float:
        """Resident memory of the process, in MiB."""
        return self._memory("VmRSS:")

    def peak(self) -> float:
        """The most resident memory that the process has had, in MiB."""
        return self._memory("VmHWM:")

    def _memory(self, name: str) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(name)[2].split()[0]) / 1024


@contextmanager
def serving(
    data: Path,
    *,
    roots: Path,
    capacity: int = 0,
    database: str = "",
    sandbox: str = "none",
    settings: Mapping[str, str] = NONE,
) -> Iterator[Server]:
    """A server on this data folder while the block runs; the process is ended however the block ends.

    `settings` are more settings, without their prefix. `roots` is the folder of its git repositories. Steps have no
    sandbox unless a measure asks for one, so that machines with and without bubblewrap can be compared. The message of
    BenchFailed ends with the end of the server's log.
    """
    port = free_port()
    path = data.with_suffix(".log")
    environment = _environment(
        DATA=str(data),
        BIND=f"{HOST}:{port}",
        ADMIN=f"username:{LOGIN},admin:true,token:{TOKEN}",
        GIT_ROOTS=str(roots),
        RUNNER_CAPACITY=str(capacity),
        RUNNER_SANDBOX=sandbox,
        DATABASE_URL=database,
        RPC_SECRET=RUNNERS_SECRET,
        **settings,
    )
    began = time.perf_counter()
    with path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches only this process, which then ends the server
        )
    try:
        _wait_for_answer(process, port)
        started_in = time.perf_counter() - began
        with closing(Api(port)) as api:
            yield Server(process.pid, port, started_in, api)
    except BenchFailed as error:
        raise BenchFailed(f"{error.message}; the server's log ends:\n{path.read_text()[-2000:]}") from error
    finally:
        _end(process)


def _environment(**settings: str) -> dict[str, str]:
    """This process's environment without its settings of Gantry and Drone, and with these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GANTRY_", "DRONE_"))}
    return kept | {f"GANTRY_{name}": value for name, value in settings.items() if value}


def free_port() -> int:
    """A port that nobody listens on.

    The port is below those that systems give to programs that ask for any port: no such program takes the port before
    the server does.
    """
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):  # the port is taken
            probe.bind((HOST, port))
            return port
    raise BenchFailed(f"no port from {PORTS.start} to {PORTS.stop - 1} is free")


def _wait_for_answer(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _alive(port):
        if process.poll() is not None:
            raise BenchFailed(f"the server ended with code {process.returncode}")
        if time.monotonic() > deadline:
            raise BenchFailed(f"the server did not answer within {PATIENCE:g} s")
        time.sleep(0.002)


def _alive(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.terminate()
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        pass
    finally:  # even after another interrupt
        with suppress(ProcessLookupError):  # all of the group have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
