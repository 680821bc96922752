"""Routes of the runner protocol (contract drone-rpc 1, 2): each is one verb of a Manager.

Runners show the body of an error as it is: errors are plain text here. They wait and repeat after 502 and more, give
up the call after any other error, and the stage after 409.
"""

import asyncio
import hmac
import logging
from collections.abc import Callable
from typing import TypeAlias, TypeVar

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.builds.cards import model
from app.builds.wire import StageJSON, StepJSON, stage_json, step_json
from app.errors import AppError, Conflict, Invalid, Problem
from app.runners.dispatch import api as runners_api
from app.runners.dispatch.local import LocalManager
from app.runners.dispatch.rpc import input as read
from app.runners.dispatch.rpc.wire import ContextJSON, context_json
from app.runners.manager import CLAIM, PREFIX, TAKES_KEY, Manager
from app.settings.values import LARGEST_LOG
from app.web import body
from app.web.connected import Polls, address, while_connected
from app.web.errors import BUG, status_of
from app.web.path import Path, Word
from app.web.reply import JSON, Empty, Text
from app.web.route import Endpoint, Param

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Bytes of a batch of log lines.
BATCH_LIMIT = 16 * 1024 * 1024
#: Seconds before a wrong secret is refused: official runners ask again at once, for ever.
PENALTY = 1.0
#: The text of the answer to every conflict (recorded: rpc.json).
CONFLICT = "Optimistic Lock Error"


class State(runners_api.State):
    """What these routes need in addition to the state of the queue's routes."""

    #: The secret that runners send; empty when the server lets no runners in.
    rpc_secret: str
    #: The manager from which the manager of each runner is made, by `spoken_for`.
    manager: LocalManager
    polls: Polls


_Request: TypeAlias = Request[State]


class _Refused(HTTPException):
    """The call does not carry the secret: an answer with an empty body."""

    def __init__(self, status: int) -> None:
        super().__init__(status, "")


class _RunnerNeeds:
    """The secret that all runners share. Grants the manager of the runner that calls."""

    means = "Runners."
    refusals = (401, 403)
    strangers = False
    words = ()
    judges_scope = False

    async def granted(self, request: _Request) -> Manager:
        """The manager of the runner. Raises _Refused after `PENALTY` seconds: 401, or 403 if `rpc_secret` is empty."""
        secret = request.state["rpc_secret"]
        shown = request.headers.get("x-drone-token", "")
        if not secret or not hmac.compare_digest(shown.encode(), secret.encode()):
            await asyncio.sleep(PENALTY)
            raise _Refused(401 if secret else 403)
        claim = request.headers.get(CLAIM, "")[:64]
        return request.state["manager"].spoken_for(address(request), f"claim:{claim}" if claim else "")

    def is_known(self, _: Manager) -> bool:
        """See Needs."""
        return True


RUNNER = _RunnerNeeds()


def answer_to(error: Exception) -> Response:
    """The answer to an error, as plain text."""
    if isinstance(error, Conflict):
        return Text(CONFLICT, status_of(error))
    if isinstance(error, AppError):
        return Text(error.message, status_of(error))
    if isinstance(error, HTTPException):
        answer = Text(error.detail, error.status_code, error.headers) if error.detail else None
        return answer or Response(status_code=error.status_code)
    return Response(status_code=400) if isinstance(error, ClientDisconnect) else Text(BUG, 500)


async def ping(_: _Request, __: Manager) -> Response:
    """Whether the address and the secret are right."""
    return Response()


async def request_stage(request: _Request, manager: Manager) -> Response:
    """Wait for a stage; 204 after 30 s without one."""
    wanted = (await body.parse(request, read.FilterIn)).filter()
    stage = await request.state["polls"].wait(request, manager.request(wanted))
    return Empty() if stage is None else JSON[StageJSON](stage_json(stage))


async def accept(request: _Request, manager: Manager) -> Response:
    """Take a stage; 204 goes to nobody."""
    machine = (await body.words(request)).get("machine", "")
    if not machine or not machine.isprintable() or len(machine) > 250:
        words = "machine: the runner's name must have 1 to 250 printable characters"
        raise Invalid.of([Problem("machine", "bad_machine", words)])
    accepting = manager.accept(_id(request, "stage"), machine)
    stage = await while_connected(request, accepting)
    return Empty() if stage is None else JSON[StageJSON](stage_json(stage))


