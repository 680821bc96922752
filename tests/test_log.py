"""Logs: one line each, JSON or for people, with the request it belongs to, and nothing secret in it."""

import io
import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.errors import Unavailable
from app.log import JSONFormatter, TextFormatter, configure, flush, request_id
from app.repos.model import Secret
from app.settings.values import Bootstrap
from app.web.path import Path, Word
from app.web.route import Endpoint
from tests.web.asgi import serving


@pytest.fixture
def written() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Every line that was logged, read as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONFormatter())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


Written = Callable[[], list[dict[str, Any]]]
log = logging.getLogger("app.test")


def test_a_line_says_when_how_grave_where_and_what(written: Written) -> None:
    log.warning("queue of %s is %s", "r1", "full", extra={"waiting": 7, "who": ["a"]})

    (line,) = written()
    assert (line["level"], line["logger"], line["message"]) == ("warning", "app.test", "queue of r1 is full")
    assert (line["waiting"], line["who"]) == (7, ["a"])
    assert datetime.fromisoformat(line["time"]).tzinfo is not None
    assert set(line) == {"time", "level", "logger", "message", "waiting", "who"}


def test_whatever_is_logged_is_one_line_of_json() -> None:
    odd = "two\nlines\r\u2028 ☃ \x00 \udce9 \ud800"
    more = {"text": odd, "object": object(), "large": 2**80, "keys": {1: 2}, "bytes": b"\xff"}

    text = JSONFormatter().format(log.makeRecord("app.test", logging.INFO, __file__, 1, odd, (), None, extra=more))

    assert len(text.splitlines()) == 1
    line = json.loads(text)
    assert line["message"].startswith("two\nlines\r\u2028 ☃ \x00 ")
    assert line["large"] in (2**80, str(2**80))


def test_an_error_comes_with_its_traceback(written: Written) -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        log.exception("bug")

    (line,) = written()
    assert "RuntimeError: broken" in line["error"]
    assert "test_log.py" in line["error"]


def test_within_a_request_its_id_is_there(written: Written) -> None:
    token = request_id.set("abc")
    log.info("inside")
    request_id.reset(token)
    log.info("outside")

    assert [line.get("request_id") for line in written()] == ["abc", None]


def test_what_carries_a_secret_does_not_show_it(written: Written) -> None:
    log.info("used", extra={"secret": Secret(1, 1, "token", "hush"), "account": Bootstrap("ada", token="hush")})

    assert "hush" not in json.dumps(written())


async def answer(request: Request) -> Response:
    if request.query_params.get("fail"):
        raise Unavailable("not now")
    if request.query_params.get("bug"):
        raise RuntimeError("broken")
    return PlainTextResponse("fine")


async def test_a_request_is_logged_by_path_and_never_by_what_may_be_secret(written: Written) -> None:
    async with serving([Endpoint("POST", Path.of("/a") / Word("name", "", "b"), answer)]) as client:
        for query in ("", "fail=1", "bug=1"):
            await client.post(
                f"/a/b?access_token=hush&TOKEN=hush&{query}",
                headers={"Authorization": "Bearer hush", "Cookie": "_session_=hush", "X-Request-ID": "mine-1"},
                content=b"hush",
            )

    lines = [line for line in written() if line["logger"].startswith("app")]
    assert [line["status"] for line in lines if line["message"] == "request"] == [200, 503, 500]
    assert {line["request_id"] for line in lines} == {"mine-1"}
    assert {line["path"] for line in lines if "path" in line} == {"/a/b"}
    assert {line["method"] for line in lines if "method" in line} == {"POST"}
    assert "hush" not in json.dumps(lines)
    assert [line["level"] for line in lines if line["message"] == "bug"] == ["error"]
    assert [line["reason"] for line in lines if line["message"] == "request failed"] == ["not now"]


@pytest.fixture
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    facts = {name: getattr(logging, name) for name in ("_srcfile", "logThreads", "logProcesses", "logMultiprocessing")}
    libraries = ("uvicorn.access", "uvicorn.error", "httpx2", "httpcore2", "databases")
    quiet = {name: logging.getLogger(name).level for name in libraries}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, wanted in facts.items():
        setattr(logging, name, wanted)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)


@pytest.mark.usefixtures("_as_it_was")
def test_a_server_logs_to_standard_error_and_its_libraries_keep_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)

    configure()
    logging.getLogger("app").info("here")
    logging.getLogger("app").debug("not here")
    for name in ("uvicorn.access", "httpx2", "databases"):
        logging.getLogger(name).info("GET /?access_token=hush")

    logging.getLogger().handlers[0].flush()
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["message"] == "here"


class Awaited(io.StringIO):
    """A stream that tells when so many lines are there."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines, self.full = lines, threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.getvalue().count("\n") >= self._lines:
            self.full.set()
        return written


@pytest.mark.usefixtures("_as_it_was")
def test_lines_are_written_soon_and_in_order_by_a_thread_with_the_request_of_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = Awaited(100)
    monkeypatch.setattr(sys, "stderr", stream)
    configure()

    for number in range(100):
        token = request_id.set(f"r{number}")
        log.info("line %d", number)
        request_id.reset(token)
    assert stream.full.wait(10)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["message"], line["request_id"]) for line in lines] == [(f"line {n}", f"r{n}") for n in range(100)]


def for_people(level: int, message: str, name: str = "app.test", **facts: object) -> str:
    return TextFormatter().format(log.makeRecord(name, level, __file__, 1, message, (), None, extra=facts))


def test_a_line_for_people_has_the_time_the_message_and_the_values() -> None:
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d  listening  url=http://x workers=2",
        for_people(logging.INFO, "listening", url="http://x", workers=2),
    )
    assert for_people(logging.WARNING, "no room").endswith("  WARNING  no room")
    quoted = for_people(logging.INFO, "said", words='two words, "quoted"', none="")
    assert quoted.endswith("""  said  words="two words, \\"quoted\\"" none="\"""")


def test_a_line_for_people_cannot_control_the_terminal() -> None:
    odd = "two\nlines\r\x1b[31m\u2028\x9b\u202e ☃ \ud800"

    shown = for_people(logging.INFO, odd, text=odd)

    assert len(shown.splitlines()) == 1
    assert shown.isprintable()
    assert "☃" in shown


def test_a_traceback_for_people_keeps_its_lines() -> None:
    try:
        raise RuntimeError("broken\x1b[31m")
    except RuntimeError:
        record = log.makeRecord("app.test", logging.ERROR, __file__, 1, "bug", (), sys.exc_info())

    head, *lines = TextFormatter().format(record).splitlines()
    assert head.endswith("  ERROR  bug")
    assert lines[-1] == "  RuntimeError: broken\\x1b[31m"


@pytest.mark.usefixtures("_as_it_was")
@pytest.mark.parametrize(
    ("form", "terminal", "is_json"),
    [("", True, False), ("", False, True), ("json", True, True), ("text", False, False)],
)
def test_lines_are_for_people_on_a_terminal_unless_the_settings_say_another_form(
    monkeypatch: pytest.MonkeyPatch, form: str, terminal: bool, is_json: bool
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", stream)

    configure(form)
    log.info("here")
    for method, status in (("GET", 200), ("GET", 404), ("POST", 200)):
        logging.getLogger("app.request").info(
            "request", extra={"method": method, "path": "/x", "status": status, "ms": 1.5}
        )

    flush()
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("{") == is_json
    assert is_json or lines[-1].endswith("  POST /x: 200, 1.5 ms")
    assert len(lines) == (4 if is_json else 3)  # a read that succeeds is no news for people
