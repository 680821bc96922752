"""Messages between the servers of one PostgreSQL database: LISTEN and NOTIFY, on a connection for this alone."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import asyncpg

from app.backoff import pauses

log = logging.getLogger(__name__)

#: Sends the other servers a text on a channel; never waits.
Notify: TypeAlias = Callable[[str, str], None]
#: Receives a text from another server.
Hear: TypeAlias = Callable[[str], None]

#: Seconds between two attempts to connect: at first, and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
#: Seconds without an outgoing text after which the connection is tested, and seconds that a statement may take.
ALIVE, PATIENCE = 30.0, 10.0
#: Texts that are kept while there is no connection; the oldest ones are dropped.
BACKLOG = 10_000
TELL = "SELECT pg_notify(channel, said) FROM unnest($1::text[], $2::text[]) AS told (channel, said)"


class Bus:
    """Sends and receives texts while `run` runs; a server does not receive its own texts."""

    def __init__(
        self,
        connect: "Callable[[], Awaitable[asyncpg.Connection[Any]]]",
        channels: Mapping[str, Hear],
        passing: tuple[type[BaseException], ...],
    ) -> None:
        self._connect = connect
        self._channels = channels
        #: Errors after which the bus connects again.
        self._passing = passing
        self._outbox: deque[tuple[str, str]] = deque(maxlen=BACKLOG)
        self._news = asyncio.Event()

    def tell(self, channel: str, text: str) -> None:
        """See Notify."""
        self._outbox.append((channel, text))
        self._news.set()

    async def run(self, ready: asyncio.Event) -> None:
        """Connect, and again whenever the connection ends; `ready` is set once the bus listens or has failed to."""
        waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
        deaf = False
        while True:
            try:
                connection = await self._connect()
                try:
                    await self._listen(connection)
                    if deaf:
                        self._wake_all()
                    ready.set()
                    waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
                    await self._speak(connection)
                finally:
                    connection.terminate()
            except self._passing as error:
                log.warning("the other servers cannot be heard", extra={"reason": type(error).__name__})
            deaf = True
            ready.set()
            await asyncio.sleep(next(waits))

    async def _listen(self, connection: "asyncpg.Connection[Any]") -> None:
        own = connection.get_server_pid()

        def heard(_: object, pid: int, channel: str, text: object) -> None:
            if pid != own:
                self._channels[channel](str(text))

        for channel in self._channels:
            await connection.add_listener(channel, heard)
        connection.add_termination_listener(lambda _: self._news.set())

    def _wake_all(self) -> None:
        """Send every channel an empty text: the texts that were sent without a connection are lost."""
        for hear in self._channels.values():
            hear("")

    async def _speak(self, connection: "asyncpg.Connection[Any]") -> None:
        while not connection.is_closed():
            self._news.clear()
            if self._outbox:
                texts = list(self._outbox)
                await connection.execute(TELL, *map(list, zip(*texts, strict=True)), timeout=PATIENCE)
                for _ in texts:
                    self._outbox.popleft()
                continue
            try:
                async with asyncio.timeout(ALIVE):
                    await self._news.wait()
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=PATIENCE)