async def details(request: _Request, manager: Manager) -> JSON[ContextJSON]:
    """All that is needed to run an accepted stage. Runners of Drone can take no ssh key: then the log says so."""
    context, takes_key = await manager.details(_id(request, "stage")), TAKES_KEY in request.headers
    if context.identity is not None and not takes_key:
        log.warning(
            "the runner of a stage takes no ssh key, so its own clone step is not let in: see docs/hosts.md",
            extra={"repository": context.repo.slug, "stage": context.stage.id, "runner": context.stage.machine},
        )
    return JSON(context_json(context, takes_key=takes_key))


async def update_stage(request: _Request, manager: Manager) -> JSON[StageJSON]:
    """Take the report of a stage with its steps."""
    stage_id = _id(request, "stage")
    report = await body.parse(request, read.StageIn)
    read.check(report, stage_id)
    return JSON(stage_json(await manager.update_stage(report.stage(stage_id))))


async def update_step(request: _Request, manager: Manager) -> JSON[StepJSON]:
    """Take the report of a step."""
    step_id = _id(request, "step")
    report = await body.parse(request, read.StepIn)
    read.check(report, step_id)
    return JSON(step_json(await manager.update_step(report.step(step_id))))


async def watch(request: _Request, manager: Manager) -> Response:
    """Wait until the build is to be stopped: 200. 204 after 30 s."""
    await body.read(request)
    stopped = await request.state["polls"].wait(request, manager.watch(_id(request, "build")))
    return Response() if stopped else Empty()


async def write_log(request: _Request, manager: Manager) -> Response:
    """Add lines to the live log of a step."""
    data = await body.read(request, BATCH_LIMIT)
    await manager.write_log(_id(request, "step"), await _aside(read.lines, data))
    return Response()


async def upload_log(request: _Request, manager: Manager) -> Response:
    """Store the whole log of a step, byte for byte."""
    data = await body.read(request, LARGEST_LOG)
    if not await _aside(_is_array, data):
        raise Invalid.of([Problem("", "invalid_log", "the body must be a JSON array of lines")])
    await manager.upload_log(_id(request, "step"), data)
    return Response()


async def _aside(parse: Callable[[bytes], T], data: bytes) -> T:
    """Parse a body; a long one in a thread, so that other requests do not wait."""
    return parse(data) if len(data) < body.LIMIT else await asyncio.to_thread(parse, data)


def _is_array(data: bytes) -> bool:
    try:
        return isinstance(orjson.loads(data), list)
    except ValueError:
        return False


async def upload_card(request: _Request, manager: Manager) -> Response:
    """Store the card of a step."""
    await body.read(request, model.LIMIT)
    card = await body.parse(request, read.CardIn)
    await manager.upload_card(_id(request, "step"), orjson.dumps(card.data).decode())
    return Response()


def _id(request: _Request, name: str) -> int:
    return body.number(request, name, f"{name}'s id")


_ALL = Path.of(PREFIX)
_STAGE = _ALL / "stage" / Word("stage", "Id of the stage.", 1)
_STEP = _ALL / "step" / Word("step", "Id of the step.", 1)
_BUILD = _ALL / "build" / Word("build", "Id of the build.", 1)
_MACHINE = Param("machine", "Name of the runner.", form=True)
routes = [
    Endpoint("POST", _ALL / "ping", ping, needs=RUNNER),
    Endpoint("POST", _ALL / "stage", request_stage, needs=RUNNER, body=read.FilterIn),
    Endpoint("POST", _STAGE, accept, needs=RUNNER, query=[_MACHINE]),
    Endpoint("GET", _STAGE, details, needs=RUNNER),
    Endpoint("PUT", _STAGE, update_stage, needs=RUNNER, body=read.StageIn),
    Endpoint("PUT", _STEP, update_step, needs=RUNNER, body=read.StepIn),
    Endpoint("POST", _BUILD / "watch", watch, needs=RUNNER),
    Endpoint("POST", _STEP / "logs/batch", write_log, needs=RUNNER),
    Endpoint("POST", _STEP / "logs/upload", upload_log, needs=RUNNER),
    Endpoint("POST", _STEP / "card", upload_card, needs=RUNNER, body=read.CardIn),
]
