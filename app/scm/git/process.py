"""Child processes with limits: they are killed after a timeout and with their caller, and their output is limited."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

from app import children
from app.children import Child
from app.errors import Unavailable
from app.scm.host import TooLarge

_CHUNK = 64 * 1024
_KEPT_ERRORS = 16 * 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """The settings that all children of one caller share; `timeout` is in seconds, `name` is for messages."""

    name: str
    env: Mapping[str, str]
    cwd: Path
    timeout: float


@dataclass(frozen=True, slots=True)
class Done:
    """The exit code of a process, its whole output, and the beginning of its error output."""

    code: int
    out: bytes
    err: bytes


@asynccontextmanager
async def child(
    argv: Sequence[str], setting: Setting, *, stdin: int = DEVNULL, stderr: int = DEVNULL
) -> AsyncIterator[Child]:
    """A process in a group of its own, awaited when the block ends.

    The whole group is killed when the block raises, is cancelled, or takes longer than the setting's timeout. Such a
    timeout raises Unavailable.
    """
    process = await children.start(argv, env=setting.env, cwd=setting.cwd, stdin=stdin, stdout=PIPE, stderr=stderr)
    ended = False
    try:
        async with asyncio.timeout(setting.timeout):
            yield process
            await process.wait()
        ended = True
    except TimeoutError:
        message = f"{setting.name} took longer than {setting.timeout:g} s and was stopped"
        raise Unavailable(message, code="timeout") from None
    finally:
        if not ended:
            process.kill()
            await process.wait()
        process.close()


async def run(argv: Sequence[str], setting: Setting, *, max_output: int) -> Done:
    """Run a process to its end, without input; TooLarge when the process prints more than `max_output` bytes."""
    async with child(argv, setting, stderr=PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        complaints = asyncio.create_task(_beginning(process.stderr))
        try:
            out = await _all(process.stdout, setting.name, max_output)
            err = await complaints
        finally:
            complaints.cancel()
            await asyncio.wait([complaints])
        return Done(await process.wait(), out, err)


async def _all(stream: asyncio.StreamReader, name: str, limit: int) -> bytes:
    read = bytearray()
    while chunk := await stream.read(_CHUNK):
        read += chunk
        if len(read) > limit:
            raise TooLarge(f"{name} printed more than {limit} bytes")
    return bytes(read)


async def _beginning(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(_CHUNK):  # read to the end: a full pipe would stop the process
        kept += chunk[: _KEPT_ERRORS - len(kept)]
    return kept
