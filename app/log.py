"""Structured logs: one line each, as JSON for programs or as text for people at a terminal.

Each log call names the values that it logs. No call logs whole headers, queries or parameters, so no line has a secret
or a token.
"""

import json
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TextIO

import orjson

#: Id of the request that is served, empty outside one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: The logger of the lines about requests.
REQUESTS = "app.request"
#: Seconds for which lines are gathered before they are written together.
GATHER = 0.02
_REQUEST = "request_id"
_OF_A_REQUEST = ("method", "path", "status", "ms")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message", _REQUEST}


class Served(logging.LogRecord):
    """The record of an answered request.

    Each request has one, so a record is made with what its line names, and nothing else.
    """

    name, msg, args = REQUESTS, "request", ()
    exc_info = exc_text = stack_info = None
    pathname = filename = module = funcName = ""  # noqa: N815 - the names are those of `logging`
    lineno = 0

    def __init__(self, level: int, facts: Mapping[str, object]) -> None:
        self.levelno, self.levelname = level, logging.getLevelName(level)
        self.created = time.time()
        self.msecs = self.created % 1 * 1000
        vars(self).update(facts)


class JSONFormatter(logging.Formatter):
    """Time, level, logger, message, request id and the values that `extra` names."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        facts = vars(record)
        entry: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := facts.get(_REQUEST, request_id.get()):
            entry["request_id"] = current
        entry |= {key: value for key, value in facts.items() if key not in _STANDARD}
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return _dump(entry)


def _dump(entry: dict[str, object]) -> str:
    """An entry as JSON. A dataclass is written as its `repr`, which leaves out secret fields."""
    try:
        return orjson.dumps(
            entry, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
        ).decode()
    except TypeError:  # a lone surrogate, a very large number
        return json.dumps(entry, default=str)


class TextFormatter(logging.Formatter):
    """Local time, the level unless it is `info`, message, and the values that `extra` names, for people to read."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; an exception adds the lines of its traceback."""
        facts = vars(record)
        values = {key: value for key, value in facts.items() if key not in _STANDARD}
        if record.levelno >= logging.WARNING and (current := facts.get(_REQUEST)):
            values[_REQUEST] = current
        if record.name == REQUESTS:
            message = "{method} {path}: {status}, {ms} ms".format(**{name: values.pop(name) for name in _OF_A_REQUEST})
        else:
            message = record.getMessage()
        parts = [time.strftime("%H:%M:%S", time.localtime(record.created)), _harmless(message)]
        if record.levelno != logging.INFO:
            parts.insert(1, record.levelname)
        if values:
            parts.append(" ".join(f"{key}={_word(value)}" for key, value in values.items()))
        trace = self.formatException(record.exc_info).splitlines() if record.exc_info else []
        return "\n  ".join(["  ".join(parts), *map(_harmless, trace)])


def _word(value: object) -> str:
    """A value as one word, in quotes if need be."""
    text = str(value)
    if text and not set(text) & set(' "='):
        return _harmless(text)
    return '"' + _harmless(text.replace('"', '\\"')) + '"'


def _harmless(text: str) -> str:
    """A text without the characters that control a terminal: they are written as escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether people want to read a record: requests that only read, and succeed, are no news."""
    facts = vars(record)
    return record.name != REQUESTS or facts["method"] not in ("GET", "HEAD") or facts["status"] >= 400


class Writer(logging.Handler):
    """Formats and writes lines in a thread of its own, many at once: the thread that logs does not wait for the stream.

    Lines of the last GATHER seconds are lost when the process is killed, but not when the process ends by itself.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._records: deque[logging.LogRecord] = deque()
        self._writing = threading.Lock()
        self._news = threading.Event()
        threading.Thread(target=self._serve, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record. The id of the request is read here, because only the caller's context has it."""
        setattr(record, _REQUEST, request_id.get())
        self._records.append(record)
        if not self._news.is_set():
            self._news.set()

    def flush(self) -> None:
        """Write all queued records, in the thread of the caller."""
        with self._writing:
            lines = []
            while self._records:
                record = self._records.popleft()
                try:
                    lines.append(self.format(record) + "\n")
                except Exception:  # as in every logging handler: one bad record must not stop the others
                    self.handleError(record)
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()

    def close(self) -> None:
        """Write the records that are left."""
        self.flush()
        super().close()

    def _serve(self) -> None:
        while True:
            self._news.wait()
            time.sleep(GATHER)
            self._news.clear()
            try:
                self.flush()
            except (OSError, ValueError):  # the reader of the stream is gone, or the stream was closed
                self._records.clear()


def configure(form: str = "", level: int = logging.INFO) -> None:
    """Log to standard error from now on, as `json` or as `text`; without a form, as text if that is a terminal."""
    handler = Writer(sys.stderr)
    if (form or ("text" if sys.stderr.isatty() else "json")) == "text":
        handler.setFormatter(TextFormatter())
        handler.addFilter(_is_news)
    else:
        handler.setFormatter(JSONFormatter())
    logging._srcfile = None  # no line names the place of its log call: logging need not search the stack
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line names them
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn.access", "uvicorn.error", "httpx2", "httpcore2", "databases"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)  # warns with a traceback while PostgreSQL is away


def flush() -> None:
    """Write the lines that are logged so far, before something else is written to the same terminal."""
    for handler in logging.getLogger().handlers:
        handler.flush()
