"""An endpoint of webhooks, in a process of its own: answers at once, or never, and notes what came when."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import NamedTuple, cast

import uvloop

from app.cli.bench.far import listening
from app.cli.bench.load import HOST, PATIENCE

#: The path of what the benchmark itself asks, and the path of the endpoint that never answers.
_OWN, DEAD = "/-/came", "/dead"
_BUILD = re.compile(rb'"build":(\d+)')
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Came(NamedTuple):
    """A delivery: the path of its endpoint, the number of its build, and when its first byte came, by the clock that
    all processes share."""

    path: str
    build: int
    at: float


class _Endpoint(asyncio.Protocol):
    """One connection."""

    came: list[Came] = []  # noqa: RUF012 - of all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._read, self._began = bytearray(), 0.0

    def data_received(self, data: bytes) -> None:
        self._began = self._began or time.monotonic()
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or 0)
        if end and len(body) >= length:
            self._answer(head.split(b" ", 2)[1].decode(), bytes(body))
            self._read, self._began = bytearray(), 0.0

    def _answer(self, path: str, body: bytes) -> None:
        if path == _OWN:
            text = json.dumps(self.came).encode()
            self.came.clear()
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
        elif path != DEAD:
            found = _BUILD.search(body)
            self.came.append(Came(path, int(found[1]) if found else 0, self._began))
            self._transport.write(_ANSWER)


@dataclass(frozen=True, slots=True)
class Receiver:
    """The running process, as the benchmark sees it."""

    port: int

    @property
    def url(self) -> str:
        """Where deliveries are to be sent, without a path."""
        return f"http://{HOST}:{self.port}"

    def came(self) -> list[Came]:
        """What came since the last call."""
        with closing(HTTPConnection(HOST, self.port, timeout=PATIENCE)) as connection:
            connection.request("POST", _OWN)
            return [Came(*one) for one in json.loads(connection.getresponse().read())]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """The endpoint while the block runs; the process is ended however the block ends."""
    with listening("app.cli.bench.receiver", "the endpoint of webhooks") as port:
        yield Receiver(port)


async def _main() -> None:
    server = await asyncio.get_running_loop().create_server(_Endpoint, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main())
