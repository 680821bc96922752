"""Load over keep-alive connections: raw HTTP/1.1, so that the load generator uses little processor time."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf

from app.errors import AppError

HOST = "127.0.0.1"
#: Seconds after which a server that has not answered counts as stuck.
PATIENCE = 60.0


class BenchFailed(AppError):
    """The measurement could not be made."""

    code = "bench_failed"


@dataclass(slots=True)
class Load:
    """The answers to one load: the seconds of each good answer (200 or 201), and the number of failed requests."""

    took: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failed: int = 0

    def add(self, more: "Load") -> None:
        """Take the answers to another load."""
        self.took += more.took
        self.latencies += more.latencies
        self.failed += more.failed

    @property
    def per_second(self) -> float | None:
        """Good answers a second; None when there was no good answer."""
        return len(self.latencies) / self.took if self.latencies else None

    def detail(self) -> dict[str, float]:
        """Percentiles of the good answers, in milliseconds."""
        named = {"p50_ms": 0.5, "p99_ms": 0.99, "max_ms": 1.0}
        return {name: at(self.latencies, fraction) for name, fraction in named.items() if self.latencies}


def at(seconds: list[float], fraction: float) -> float:
    """The quantile of these seconds at this fraction, in milliseconds."""
    return sorted(seconds)[min(int(len(seconds) * fraction), len(seconds) - 1)] * 1000


def nothing(_: str) -> tuple[str, bytes]:
    """The content of a request that has none."""
    return "", b""


@dataclass(frozen=True, slots=True)
class Request:
    """The parts that all requests of a load share; the path differs, and what `content` makes of the path."""

    method: str
    port: int
    token: str
    #: More lines of the head, each with its end, and the body.
    content: Callable[[str], tuple[str, bytes]] = nothing

    def encode(self, path: str) -> bytes:
        """The bytes of the request for a path."""
        lines, body = self.content(path)
        head = (
            f"{self.method} {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n"
            f"Authorization: Bearer {self.token}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Pace:
    """The time of the next request: `per_second` requests over all connections; with infinity, at once."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._turns = count()
        self._began = time.perf_counter()

    async def turn(self) -> None:
        """Wait until the next request is due."""
        await asyncio.sleep(self._began + next(self._turns) * self._interval - time.perf_counter())


async def drive(
    request: Request, paths: Iterator[str], connections: int, seconds: float, per_second: float = inf
) -> Load:
    """Request one path after another on each connection, until the time is over or no paths are left.

    BenchFailed when the server is gone or stuck.
    """
    load = Load()
    began = time.perf_counter()
    pace = Pace(per_second)
    try:
        await asyncio.gather(*(_work(request, paths, began + seconds, load, pace) for _ in range(connections)))
    except TimeoutError:
        raise BenchFailed(f"a request had no answer after {PATIENCE:g} s") from None
    except OSError as error:
        raise BenchFailed(f"the server takes no connections: {error}") from error
    load.took = time.perf_counter() - began
    return load


async def _work(request: Request, paths: Iterator[str], deadline: float, load: Load, pace: Pace) -> None:
    """Send requests over one connection. If the server closes it, count a failed request and open another one."""
    while time.perf_counter() < deadline:
        reader, writer = await asyncio.open_connection(HOST, request.port)
        try:
            await pace.turn()
            for path in paths:
                async with asyncio.timeout(PATIENCE):
                    await _ask(reader, writer, request.encode(path), load)
                await pace.turn()
                if time.perf_counter() >= deadline:
                    return
            return
        except (ConnectionError, asyncio.IncompleteReadError):
            load.failed += 1
        finally:
            writer.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, load: Load) -> None:
    began = time.perf_counter()
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, length, rest = head.partition(b"\r\ncontent-length:")
    if not length:
        raise BenchFailed("an answer came without a Content-Length")
    await reader.readexactly(int(rest.partition(b"\r\n")[0]))
    if head.startswith((b"http/1.1 200 ", b"http/1.1 201 ")):
        load.latencies.append(time.perf_counter() - began)
    else:
        load.failed += 1
