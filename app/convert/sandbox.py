"""Runs each Starlark and Jsonnet file in a process of its own, with an empty environment."""

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import Any, Literal

import orjson

import app
from app import children
from app.children import Child
from app.convert.fault import Fault
from app.convert.imports import Imports
from app.convert.limits import USUAL, Limits
from app.convert.worker import CPU_SECONDS, EXHAUSTED, MEMORY
from app.errors import Unavailable
from app.pipeline.source import MAX_BYTES

Language = Literal["starlark", "jsonnet"]

#: Seconds of real time, in which imports are read too; on a busy machine CPU_SECONDS can take this long.
WALL_SECONDS = 20.0
#: Bytes of one line that the process may write: JSON writes one byte as six at most.
_LINE = 6 * MAX_BYTES + 1024
_COMMAND = (sys.executable, "-E", "-s", "-m", "app.convert.worker")
_ROOT = Path(app.__path__[0]).parent
_OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGKILL)


async def evaluate(
    language: Language, text: str, context: Any, limits: Limits = USUAL, imports: Imports | None = None
) -> str:
    """The documents that a file makes, as YAML.

    Raises Fault, and Unavailable if no process can be started, an import cannot be read now, or all of it takes
    longer than WALL_SECONDS.
    """
    imports = imports or Imports()
    request = {
        "language": language,
        "file": imports.path,
        "text": text,
        "context": context,
        "steps": limits.steps,
        "size": min(limits.size, MAX_BYTES) if language == "starlark" else MAX_BYTES,
    }
    try:
        async with asyncio.timeout(WALL_SECONDS):
            code, answer, err = await _run(request, imports)
    except TimeoutError:
        raise Unavailable(
            f"{language} took longer than {WALL_SECONDS:g} s: the machine is busy", code="timeout"
        ) from None
    if code == 0 and answer is not None:
        return _answered(answer)
    if code in _OUT_OF_TIME:
        raise Fault(f"it takes more than {CPU_SECONDS} s")
    if code == EXHAUSTED or code < 0:
        raise Fault(f"it needs more than {MEMORY >> 20} MB of memory, or nests too deep")
    raise RuntimeError(f"the {language} process ended with {code}: {err.decode(errors='replace')}")


async def _run(request: dict[str, Any], imports: Imports) -> tuple[int, dict[str, Any] | None, bytes]:
    """Exit code, answer and error output. When this returns or raises, the process has ended."""
    try:
        process = await children.start(_COMMAND, env={}, cwd=_ROOT, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LINE)
    except OSError as error:
        raise Unavailable(f"cannot start a process to convert the pipeline file: {error.strerror}") from error
    ended = False
    try:
        answer = await _talk(process, request, imports)
        _, err = await process.communicate()
        ended = True
    finally:
        if not ended:
            process.kill()
            await process.wait()
        process.close()
    return await process.wait(), answer, err


async def _talk(process: Child, request: dict[str, Any], imports: Imports) -> dict[str, Any] | None:
    """Ask, and answer the questions about imports, a line of JSON each; None when the process ends instead."""
    assert process.stdout is not None
    await _send(process, request)
    sent: set[str] = set()
    while (line := await process.stdout.readline()).endswith(b"\n"):
        said: dict[str, Any] = _read(line)
        if "import" not in said:
            return said
        try:
            path, text = await imports.find(said["folder"], said["import"])
            await _send(process, {"path": path} if path in sent else {"path": path, "text": text})
            sent.add(path)
        except Fault as fault:
            await _send(process, {"reason": fault.reason})
    return None


async def _send(process: Child, said: dict[str, Any]) -> None:
    assert process.stdin is not None
    if process.stdin.is_closing():  # the process has ended; uvloop would raise for the write
        return
    with suppress(ConnectionError):  # the process has ended: reading finds that out
        process.stdin.write(_written(said) + b"\n")
        await process.stdin.drain()


def _written(said: dict[str, Any]) -> bytes:
    """JSON, made by the fast library if that takes it: a text can have megabytes, and other requests wait meanwhile."""
    try:
        return orjson.dumps(said)
    except TypeError:  # a text that is no Unicode, a number of more than 64 bits
        return json.dumps(said).encode()


def _read(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:
        return json.loads(line)


def _answered(answer: dict[str, Any]) -> str:
    if "text" in answer:
        return str(answer["text"])
    raise Fault(answer["reason"], answer["line"])
