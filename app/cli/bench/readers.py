"""Clients that only read an event stream, in a separate process, so that they do not slow the load generator.

    python -m app.cli.bench.readers PORT PATH COUNT

prints `ready` once every stream is live, and at the end of its input the events that came: see `Heard`.
"""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median

import uvloop

from app.cli.bench.load import HOST

#: The parameter that identifies each promotion of a load.
MARK = re.compile(rb'"VERSION":"1\.(\d+)"')
#: Bytes at the end of the received data that may be the beginning of a mark.
_REST = 32
LATE = 60.0
#: Seconds that the last events may take to reach every reader.
REST = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """When, on the machine's monotonic clock, the median reader got each promotion; and how many were missed."""

    at: dict[str, float]
    #: Streams that ended too early.
    dropped: int
    #: The sum, over the promotions that any reader got, of the readers that did not get them.
    missed: int


class _Reader(asyncio.Protocol):
    """The client of one stream."""

    def __init__(self, arrivals: defaultdict[int, list[float]], live: asyncio.Semaphore, news: asyncio.Event) -> None:
        self._arrivals = arrivals
        self._live = live
        self._news = news
        self._rest = b""
        self._told = False
        self.ended = False

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        data = self._rest + data
        end = 0
        for mark in MARK.finditer(data):
            self._arrivals[int(mark[1])].append(now)
            end = mark.end()
        self._rest = data[max(end, len(data) - _REST) :]
        self._news.set()
        if not self._told and b": ping" in data:
            self._told = True
            self._live.release()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._news.set()


async def listen(port: int, path: str, count: int, token: str) -> Heard:
    """Read `count` streams until the standard input of this process ends, and what one has read all have."""
    arrivals: defaultdict[int, list[float]] = defaultdict(list)
    live, news = asyncio.Semaphore(0), asyncio.Event()
    loop = asyncio.get_running_loop()
    readers = []
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    for _ in range(count):
        transport, reader = await loop.create_connection(lambda: _Reader(arrivals, live, news), HOST, port)
        transport.write(request)
        readers.append(reader)
    async with asyncio.timeout(LATE):
        for _ in range(count):
            await live.acquire()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    with suppress(TimeoutError):  # what has not come by then is counted as missed
        async with asyncio.timeout(REST):
            while any(len(times) < sum(not one.ended for one in readers) for times in arrivals.values()):
                news.clear()
                await news.wait()
    missed = sum(count - len(times) for times in arrivals.values())
    at = {str(number): median(times) for number, times in arrivals.items()}
    return Heard(at, sum(reader.ended for reader in readers), missed)


def main(arguments: list[str]) -> None:
    """Run the program; the token is the first line of its standard input."""
    port, path, count = arguments
    token = sys.stdin.readline().strip()
    print(json.dumps(asdict(uvloop.run(listen(int(port), path, int(count), token)))))


if __name__ == "__main__":
    main(sys.argv[1:])
