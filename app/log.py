"""Structured logs: one JSON object a line, with the id of the request it belongs to.

What is logged is named, never dumped: no headers, no queries, no parameters, so no secret and no token.
"""

import json
import logging
import sys
import time
from contextvars import ContextVar

import orjson

#: Id of the request that is served, empty outside one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JSONFormatter(logging.Formatter):
    """Time, level, logger, message, request id and whatever `extra` names."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        entry: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            entry["request_id"] = current
        entry |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
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


def configure(level: int = logging.INFO) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter())
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # nobody is told of them
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn.access", "httpx2", "httpcore2", "databases"):
        logging.getLogger(name).setLevel(logging.WARNING)
