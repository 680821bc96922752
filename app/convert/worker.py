"""The process that runs one Starlark or Jsonnet file: `python -m app.convert.worker`, lines of JSON in and out.

Before it reads the pipeline file, the process limits itself: it can open no file and make no socket, and it has
little memory and processor time. A file that exceeds a limit ends this process, not the server.
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
#: The exit code when memory or the stack is exhausted.
EXHAUSTED = 70


def main() -> None:
    """Read a request, and write `{"text"}` or `{"reason", "line"}`; before that, ask for each import.

    A question is `{"import", "folder"}`, its answer `{"path", "text"}` or `{"reason"}`; a text is sent once.
    """
    os.nice(10)  # the server and its runners come first
    request = _heard()
    run = _evaluator(request)
    _limit()
    _say(_answer(run))


def _heard() -> dict[str, Any]:
    said: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    return said


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def _evaluator(request: dict[str, Any]) -> Callable[[], str]:
    """The function that runs the file.

    Only its language's evaluator is imported, and only here: each is megabytes of machine code.
    """
    from app.convert import documents

    text, context, size = request["text"], request["context"], request["size"]
    if request["language"] == "starlark":
        from app.convert import starlark

        return lambda: documents.dump(starlark.evaluate(text, context, request["steps"]), size)
    from app.convert import jsonnet

    return lambda: documents.dump(jsonnet.evaluate(text, context, request["file"], _Imports()), size)


class _Imports:
    """Asks the server for imported files, and remembers the answers: the evaluator asks at each use."""

    def __init__(self) -> None:
        self._paths: dict[tuple[str | None, str], str] = {}
        self._texts: dict[str, str] = {}

    def __call__(self, folder: str | None, name: str) -> tuple[str, str]:
        """Path and text of an imported file; `folder` is None for the file itself. Raises Fault."""
        if (folder, name) not in self._paths:
            _say({"import": name, "folder": folder})
            found = _heard()
            if "reason" in found:
                raise Fault(found["reason"])
            self._paths[folder, name] = found["path"]
            self._texts.setdefault(found["path"], found.get("text", ""))
        path = self._paths[folder, name]
        return path, self._texts[path]


def _limit() -> None:
    """Forbid files, sockets and core dumps, and limit processor time and memory, for the rest of the process."""
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
    """End the process by its exit code alone: with memory or stack exhausted, no answer can be written."""
    os._exit(EXHAUSTED)


def _answer(run: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"text": run()}
    except Fault as fault:
        return {"reason": fault.reason, "line": fault.line}


if __name__ == "__main__":
    main()
