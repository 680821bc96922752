"""Runs each Starlark and Jsonnet file in a process of its own, with an empty environment."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any, Literal

import app
from app.convert.fault import Fault
from app.convert.worker import CPU_SECONDS, EXHAUSTED, MEMORY
from app.errors import Unavailable

Language = Literal["starlark", "jsonnet"]

#: Seconds of real time; on a busy machine CPU_SECONDS of processor time can take this long.
WALL_SECONDS = 20.0
_COMMAND = (sys.executable, "-E", "-s", "-m", "app.convert.worker")
_ROOT = Path(app.__path__[0]).parent
_OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGKILL)


async def evaluate(language: Language, text: str, context: Any) -> str:
    """The documents that a file makes, as YAML.

    Raises Fault, and Unavailable if no process can be started or the process takes longer than WALL_SECONDS.
    """
    request = json.dumps({"language": language, "text": text, "context": context}).encode()
    try:
        async with asyncio.timeout(WALL_SECONDS):
            code, out, err = await _run(request)
    except TimeoutError:
        raise Unavailable(
            f"{language} took longer than {WALL_SECONDS:g} s: the machine is busy", code="timeout"
        ) from None
    if code == 0:
        return _answered(json.loads(out))
    if code in _OUT_OF_TIME:
        raise Fault(f"it takes more than {CPU_SECONDS} s")
    if code == EXHAUSTED or code < 0:
        raise Fault(f"it needs more than {MEMORY >> 20} MB of memory, or nests too deep")
    raise RuntimeError(f"the {language} process ended with {code}: {err.decode(errors='replace')}")


async def _run(request: bytes) -> tuple[int, bytes, bytes]:
    """Exit code, output and error output. When this returns or raises, the process has ended."""
    try:
        process = await asyncio.create_subprocess_exec(
            *_COMMAND, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={}, cwd=_ROOT, start_new_session=True
        )
    except OSError as error:
        raise Unavailable(f"cannot start a process to convert the pipeline file: {error.strerror}") from error
    ended = False
    try:
        out, err = await process.communicate(request)
        ended = True
    finally:
        if not ended:
            process.kill()
            await process.communicate()
    return await process.wait(), out, err


def _answered(answer: dict[str, Any]) -> str:
    if "text" in answer:
        return str(answer["text"])
    raise Fault(answer["reason"], answer["line"])
