"""An extension of a user: a real HTTP server that checks signatures and answers as it is told."""

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a secret of thirty-two characters or more"


@dataclass
class Answer:
    """What it says."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    #: Seconds before it says so.
    after: float = 0

    @property
    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class FarSide:
    """What was asked, by path, and what is answered."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, Answer | Callable[[Any], Answer]] = {}
        self.asked: list[tuple[str, dict[str, str], Any]] = []

    def questions(self, path: str) -> list[Any]:
        return [question for asked, _, question in self.asked if asked == path]


def signed(headers: dict[str, str], body: bytes, secret: str = SECRET) -> bool:
    """Whether a receiver believes it, checked with words of its own."""
    found = dict(re.findall(r'(\w+)="([^"]*)"', headers.get("signature", "")))
    names = found.get("headers", "").split()
    text = "\n".join(f"{name}: {headers.get(name, '')}" for name in names)
    good = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()).decode()
    right = headers.get("digest") == "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()
    return right and {"date", "digest"} <= set(names) and found.get("signature") == good


@contextmanager
def extension() -> Iterator[FarSide]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            far.asked.append((self.path, headers, json.loads(body)))
            answer = far.answers.get(self.path, Answer(status=404))
            if not signed(headers, body):
                answer = Answer({"code": 400, "message": "Invalid Signature"}, 400)
            answer = answer if isinstance(answer, Answer) else answer(json.loads(body))
            time.sleep(answer.after)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    far = FarSide(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield far
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
