"""POST /chat/slack/command and /chat/slack/interactive: what people type and press (contract gantry-chatops 2)."""

import logging
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from app.chatops.flow import SHOWN
from app.chatops.model import Answer, Place
from app.chatops.state import State
from app.chatops.systems.slack import reading
from app.chatops.systems.slack.messages import message
from app.chatops.systems.slack.system import Slack
from app.chatops.systems.strangers import counted
from app.errors import AppError, NotFound
from app.web import body
from app.web.connected import address
from app.web.path import Path
from app.web.reply import JSON, Done
from app.web.route import Endpoint, Param

log = logging.getLogger(__name__)

COMMAND, INTERACTIVE = "/chat/slack/command", "/chat/slack/interactive"
#: Bytes of a command that are read. A press holds the whole message.
LIMIT = 64 * 1024


class SlackState(State):
    """What these rows use."""

    slack: Slack | None


async def command(request: Request[SlackState]) -> JSON[dict[str, Any]] | Done:
    """Carry out a slash command of Slack, as the account that the person is linked to.

    The request is signed by Slack. What the person did wrong is answered with 200, as Slack shows nothing else.
    """
    with counted(request):
        slack = _slack(request)
        sent = await body.read(request, LIMIT)
        if reading.is_probe(sent):
            return Done()
        asked = slack.command(request.headers, sent, request.state["now"](), address(request))
    return JSON(message(await request.state["chat"].command(asked)))


async def probe(request: Request[SlackState]) -> Done:
    """Answer Slack, which now and then looks at the certificate of the server."""
    with counted(request):
        _slack(request)
        if body.query(request).get("ssl_check") != "1":
            raise NotFound
    return Done()


async def interactive(request: Request[SlackState]) -> Response:
    """Carry out what a pressed button in Slack says, as the account that the person is linked to.

    The answer has no body, for Slack would not show it: what is shown leaves through the outbox. Only what the core
    answers without having stored it is told at once.
    """
    with counted(request):
        slack = _slack(request)
        press = slack.press(request.headers, await body.read(request), request.state["now"](), address(request))
    if press is None:
        return Done()
    answer = await request.state["chat"].press(press)
    done = Done()
    if answer != SHOWN:
        done.background = BackgroundTask(_show, slack, press.place, answer)
    return done


async def _show(slack: Slack, place: Place, answer: Answer) -> None:
    """Show the answer to a press. What the press has done stays done when that is impossible."""
    try:
        await slack.later(place, answer)
    except AppError as error:
        log.warning("the answer to a button could not be shown", extra={"system": "slack", "reason": error.message})


def _slack(request: Request[SlackState]) -> Slack:
    """Slack; NotFound as for any unknown path when the settings do not name it."""
    slack = request.state["slack"]
    if slack is None:
        raise NotFound
    return slack


routes = [
    Endpoint("POST", Path.of(COMMAND), command, operation="chats.slack_command", errors=[400, 401, 404, 413]),
    Endpoint(
        "GET",
        Path.of(COMMAND),
        probe,
        operation="chats.slack_probe",
        query=[Param("ssl_check", "1: a look at the certificate.")],
        errors=[404],
    ),
    Endpoint("POST", Path.of(INTERACTIVE), interactive, operation="chats.slack_press", errors=[400, 401, 404, 413]),
]
