"""Measures how soon many readers of the event stream get events, and how much they slow promotions."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.cli.bench import scene
from app.cli.bench.load import BenchFailed, Load, at
from app.cli.bench.readers import Heard
from app.cli.bench.server import GRACE, TOKEN, Server

PATH = "/api/stream"
#: Promotes a second, and the connections of the load.
RATE, CONNECTIONS = 50.0, 8
#: Loads without readers and with them take turns, so that a busy moment of the machine hits both.
ROUNDS = 2


@dataclass(slots=True)
class Compared:
    """The same load of promotes without and with readers."""

    without: Load = field(default_factory=Load)
    among: Load = field(default_factory=Load)
    #: Seconds from the request for a promotion until the median reader had its event.
    delays: list[float] = field(default_factory=list)
    dropped: int = 0
    missed: int = 0

    @property
    def slowdown(self) -> float | None:
        """How many times longer promotes take with readers, at the 99th percentile; None when none succeeded."""
        if not self.without.latencies or not self.among.latencies:
            return None
        return at(self.among.latencies, 0.99) / at(self.without.latencies, 0.99)


def compare(server: Server, readers: int, seconds: float) -> Compared:
    """Put the load on the server, in turns without readers and with `readers` readers."""
    compared, asked = Compared(), dict[int, float]()
    paths = timed(scene.promotions(), asked)
    for _ in range(ROUNDS):
        compared.without.add(_load(server, paths, seconds / ROUNDS))
        with beside("readers", str(server.port), PATH, str(readers), told=TOKEN) as heard:
            compared.among.add(_load(server, paths, seconds / ROUNDS))
        for result in (Heard(**found) for found in heard):
            compared.delays += [when - asked[int(number)] for number, when in result.at.items()]
            compared.dropped += result.dropped
            compared.missed += result.missed
    return compared


def _load(server: Server, paths: Iterator[str], seconds: float) -> Load:
    return server.load("POST", paths, CONNECTIONS, seconds, RATE)


def timed(paths: Iterable[str], asked: dict[int, float]) -> Iterator[str]:
    """The paths; stores in `asked`, by the number of each path, the time when the path was taken."""
    for number, path in enumerate(paths):
        asked[number] = time.perf_counter()
        yield path


@contextmanager
def beside(module: str, *arguments: str, told: str) -> Iterator[list[Any]]:
    """Run a module of the benchmark as a process while the block runs, once the module says that it is ready.

    `told` is the first line of its input. After the block, the list holds what the module has found.
    """
    found: list[Any] = []
    command = [sys.executable, "-m", f"app.cli.bench.{module}", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            process.stdin.write(f"{told}\n")
            process.stdin.flush()
            if process.stdout.readline() != "ready\n":
                raise BenchFailed(f"the {module} got no stream")
            yield found
            text, _ = process.communicate(timeout=GRACE)
            found.append(json.loads(text))
        finally:
            process.kill()
