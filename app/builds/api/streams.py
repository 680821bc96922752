"""Builds and logs as they happen, as server-sent events (contract drone-rest 5; recorded: streams.json)."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.requests import Request

from app.accounts.auth import Caller
from app.builds import paths, steps
from app.builds.api.request import State
from app.builds.logs import files
from app.builds.logs.logs import Logs
from app.builds.model import Step
from app.builds.paths import NUMBER, STAGE, STEP
from app.builds.ports import Ports
from app.errors import AppError
from app.repos.access import ADMITTED, READ, Access
from app.repos.audience import Who
from app.repos.paths import NAME, OWNER
from app.web import body, sse
from app.web.path import Path
from app.web.route import Endpoint, Param

#: Seconds after which the server checks again that the reader of a log may still read it.
RECHECK = 5.0


async def everything(request: Request[State], caller: Caller | None) -> sse.Stream:
    """Every change of a build of each repository that the caller may read at that moment, as it happens.

    Each frame has an `id`; a reader who comes back with `Last-Event-ID` gets what it missed, if that is still known.
    With `brief`, a frame only has the numbers of the builds that have changed, by repository, and comes at most four
    times a second, once a second while much changes.
    """
    who = Who(caller.user.id, caller.proof.token_id, caller.proof.session_id) if caller else Who()
    return await _changes(request, who, caller.proof.expires if caller else 0, None)


async def repository(request: Request[State], found: Access) -> sse.Stream:
    """Every change of a build of the repository, as it happens; ends when the caller may read it no longer.

    Each frame has an `id`; a reader who comes back with `Last-Event-ID` gets what it missed, if that is still known.
    `brief` as in the stream of all repositories.
    """
    who = Who(found.user_id, found.proof.token_id, found.proof.session_id)
    return await _changes(request, who, found.proof.expires, found.repo.id)


async def _changes(request: Request[State], who: Who, expires: int, repo_id: int | None) -> sse.Stream:
    """The stream of a reader, which ends when its token or its session expires."""
    lasts = expires - request.state["now"]() if expires else math.inf
    join = request.state["broadcast"].join
    brief = bool(body.flag(request, "brief"))
    return sse.Stream(await join(who, repo_id, sse.last_id(request), sse.abort(request), lasts, brief=brief))


async def log(request: Request[State], _: Access, step: Step) -> sse.Stream:
    """The log of a running step from its first line; ends with the step, or at once when that is not running.

    A line's `id` is its position; a reader who comes back with `Last-Event-ID` gets those after it.
    """
    await _open_if_elsewhere(request.state["ports"], step)
    frames = _frames(request.state["ports"].logs, step.id, _position(sse.last_id(request)))
    return sse.Stream(_while_allowed(request, sse.kept_alive(frames)))


async def _open_if_elsewhere(ports: Ports, step: Step) -> None:
    """Let readers follow the log of a step that another server handles, unless the step has just ended."""
    if ports.logs.shared and step.status == "running":
        ports.logs.open(step.id)
        if (await ports.db.read(steps.find(step.id))).status != "running":
            ports.logs.close(step.id)


def _position(last_id: str) -> int:
    return int(last_id) if last_id.isascii() and last_id.isdecimal() and len(last_id) < 19 else -1


async def _frames(logs: Logs, step_id: int, after: int) -> AsyncIterator[bytes]:
    async for lines in logs.follow(step_id):
        numbered = [(files.position(line), line) for line in lines]
        if new := [b"id: %d\ndata: %s\n\n\n" % (pos, line) for pos, line in numbered if pos > after]:
            yield b"".join(new)
    yield sse.END


async def _while_allowed(request: Request[State], parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The parts, until the caller loses the right to read the repository."""
    now = asyncio.get_running_loop().time
    checked = now()
    async with aclosing(parts):
        async for part in parts:
            if now() - checked > RECHECK:
                if not await _allowed(request):
                    yield sse.END
                    return
                checked = now()
            yield part


async def _allowed(request: Request[State]) -> bool:
    try:
        await READ.granted(request)
    except AppError:
        return False
    return True


_STREAM = Path.of("/api/stream")
_REPO = _STREAM / OWNER / NAME
_BRIEF = Param("brief", '`true`: only the numbers of builds, by repository, as in `{"octocat/hello": [7, 8]}`.')
routes = [
    Endpoint("GET", _STREAM, everything, operation="streams.everything", needs=ADMITTED, query=[_BRIEF], errors=[400]),
    Endpoint("GET", _REPO, repository, operation="streams.repository", needs=READ, query=[_BRIEF], errors=[400]),
    Endpoint("GET", _REPO / NUMBER / STAGE / STEP, log, operation="streams.log", needs=READ, reads=paths.step),
]
