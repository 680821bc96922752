"""The end of a repository: disabled, or deleted with all its builds and their logs (`spec` drone-rest 3.3)."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import Request

from app.builds import control, stages
from app.builds.ports import Ports
from app.builds.state import State
from app.db.tx import Tx
from app.errors import NotFound
from app.repos import access, changes
from app.repos.model import Repo
from app.repos.wire import RepoJSON, repo_json
from app.web import body
from app.web.reply import JSON


async def disable(request: Request[State]) -> JSON[RepoJSON]:
    """Disable a repository: what is pushed is built no longer; or delete it, with all its builds, logs and secrets.

    Before it is deleted, what runs is stopped. One of its name that is registered later counts on from its last number.
    """
    repo = (await access.granted(request)).repo
    if body.query(request).get("remove") == "true":
        return JSON(repo_json(await remove(request.state["ports"], repo)))
    disabled = changes.disable(repo.id, request.state["now"]())
    return JSON(repo_json(await request.state["db"].write(disabled)))


@dataclass(frozen=True, slots=True)
class _Removed:
    """What was deleted, and whom that concerns."""

    repo: Repo
    held: Sequence[tuple[int, int]]
    steps: Sequence[int]


async def remove(ports: Ports, repo: Repo) -> Repo:
    """Delete a repository with its builds, logs and mirrors; NotFound when somebody was faster.

    Files go first, so that whatever ends the server meanwhile, deleting it again goes on from there; and once
    more, for what was written until the rows were gone.
    """
    for _, number in await ports.db.read(stages.held(repo.id)):
        with suppress(NotFound):
            await control.cancel(ports, repo, number)
    await _clear(ports, repo.id, await ports.db.read(stages.step_ids(repo.id)))
    removed = await ports.db.write(_remove(repo.id, ports.now()))
    for build_id, _ in removed.held:
        ports.ended.publish(build_id)
    await _clear(ports, repo.id, removed.steps)
    return removed.repo


def _remove(repo_id: int, now: int) -> Tx[_Removed]:
    repo = yield from changes.disable(repo_id, now)  # from here on nobody gets a number
    held = yield from stages.held(repo_id)
    steps = yield from stages.step_ids(repo_id)
    yield from changes.delete(repo)
    return _Removed(repo, held, steps)


async def _clear(ports: Ports, repo_id: int, steps: Sequence[int]) -> None:
    await ports.logs.remove(steps)
    await ports.host.forget(repo_id)
