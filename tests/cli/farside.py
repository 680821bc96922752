"""The network's far side: a real HTTP server on loopback that says what a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

FIXTURES = Path(__file__).parents[2] / "fixtures" / "drone"
EXCHANGES = {e["name"]: e for e in json.loads((FIXTURES / "builds.json").read_text())["exchanges"]}
STREAMS = json.loads((FIXTURES / "streams.json").read_text())

#: Seconds after which a test that waits has failed.
WAIT = 20
PING = b": ping\n\n"
END = b"event: error\ndata: eof\n\n"


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def said(pos: int, out: str) -> bytes:
    return event({"pos": pos, "out": out, "time": 0}) + b"\n"


def recorded(name: str) -> Any:
    """The JSON that the reference server answered."""
    return EXCHANGES[name]["json"]


def recorded_stream(name: str) -> bytes:
    """The bytes that the reference server streamed."""
    lines = [line for line in STREAMS[name]["raw"] if not line.startswith("<")]
    return "".join(f"{line}\n" for line in lines).encode()


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """A status, headers, and a body in pieces; a piece may be a function that waits for something."""

    status: int = 200
    body: Iterable[bytes | Callable[[], object]] = ()
    headers: dict[str, str] = field(default_factory=dict)


def text(body: bytes, status: int = 200, **headers: str) -> Answer:
    return Answer(status, [body], {key.replace("_", "-"): value for key, value in headers.items()})


def answer(value: Any, status: int = 200, **headers: str) -> Answer:
    return text(json.dumps(value).encode(), status, **headers)


def stream(*pieces: bytes | Callable[[], object]) -> Answer:
    return Answer(200, pieces, {"Content-Type": "text/event-stream"})


def build(status: str, *steps: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Build 2 with one stage `s` and steps of these names and statuses."""
    listed = [
        {"number": number, "name": name, "status": step, "exit_code": 1 if step == "failure" else 0}
        for number, (name, step) in enumerate(steps, start=1)
    ]
    stage = {"number": 1, "name": "s", "status": status, "steps": listed}
    return {"number": 2, "status": status, "event": "promote", "stages": [stage], **more}


def told(state: dict[str, Any]) -> bytes:
    """A build as the stream of its repository tells it."""
    return event({"slug": "octocat/hello-world", "build": state})


def lines(*outs: str) -> Answer:
    return answer([{"pos": pos, "out": out, "time": 0} for pos, out in enumerate(outs)])


def until(*events: threading.Event) -> Any:
    """A piece of an answer that waits for others."""

    def wait() -> None:
        for waited in events:
            assert waited.wait(WAIT)

    return wait


class FarSide:
    """Answers by method and path; of several answers the last one is repeated."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self._answers[method, path] = list(answers)

    def paths(self, method: str) -> list[str]:
        return [asked.path for asked in self.asked if asked.method == method]

    def _take(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            answers = self._answers.get((asked.method, asked.path))
            if not answers:
                return answer({"message": f"no answer for {asked.method} {asked.path}"}, 404)
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        far = self

        class Handler(BaseHTTPRequestHandler):
            def __getattr__(self, name: str) -> Callable[[], None]:
                if not name.startswith("do_"):
                    raise AttributeError(name)
                return self._serve

            def _serve(self) -> None:
                url = urlsplit(self.path)
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                query = dict(parse_qsl(url.query, keep_blank_values=True))
                body = json.loads(raw) if raw else None
                given = far._take(Asked(self.command, url.path, query, dict(self.headers), body))
                self.send_response(given.status)
                for name, value in given.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for piece in given.body:
                        if isinstance(piece, bytes):
                            self.wfile.write(piece)
                            self.wfile.flush()
                        else:
                            piece()
                except OSError:
                    return  # the client has left

            def log_message(self, *args: object) -> None:
                pass

        return Handler
