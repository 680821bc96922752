"""Builds and logs as they happen, as server-sent events (`spec` drone-rest 5; recorded: streams.json)."""

from collections.abc import AsyncIterator
from functools import partial

from starlette.requests import Request

from app.builds import paths
from app.builds.ports import Change, Ports
from app.builds.state import State
from app.builds.wire import repo_build_json
from app.errors import AppError
from app.repos import access
from app.web import sse
from app.web.reply import encode


async def repository(request: Request[State]) -> sse.Stream:
    """Every change of a build of the repository, as it happens."""
    found = await access.granted(request)

    async def allowed() -> bool:
        try:
            await access.granted(request)
        except AppError:
            return False
        return True

    return sse.Stream(_changes(request.state["ports"], found.repo.id, allowed))


async def _changes(ports: Ports, repo_id: int, allowed: "sse.Check") -> AsyncIterator[bytes]:
    with ports.changes.subscribe(lambda change: change.repo.id == repo_id) as changes:
        async for change in changes:
            if not await allowed():
                break
            yield b"data: " + _frame(change) + b"\n\n"
        if changes.lost:
            yield b": too slow, connect again\n\n"
    yield sse.END


def _frame(change: Change) -> bytes:
    return encode(repo_build_json(change.repo, change.build, stages=True))


async def log(request: Request[State]) -> sse.Stream:
    """The lines of a running step, earlier ones first."""
    step = await access.read(request, partial(paths.step, request))
    return sse.Stream(_lines(request.state["ports"], step.id))


async def _lines(ports: Ports, step_id: int) -> AsyncIterator[bytes]:
    async for line in ports.logs.follow(step_id):
        yield b"data: " + line + b"\n\n\n"
    yield sse.END
