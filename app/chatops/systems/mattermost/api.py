"""POST /chat/mattermost/command and /chat/mattermost/action: what people type and press in Mattermost (contract
gantry-chatops 3)."""

from dataclasses import replace
from typing import Any

from starlette.requests import Request

from app.chatops.model import Answer
from app.chatops.state import State
from app.chatops.systems.mattermost import messages
from app.chatops.systems.mattermost.system import Mattermost
from app.chatops.systems.strangers import counted
from app.errors import NotFound
from app.web import body
from app.web.connected import address
from app.web.path import Path
from app.web.reply import JSON
from app.web.route import Endpoint

COMMAND, ACTION = "/chat/mattermost/command", "/chat/mattermost/action"
#: Bytes of a request that are read.
LIMIT = 64 * 1024


class MattermostState(State):
    """What these rows use."""

    mattermost: Mattermost | None


async def command(request: Request[MattermostState]) -> JSON[dict[str, Any]]:
    """Carry out a slash command of Mattermost, as the account that the person is linked to.

    The request shows the token of the command. What the person did wrong is answered with 200, as Mattermost shows
    nothing else.
    """
    with counted(request):
        mattermost = _mattermost(request)
        sent = await body.read(request, LIMIT)
        asked = mattermost.command(request.headers, sent, request.state["now"](), address(request))
    answer = await request.state["chat"].command(replace(asked, place=mattermost.followed(asked.place)))
    return JSON(messages.message(answer, mattermost.buttons.of(answer, asked.place)))


async def press(request: Request[MattermostState]) -> JSON[dict[str, Any]]:
    """Carry out what a pressed button in Mattermost says, as the account that the person is linked to.

    The request is not signed. It holds what this server has signed when it showed the button, and counts only for the
    person and the channel of the message, or for a person whom Mattermost knows.
    """
    with counted(request):
        mattermost = _mattermost(request)
        pressed = mattermost.press(await body.read(request, LIMIT), address(request))
    if problem := await mattermost.problem(pressed):
        return JSON(messages.pressed(Answer(problem)))
    answer = await request.state["chat"].press(replace(pressed, place=mattermost.followed_after(pressed)))
    return JSON(messages.pressed(answer, mattermost.buttons.of(answer, pressed.place)))


def _mattermost(request: Request[MattermostState]) -> Mattermost:
    """Mattermost; NotFound as for any unknown path when the settings do not name it."""
    mattermost = request.state["mattermost"]
    if mattermost is None:
        raise NotFound
    return mattermost


routes = [
    Endpoint("POST", Path.of(COMMAND), command, operation="chats.mattermost_command", errors=[400, 401, 404, 413]),
    Endpoint("POST", Path.of(ACTION), press, operation="chats.mattermost_press", errors=[400, 401, 404, 413]),
]
