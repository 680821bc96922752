"""An endpoint that webhooks are sent to: real HTTP, and as rude as a test wants it."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Answers a request, by hand.
Answers = Callable[["Handler"], None]


@dataclass(frozen=True)
class Received:
    """A request that came."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        """The type of an event of Standard Webhooks."""
        return str(self.json["type"])

    @property
    def id(self) -> str:
        """The id of an event of Standard Webhooks."""
        return self.headers["webhook-id"]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.receiver.came.append(Received(self.path, headers, body, time.monotonic()))
        self.server.receiver.answers(self)

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"ok", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    receiver: "Receiver"

    def handle_error(self, *_: Any) -> None:
        pass


def status(code: int, body: bytes = b"ok", **headers: str) -> Answers:
    """Answers all requests so."""
    return lambda handler: handler.answer(code, body, **headers)


def resets(handler: Handler) -> None:
    """Closes the connection with a reset, without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def endless(handler: Handler) -> None:
    """Answers 200 with a gigabyte."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(1 << 30))
    handler.end_headers()
    with suppress(OSError):
        for _ in range(1 << 10):
            handler.wfile.write(bytes(1 << 20))
            handler.server.receiver.written += 1 << 20


def drips(handler: Handler) -> None:
    """Answers 200 with a byte now and then, for ever."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    with suppress(OSError):
        while True:
            handler.wfile.write(b"1\r\nx\r\n")
            handler.wfile.flush()
            time.sleep(0.05)


def silent(handler: Handler) -> None:
    """Never answers."""
    handler.server.receiver.closed.wait()


@dataclass
class Receiver:
    """What came, and how it is answered."""

    url: str
    came: list[Received] = field(default_factory=list)
    answers: Answers = field(default_factory=lambda: status(200))
    #: Bytes of bodies without an end that were written.
    written: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.came]


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """An endpoint on this machine, while the block lasts."""
    server = _Server(("127.0.0.1", port), Handler)
    receiver = server.receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()
