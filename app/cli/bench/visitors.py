"""Open pages of browsers, in a separate process: each reads the event stream and renews its regions as `live.js` does.

    python -m app.cli.bench.visitors PORT

The first line of its input is a JSON array with the fields of each `Visit`. Prints `ready` once every stream is live,
and when its input has ended and the last regions are renewed, what the pages have shown: see `Seen`.
"""

import asyncio
import json
import random
import re
import sys
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from statistics import median
from typing import TypeAlias

import uvloop

from app.cli.bench.browser import ALWAYS
from app.cli.bench.load import HOST
from app.cli.bench.readers import LATE
from app.web.sse import END

#: As in `live.js`, in seconds: between two renewals of a page, the same when more than CROWD changes came within a
#: second, and the longest random pause before a renewal. A page waits SHARE times as long as the last answer took.
GAP, CROWDED_GAP, CROWD, JITTER, SHARE = 1.0, 5.0, 20, 0.2, 5
#: Seconds that the last renewals may take.
REST = CROWDED_GAP + 10.0
PATH = "/api/stream?brief=true"
_END = b"\n\n"
#: By kind of the page and by build (`owner/name#number`), when regions came that show the build for the first time.
Shown: TypeAlias = dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Visit:
    """A page to be opened: its path, its regions, and a word for pages of its kind.

    `hears` is the repository whose changes concern the page: nothing for a page that all changes concern.
    """

    cookie: str
    path: str
    regions: Sequence[str]
    hears: str
    kind: str


@dataclass(slots=True)
class Seen:
    """When, on the machine's monotonic clock, the median region came that shows a build: by kind, by build."""

    at: dict[str, dict[str, float]] = field(default_factory=dict)
    #: Answers with regions, those that say that all is as before, and those that are neither.
    renewed: int = 0
    unchanged: int = 0
    failed: int = 0
    #: Streams that ended too early, and changes that a page was to show at the end and did not.
    dropped: int = 0
    missed: int = 0


class _Page(asyncio.Protocol):
    """An open page; the protocol is that of its stream."""

    def __init__(self, visit: Visit, port: int, seen: Seen, shown: Shown, live: asyncio.Semaphore) -> None:
        self._visit = visit
        self._port = port
        self._seen = seen
        self._shown = shown
        self._live = live
        self._regions = ", ".join(sorted(visit.regions))
        self._hears = visit.hears
        self._rest = b""
        self._is_told = False
        self._events: deque[float] = deque(maxlen=CROWD + 1)
        #: What is shown: a tag, and builds.
        self._tag = ""
        self._has_shown: set[str] = set()
        #: The builds that have changed, which the next renewal is to show.
        self._awaited: list[str] = []
        self._asked, self._relief = float("-inf"), 0.0
        self.renewal: asyncio.Task[None] | None = None
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._is_over = False

    # The stream

    def data_received(self, data: bytes) -> None:
        if not self._is_told and b": ping" in data:
            self._is_told = True
            self._live.release()
        data = self._rest + data
        end = data.rfind(_END) + len(_END) if _END in data else 0
        whole, self._rest = data[:end], data[end:]
        if END in whole:
            self._drop()
        if self._regions and self._hears.encode() in whole:
            for data in _DATA.findall(whole.replace(END, b"")):
                for slug, numbers in json.loads(data).items():
                    if slug == self._hears or not self._hears:
                        self._hear([f"{slug}#{number}" for number in numbers])

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop()

    def _drop(self) -> None:
        """The server has ended the stream: the page hears of nothing any more."""
        self._seen.dropped += not self._is_over
        self._is_over = True

    # Its regions

    def _hear(self, builds: Sequence[str]) -> None:
        self._events.extend(asyncio.get_running_loop().time() for _ in builds)
        self._awaited.extend(builds)
        if self.renewal is None or self.renewal.done():
            self.renewal = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        loop = asyncio.get_running_loop()
        while self._awaited:
            crowded = len(self._events) > CROWD and self._events[-1] - self._events[0] < 1
            gap = CROWDED_GAP * random.uniform(0.8, 1.2) if crowded else GAP  # noqa: S311 - as live.js
            due = self._asked + max(gap, self._relief)
            await asyncio.sleep(max(due - loop.time(), random.random() * JITTER))  # noqa: S311 - as live.js
            builds, self._awaited = self._awaited, []
            self._asked = loop.time()
            is_shown = await self._ask()
            self._relief = min(SHARE * (loop.time() - self._asked), CROWDED_GAP)
            if is_shown:
                now = time.perf_counter()
                for build in set(builds) - self._has_shown:
                    self._shown[self._visit.kind][build].append(now)
                self._has_shown.update(builds)

    async def _ask(self) -> bool:
        """Renew the regions; whether the page shows now how they are."""
        known = {"If-None-Match": self._tag} if self._tag else {}
        headers = {"Cookie": self._visit.cookie, "Gantry-Region": self._regions, "Priority": "u=7", **known}
        try:
            status, self._tag = await self._exchange(_request(self._visit.path, self._port, **headers))
        except (OSError, asyncio.IncompleteReadError):
            status, self._connection = 0, None
        self._seen.renewed += status == 200
        self._seen.unchanged += status == 304
        self._seen.failed += status not in (200, 304)
        return status in (200, 304)

    async def _exchange(self, request: bytes) -> tuple[int, str]:
        """The status and the tag of an answer. The server may have closed a connection that was not used for long."""
        if self._connection is None or self._connection[0].at_eof():
            self._connection = await asyncio.open_connection(HOST, self._port)
        reader, writer = self._connection
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = _LENGTH.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        tag = _TAG.search(head)
        return int(head.split(" ", 2)[1]), tag[1] if tag else ""

    def close(self) -> None:
        """Count what the page has heard of and does not show."""
        self._is_over = True
        if self._connection:
            self._connection[1].close()
        self._seen.missed += len(self._awaited)


_DATA = re.compile(rb"^data: (.*)$", re.MULTILINE)
_LENGTH = re.compile(r"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TAG = re.compile(r"\r\netag: *([^\r]+)", re.IGNORECASE)


def _request(path: str, port: int, **headers: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in {**ALWAYS, **headers}.items())
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\n{lines}\r\n".encode()


async def look(port: int, visits: list[Visit]) -> Seen:
    """Keep the pages open until the standard input of this process ends, and their regions are renewed."""
    seen, live, loop = Seen(), asyncio.Semaphore(0), asyncio.get_running_loop()
    shown: Shown = defaultdict(lambda: defaultdict(list))
    streams, pages = [], []
    for visit in visits:
        make = partial(_Page, visit, port, seen, shown, live)
        transport, page = await loop.create_connection(make, HOST, port)
        transport.write(_request(PATH, port, Cookie=visit.cookie))
        streams.append(transport)
        pages.append(page)
    async with asyncio.timeout(LATE):
        for _ in visits:
            await live.acquire()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    with suppress(TimeoutError):  # what is not shown by then is counted as missed
        async with asyncio.timeout(REST):
            while renewals := [one for page in pages if (one := page.renewal) and not one.done()]:
                await asyncio.wait(renewals)  # pages hear of more meanwhile
    for stream, page in zip(streams, pages, strict=True):
        page.close()
        stream.abort()
    seen.at = {kind: {build: median(times) for build, times in each.items()} for kind, each in shown.items()}
    return seen


def main(arguments: list[str]) -> None:
    """Run the program."""
    visits = [Visit(**one) for one in json.loads(sys.stdin.readline())]
    print(json.dumps(asdict(uvloop.run(look(int(arguments[0]), visits)))))


if __name__ == "__main__":
    main(sys.argv[1:])
