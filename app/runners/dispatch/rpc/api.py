"""Routes of the runner protocol (contract drone-rpc 1, 2): each is one verb of a Manager.

Runners show the body of an error as it is: errors are plain text here. They wait and repeat after 502 and more, give
up the call after any other error, and the stage after 409.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.builds.cards import model
from app.builds.wire import StageJSON, StepJSON, stage_json, step_json
from app.errors import AppError, Conflict, Invalid, Problem
from app.runners.dispatch import api as runners_api
from app.runners.dispatch.local import LocalManager
from app.runners.dispatch.rpc import input as read
from app.runners.dispatch.rpc.wire import ContextJSON, context_json
from app.runners.manager import CLAIM, PREFIX, Manager
from app.web import body
from app.web.connected import Polls, address, while_connected
from app.web.errors import status_of
from app.web.reply import JSON, Empty, Text
from app.web.route import Endpoint, Param

T = TypeVar("T")

#: Bytes of a batch of log lines, and of a whole log: a runner keeps 5 MiB of text, which JSON may make longer.
BATCH_LIMIT, LOG_LIMIT = 16 * 1024 * 1024, 64 * 1024 * 1024
#: Seconds before a wrong secret is refused: official runners ask again at once, for ever.
PENALTY = 1.0
#: What runners are told of every conflict (recorded: rpc.json).
CONFLICT = "Optimistic Lock Error"


class State(runners_api.State):
    """Beside what the other routes of the room need."""

    #: What runners show; empty when there are to be none.
    rpc_secret: str
    #: Speaks for every runner; its `peer` is to be set.
    manager: LocalManager
    polls: Polls


_Request: TypeAlias = Request[State]
_Verb: TypeAlias = Callable[[_Request, Manager], Awaitable[Response]]


def _route(method: str, path: str, verb: _Verb, **options: Any) -> Endpoint:
    """A row for runners: nobody without the secret, and errors as text."""

    async def handle(request: _Request) -> Response:
        if refusal := await _refused(request):
            return refusal
        try:
            return await verb(request, _spoken_for(request))
        except AppError as error:
            words = CONFLICT if isinstance(error, Conflict) else error.message
            return Text(words, status_of(error))

    return Endpoint(method, f"{PREFIX}{path}", handle, **options)


def _spoken_for(request: _Request) -> Manager:
    """The manager, told who speaks."""
    claim = request.headers.get(CLAIM, "")[:64]
    return request.state["manager"].spoken_for(address(request), f"claim:{claim}" if claim else "")


async def _refused(request: _Request) -> Response | None:
    secret = request.state["rpc_secret"]
    shown = request.headers.get("x-drone-token", "")
    if secret and hmac.compare_digest(shown.encode(), secret.encode()):
        return None
    await asyncio.sleep(PENALTY)
    return Response(status_code=401 if secret else 403)


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
    """All that is needed to run an accepted stage."""
    return JSON(context_json(await manager.details(_id(request, "stage"))))


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
    data = await body.read(request, LOG_LIMIT)
    if not await _aside(_is_array, data):
        raise Invalid.of([Problem("", "invalid_log", "the body must be a JSON array of lines")])
    await manager.upload_log(_id(request, "step"), data)
    return Response()


async def _aside(parse: Callable[[bytes], T], data: bytes) -> T:
    """Parse what may be long without holding up others."""
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


routes = [
    _route("POST", "ping", ping),
    _route("POST", "stage", request_stage, body=read.FilterIn),
    _route("POST", "stage/{stage}", accept, query=[Param("machine", "Name of the runner.", form=True)]),
    _route("GET", "stage/{stage}", details),
    _route("PUT", "stage/{stage}", update_stage, body=read.StageIn),
    _route("PUT", "step/{step}", update_step, body=read.StepIn),
    _route("POST", "build/{build}/watch", watch),
    _route("POST", "step/{step}/logs/batch", write_log),
    _route("POST", "step/{step}/logs/upload", upload_log),
    _route("POST", "step/{step}/card", upload_card, body=read.CardIn),
]
