"""Opening the chats: people's commands are carried out, and later answers leave, while the server runs."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app.accounts.auth import new_token
from app.builds.ports import Ports as BuildPorts
from app.chatops.buttons import Buttons, key_of
from app.chatops.comments.inbox import SYSTEMS, Inbox
from app.chatops.comments.writer import CommentWriter
from app.chatops.flow import Chat
from app.chatops.model import System, Writer
from app.chatops.ports import Ports
from app.chatops.sender import Sender
from app.chatops.systems.bot.system import Bot, Call, Post
from app.chatops.telling import Teller
from app.errors import Unavailable, Unreadable
from app.main.artifacts import now_ms
from app.main.systems import Systems, open_systems
from app.notify.webhooks.model import Request
from app.notify.webhooks.poster import Poster
from app.outbox.model import Kind
from app.outbox.worker import Channel, Worker
from app.scm.forge import Later
from app.settings.server import Settings

#: Seconds for which an end point is left alone that wants fewer calls, and does not say for how long.
PAUSE = 60


class Bell:
    """Wakes the outbox, which is opened after those who write into it."""

    def __init__(self) -> None:
        self.on_ring: Callable[[], None] = lambda: None

    def ring(self) -> None:
        """Say that something waits."""
        self.on_ring()


@dataclass(frozen=True, slots=True)
class Chats:
    """The opened objects of chats."""

    ports: Ports
    systems: Systems
    bot: Bot | None
    chat: Chat
    #: Takes comments of hosts.
    inbox: Inbox
    bell: Bell

    @property
    def channels(self) -> Mapping[Kind, Channel]:
        """What sends later answers, and what carries out what comments command."""
        return {**Sender(self.ports, Teller(self.ports)).channels, "comment": self.inbox.channel}


@asynccontextmanager
async def open_chats(settings: Settings, builds: BuildPorts, poster: Poster, cookie_key: bytes) -> AsyncIterator[Chats]:
    """Keep connections to the chats while the block lasts."""
    async with AsyncExitStack() as stack:
        systems = await stack.enter_async_context(open_systems(settings, cookie_key))
        bot = Bot(settings.chat_secret, _post(poster), builds.now) if settings.chat_secret else None
        comments = dict.fromkeys(SYSTEMS.values(), CommentWriter(builds.db, builds.hosts, settings.public_url))
        writers: Mapping[System, Writer] = {**systems.writers, **comments, **({"chat": bot} if bot else {})}
        buttons, bell = Buttons(key_of(cookie_key)), Bell()
        ports = Ports(builds, settings.public_url, buttons, writers, now_ms, new_token)
        chat = Chat(ports, bell.ring)
        yield Chats(ports, systems, bot, chat, Inbox(ports, chat, bell.ring), bell)


@asynccontextmanager
async def open_chat(chats: Chats, outbox: Worker) -> AsyncIterator[Chat]:
    """Carry out commands while the block lasts."""
    chats.bell.on_ring = outbox.wake
    async with chats.chat.running():
        yield chats.chat


def _post(poster: Poster) -> Post:
    async def post(call: Call) -> None:
        answer = await poster.post(call.url, Request(call.headers, call.body))
        status = answer.status
        if 200 <= status < 300:
            return
        words = f"the address of the bot answers {status}"
        if status == 429:
            wait = answer.headers.get("retry-after", "")
            raise Later(words, int(wait) if wait.isdecimal() and len(wait) < 6 else PAUSE)
        raise (Unavailable if status in (408, 425) or status >= 500 else Unreadable)(words)

    return post
