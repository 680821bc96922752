"""Measures how soon many readers of the event stream get events, and how much they slow promotions."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from app.cli.bench import scene
from app.cli.bench.load import BenchFailed, Load, at
from app.cli.bench.readers import Heard
from app.cli.bench.server import GRACE, TOKEN, Server

PATH = "/api/stream"
#: Promotes a second, and the connections of the load.
RATE, CONNECTIONS = 50.0, 8
#: Seconds that the last events are given to arrive.
LAST = 0.5
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
    paths = _timed(asked)
    for _ in range(ROUNDS):
        _add(compared.without, _load(server, paths, seconds / ROUNDS))
        with _reading(server, readers) as heard:
            _add(compared.among, _load(server, paths, seconds / ROUNDS))
            time.sleep(LAST)
        for result in heard:
            compared.delays += [when - asked[int(number)] for number, when in result.at.items()]
            compared.dropped += result.dropped
            compared.missed += result.missed
    return compared


def _load(server: Server, paths: Iterator[str], seconds: float) -> Load:
    return server.load("POST", paths, CONNECTIONS, seconds, RATE)


def _add(total: Load, load: Load) -> None:
    total.took += load.took
    total.latencies += load.latencies
    total.failed += load.failed


def _timed(asked: dict[int, float]) -> Iterator[str]:
    """The paths of promotions; stores in `asked` the time when each path was taken."""
    for number, path in zip(count(), scene.promotions(), strict=False):
        asked[number] = time.perf_counter()
        yield path


@contextmanager
def _reading(server: Server, readers: int) -> Iterator[list[Heard]]:
    """Run `readers` readers while the block runs; after the block, the list holds their result."""
    heard: list[Heard] = []
    command = [sys.executable, "-m", "app.cli.bench.readers", str(server.port), PATH, str(readers)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            process.stdin.write(f"{TOKEN}\n")
            process.stdin.flush()
            if process.stdout.readline() != "ready\n":
                raise BenchFailed("the readers got no stream")
            yield heard
            text, _ = process.communicate(timeout=GRACE)
            heard.append(Heard(**json.loads(text)))
        finally:
            process.kill()
