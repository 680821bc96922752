"""POST /chat/command: what a bot of one's own sends (contract gantry-chatops 5)."""

from starlette.requests import Request

from app.chatops.model import Press
from app.chatops.state import State
from app.chatops.systems.bot.input import CommandInput
from app.chatops.systems.bot.system import AnswerJSON, Bot, answer_json, asked
from app.chatops.systems.strangers import counted
from app.errors import NotFound
from app.web import body
from app.web.connected import address
from app.web.reply import JSON
from app.web.route import Endpoint

PATH = "/chat/command"
#: Bytes of a request that are read.
LIMIT = 256 * 1024


class BotState(State):
    """What this row uses."""

    bot: Bot | None


async def command(request: Request[BotState]) -> JSON[AnswerJSON]:
    """Carry out a command, as the account that the person is linked to.

    `X-Gantry-Signature` is `sha256=` and the HMAC-SHA256, in hexadecimal, of `X-Gantry-Timestamp`, a dot and the body,
    with the secret of the settings as the key. What the person did wrong is answered with 200 and a text.
    """
    with counted(request):
        bot = request.state["bot"]
        if bot is None:
            raise NotFound("no bot may send commands here: GANTRY_CHAT_SECRET is not set")
        bot.verify(request.headers, await body.read(request, LIMIT))
    given = asked(await body.parse(request, CommandInput), address(request))
    chat = request.state["chat"]
    return JSON(answer_json(await (chat.press(given) if isinstance(given, Press) else chat.command(given))))


routes = [
    Endpoint("POST", PATH, command, operation="chats.command", body=CommandInput, errors=[400, 401, 404, 413]),
]
