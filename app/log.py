"""Structured logs: one JSON object a line, with the id of the request it belongs to.

What is logged is named, never dumped: no headers, no queries, no parameters, so no secret and no token.
"""

import json
import logging
import sys
import threading
import time
from collections import deque
from contextvars import ContextVar
from typing import TextIO

import orjson

#: Id of the request that is served, empty outside one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: Seconds for which lines are gathered before they are written together.
GATHER = 0.02
_REQUEST = "request_id"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message", _REQUEST}


class JSONFormatter(logging.Formatter):
    """Time, level, logger, message, request id and whatever `extra` names."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
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
    """Dataclasses as their own `repr` shows them: it leaves out what is secret, their fields would not."""
    try:
        return orjson.dumps(
            entry, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS
        ).decode()
    except TypeError:  # half a surrogate, a very large number
        return json.dumps(entry, default=str)


class Writer(logging.Handler):
    """Formats and writes lines in a thread of its own, many at once: who logs does not wait for the stream.

    What was logged in the last GATHER seconds is lost when the process is killed, not when it ends by itself.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._records: deque[logging.LogRecord] = deque()
        self._writing = threading.Lock()
        self._news = threading.Event()
        threading.Thread(target=self._serve, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; what belongs to the caller's context and stack is read here."""
        setattr(record, _REQUEST, request_id.get())
        self._records.append(record)
        if not self._news.is_set():
            self._news.set()

    def flush(self) -> None:
        """Write all that was logged until now, from the thread of the caller."""
        with self._writing:
            lines = []
            while self._records:
                record = self._records.popleft()
                try:
                    lines.append(self.format(record) + "\n")
                except Exception:  # as every handler of logging: a line that cannot be made harms no other
                    self.handleError(record)
            if lines:
                self._stream.write("".join(lines))
                self._stream.flush()

    def close(self) -> None:
        """Write what is left."""
        self.flush()
        super().close()

    def _serve(self) -> None:
        while True:
            self._news.wait()
            time.sleep(GATHER)
            self._news.clear()
            try:
                self.flush()
            except (OSError, ValueError):  # nobody reads the stream any more, or it was closed
                self._records.clear()


def configure(level: int = logging.INFO) -> None:
    """Log to standard error from now on."""
    handler = Writer(sys.stderr)
    handler.setFormatter(JSONFormatter())
    logging._srcfile = None  # where a line was logged is not told: nobody need look it up
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # nobody is told of them
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn.access", "httpx2", "httpcore2", "databases"):
        logging.getLogger(name).setLevel(logging.WARNING)
