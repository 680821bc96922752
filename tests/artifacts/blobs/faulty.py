"""A proxy before a bucket that answers some requests with 503, or with half of the body, and that may be away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Fault: TypeAlias = Literal["", "503", "half", "cut"]
_BUSY = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Proxy:
    """Decides on each request by its line, as in `GET /bucket/key HTTP/1.1`."""

    port: int = 0
    fault: Callable[[str], Fault] = lambda _: ""
    lines: list[str] = field(default_factory=list)

    def asked(self, begin: str) -> int:
        """How many requests began so."""
        return sum(line.startswith(begin) for line in self.lines)


def first(times: int, begin: str, fault: Fault) -> Callable[[str], Fault]:
    """A fault of the first requests that begin so."""
    left = times

    def decide(line: str) -> Fault:
        nonlocal left
        if not line.startswith(begin) or not left:
            return ""
        left -= 1
        return fault

    return decide


@asynccontextmanager
async def proxying(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy while the block lasts; one request a connection."""
    proxy = Proxy()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await _serve(proxy, host, port, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            serving.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await server.wait_closed()


async def _serve(
    proxy: Proxy, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    line = head.partition(b"\r\n")[0].decode()
    proxy.lines.append(line)
    fault = proxy.fault(line)
    body = await reader.readexactly(_length(head))
    if fault == "503":
        writer.write(_BUSY)
        await writer.drain()
        return
    there, back = await asyncio.open_connection(host, port, limit=1 << 20)
    try:
        back.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        back.write(body)
        await back.drain()
        if fault == "cut":
            return
        answer = await there.read()
    finally:
        back.close()
    top, _, content = answer.partition(b"\r\n\r\n")
    if fault == "half":
        content = content[: len(content) // 2]
    writer.write(top + b"\r\n\r\n" + content)
    await writer.drain()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
