"""The process that runs one Starlark or Jsonnet file: `python -m app.convert.worker`, JSON in, JSON out.

Before the file is looked at, the process gives up what it could do harm with: no file can be opened and no
socket made, memory and processor time are short. Whoever breaks a limit ends here, not the server.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from app.convert.fault import Fault

CPU_SECONDS = 3
MEMORY = 256 * 1024 * 1024
#: How it ends when the evaluator gives up under the limits.
EXHAUSTED = 70


def main() -> None:
    """Read `{"language", "text", "context"}` and write `{"text"}` or `{"reason", "line"}`."""
    os.nice(10)  # the server and its runners come first
    request = json.load(sys.stdin.buffer)
    run = _evaluator(request["language"])
    _limit()
    json.dump(_answer(run, request["text"], request["context"]), sys.stdout)


def _evaluator(language: str) -> Callable[[str, Any], str]:
    """Loaded only now, and only the one: they are megabytes of machine code."""
    from app.convert import documents

    if language == "starlark":
        from app.convert import starlark

        return lambda text, context: documents.dump(starlark.evaluate(text, context))
    from app.convert import jsonnet

    return lambda text, context: documents.dump(jsonnet.evaluate(text, context))


def _limit() -> None:
    """Give up files, sockets, core dumps, and all but little time and memory; no way back."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())
    sys.excepthook = _exhausted
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_FSIZE, 0)
    _set(resource.RLIMIT_NOFILE, 0)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    if sys.platform == "linux":  # elsewhere address space cannot be limited
        _set(resource.RLIMIT_AS, MEMORY)


def _set(limit: int, value: int) -> None:
    resource.setrlimit(limit, (value, value))


def _exhausted(_kind: type[BaseException], _error: BaseException, _trace: TracebackType | None) -> None:
    """Out of memory or too deep, in Python or in the evaluator: there is no room left to say it."""
    os._exit(EXHAUSTED)


def _answer(run: Callable[[str, Any], str], text: str, context: Any) -> dict[str, Any]:
    try:
        return {"text": run(text, context)}
    except Fault as fault:
        return {"reason": fault.reason, "line": fault.line}


if __name__ == "__main__":
    main()
