"""POST /chat/teams: what people type in Microsoft Teams (contract gantry-chatops 4)."""

from starlette.requests import Request

from app.chatops.state import State
from app.chatops.systems.strangers import counted
from app.chatops.systems.teams.system import Teams
from app.errors import NotFound
from app.web import body
from app.web.connected import address
from app.web.path import Path
from app.web.reply import JSON
from app.web.route import Endpoint

PATH = "/chat/teams"
#: Bytes of a request that are read.
LIMIT = 256 * 1024


class TeamsState(State):
    """What this row uses."""

    teams: Teams | None


async def command(request: Request[TeamsState]) -> JSON[dict[str, str]]:
    """Carry out a command that was sent to the outgoing webhook of Teams, as the account that the person is linked to.

    The request is signed by Teams. What the person did wrong is answered with 200, as Teams shows nothing else.
    """
    with counted(request):
        teams = request.state["teams"]
        if teams is None:
            raise NotFound
        sent = await body.read(request, LIMIT)
        asked = teams.command(request.headers, sent, request.state["now"](), address(request))
    return JSON(teams.message(await request.state["chat"].command(asked)))


routes = [Endpoint("POST", Path.of(PATH), command, operation="chats.teams_command", errors=[400, 401, 404, 413])]
