"""An HTTP server of a test: a table of calls, a record of requests, and faults that can be switched on."""

import asyncio
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send


@dataclass
class Asked:
    """A request that came in. `query` and `form` hold the last value of each name."""

    method: str
    #: As it was sent, with its escapes.
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    params: dict[str, str] = field(default_factory=dict)
    #: Who asks; empty for nobody.
    who: str = ""

    @property
    def json(self) -> Any:
        return orjson.loads(self.body) if self.body else None

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))

    @property
    def call(self) -> str:
        return f"{self.method} {self.path}"


class Problem(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str | bytes = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers or {}


@dataclass
class Fault:
    """Strikes calls whose `METHOD path` matches, so many times, or without end if `times` is negative."""

    kind: str
    at: str = ""
    times: int = -1
    seconds: float = 0


Handler = Callable[[Any, Asked], Any]


def call(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Marks the function that answers a call; `{x}` in a path stands for one part, `{x+}` for one or more."""

    def mark(handler: Handler) -> Handler:
        inner = re.sub(r"\{(\w+)(\+?)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", pattern)
        handler.__dict__.setdefault("calls", []).append((method, re.compile(inner)))
        return handler

    return mark


class Far:
    """Answers calls. A subclass marks its functions with `call`; they run in threads, one for each request."""

    #: The path before those of the calls.
    base = "/"

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Asked] = []
        self.faults: list[Fault] = []
        self._table = [
            (method, pattern, getattr(self, name))
            for name in dir(type(self))
            for method, pattern in getattr(getattr(type(self), name), "calls", ())
        ]
        self._table.sort(key=lambda row: row[1].pattern.count("+)"))  # one part before more

    def fail(self, kind: str, at: str = "", *, times: int = -1, seconds: float = 0) -> None:
        """Let calls fail with a status, as `500`, or as `limit`, `html`, `endless`, `silent`, `slow` or `away`."""
        self.faults.append(Fault(kind, at, times, seconds))

    def heal(self) -> None:
        """Let calls succeed again."""
        self.faults.clear()

    def calls(self, pattern: str = "") -> list[Asked]:
        """The requests whose `METHOD path` matches."""
        return [asked for asked in self.requests if re.search(pattern, asked.call)]

    def error(self, status: int, message: str) -> Any:
        """The JSON of an error."""
        return {"message": message}

    def limit(self, seconds: float) -> Problem:
        """The answer at the limit of calls."""
        raise NotImplementedError

    def authenticate(self, asked: Asked) -> str:
        """Who asks; empty for nobody. Problem for a wrong credential."""
        return ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope, receive)
            response = await self._answer(request)
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode().partition("?")[0]
        body = await request.body()
        asked = Asked(request.method, path, dict(request.query_params), request.headers, body)
        if not path.startswith("/-/"):  # what git's own hooks tell
            self.requests.append(asked)
        if fault := self._struck(asked):
            if fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif (response := await self._faulty(fault, request)) is not None:
                return response
        try:
            return self._response(await asyncio.to_thread(self._handled, asked))
        except Problem as problem:
            return self._refusal(problem)

    def _handled(self, asked: Asked) -> Any:
        asked.who = self.authenticate(asked)
        found = False
        for method, pattern, handler in self._table:
            for base in ("/", self.base):
                inner = asked.path[len(base) :] if asked.path.startswith(base) else None
                if inner is not None and (match := pattern.fullmatch(inner)):
                    found = True
                    if method == asked.method:
                        asked.params = {name: unquote(value) for name, value in match.groupdict().items()}
                        return handler(asked)
        raise Problem(405 if found else 404, "Not Found")

    def _response(self, value: Any) -> Response:
        if isinstance(value, Response):
            return value
        status, value = value if isinstance(value, tuple) else (200, value)
        if value is None:
            return Response(status_code=status)
        return Response(orjson.dumps(value), status, media_type="application/json")

    def _refusal(self, problem: Problem) -> Response:
        if isinstance(problem.message, bytes):
            return Response(problem.message, problem.status, problem.headers)
        content = orjson.dumps(self.error(problem.status, problem.message))
        return Response(content, problem.status, problem.headers, media_type="application/json")

    def _struck(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if fault.times and re.search(fault.at, asked.call):
                fault.times -= 1
                return fault
        return None

    async def _faulty(self, fault: Fault, request: Request) -> Response | None:
        match fault.kind:
            case "limit":
                return self._refusal(self.limit(fault.seconds or 60))
            case "html":
                return HTMLResponse("<html><body>We will be back soon</body></html>")
            case "endless":
                return StreamingResponse(_endless(), media_type="application/json")
            case "away":
                return Response(status_code=302, headers={"location": "http://elsewhere.example.com/"})
            case "silent":
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                return Response()
        return self._refusal(Problem(int(fault.kind), f"the fault {fault.kind}"))


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 65536
        await asyncio.sleep(0)


@contextmanager
def serving(far: Far) -> Iterator[None]:
    """Serve as long as the block lasts; `far.url` is the address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        far.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(far, log_level="critical", lifespan="off", ws="none", timeout_keep_alive=60)
        server = uvicorn.Server(config)
        server.force_exit = True  # at its end, no request is waited for
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()
