"""Opening the chats: what people of chats and of hosts command, and the answers that leave later."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.builds.ports import Ports as BuildPorts
from app.chatops.buttons import Buttons, key_of
from app.chatops.comments.inbox import SYSTEMS, Inbox
from app.chatops.comments.writer import CommentWriter
from app.chatops.flow import Chat
from app.chatops.ports import Ports
from app.chatops.sender import Sender
from app.chatops.telling import Teller
from app.main.artifacts import now_ms
from app.outbox.model import Kind
from app.outbox.worker import Channel


@dataclass(frozen=True, slots=True)
class Chats:
    """The opened objects of the chats."""

    chat: Chat
    inbox: Inbox
    channels: Mapping[Kind, Channel]


@asynccontextmanager
async def open_chats(
    builds: BuildPorts, public_url: str, cookie_key: bytes, wake: Callable[[], None]
) -> AsyncIterator[Chats]:
    """Carry out commands while the block lasts. `wake` is called when something waits in the outbox."""
    writer = CommentWriter(builds.db, builds.hosts, public_url)
    writers = dict.fromkeys(SYSTEMS.values(), writer)
    ports = Ports(builds, public_url, Buttons(key_of(cookie_key)), writers, now_ms, secrets.token_urlsafe)
    chat = Chat(ports, wake)
    inbox = Inbox(ports, chat, wake)
    channels = {**Sender(ports, Teller(ports)).channels, "comment": inbox.channel}
    async with chat.running():
        yield Chats(chat, inbox, channels)
