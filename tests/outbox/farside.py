"""Far sides that take messages, or not, and a clock that stands."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from app.accounts import store as accounts
from app.db.connect import Alterable
from app.db.tx import Tx, many, run
from app.errors import AppError
from app.outbox import store
from app.outbox.model import Entry, Kind, Message
from app.outbox.worker import Channel, Worker
from app.repos import store as repos
from app.repos.model import Repo
from tests.soon import soon

NOW = 1_700_000_000_000


@dataclass
class Clock:
    """The time in Unix milliseconds; it moves only when told to."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class FarSide:
    """Takes messages. Faults and waits are switched on by host."""

    #: What came, in order: host, subject and text.
    came: list[tuple[str, str, str]] = field(default_factory=list)
    errors: dict[str, Exception] = field(default_factory=dict)
    #: Calls to these hosts wait until the event is set.
    slow: dict[str, asyncio.Event] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0

    async def send(self, entry: Entry) -> Tx[None]:
        self.asked.append(entry.host)
        self.busy += 1
        self.busiest = max(self.busy, self.busiest)
        try:
            await asyncio.sleep(0)
            if entry.host in self.slow:
                await self.slow[entry.host].wait()
            if entry.host in self.errors:
                raise self.errors[entry.host]
        finally:
            self.busy -= 1
        self.came.append((entry.host, entry.subject, entry.payload["text"]))
        return _nothing()

    @property
    def texts(self) -> list[str]:
        return [text for _, _, text in self.came]


def _nothing() -> Tx[None]:
    yield from ()


def message(repo_id: int, text: str, subject: str = "s", part: str = "", host: str = "forge") -> Message:
    return Message(repo_id, "status", host, subject, part, {"text": text})


@dataclass
class Scene:
    """An outbox, and workers on it."""

    db: Alterable
    repo: Repo
    stack: AsyncExitStack
    far: FarSide = field(default_factory=FarSide)
    clock: Clock = field(default_factory=Clock)
    #: Attempts to send a webhook that have failed: the text, why, and when the next one is due.
    failures: list[tuple[str, str, int | None]] = field(default_factory=list)

    async def worker(self, owner: str = "a", far: FarSide | None = None, *, alone: bool = False) -> Worker:
        worker = self.make(owner, far, alone=alone)
        await self.stack.enter_async_context(worker.running())
        return worker

    def make(self, owner: str = "a", far: FarSide | None = None, *, alone: bool = False) -> Worker:
        send = (far or self.far).send
        channels: dict[Kind, Channel] = {
            "status": Channel(send),
            "webhook": Channel(send, self._note_failure, in_order=True),
        }
        return Worker(self.db, channels, owner, self.clock, alone=alone, spread=lambda: 1.0)

    def _note_failure(self, entry: Entry, error: AppError, due: int | None) -> Tx[None]:
        self.failures.append((entry.payload["text"], error.message, due))
        yield from ()

    async def add(self, text: str, subject: str = "s", part: str = "", host: str = "forge") -> None:
        await self.db.write(store.add([message(self.repo.id, text, subject, part, host)], self.clock.now))

    async def add_in_order(self, *texts: str, hook: str = "webhook:1") -> None:
        """Let messages wait that leave one after the other; they are about no repository."""
        messages = [Message(None, "webhook", hook, "", text, {"text": text}) for text in texts]
        await self.db.write(store.add(messages, self.clock.now))

    async def left(self) -> Sequence[Entry]:
        return [store.MAPPER.make(row) for row in await self.db.read(many("SELECT * FROM outbox ORDER BY id"))]

    async def empty(self) -> None:
        """Wait until everything has left."""

        async def gone() -> bool:
            return not await self.left()

        await soon(gone, "the outbox is empty")

    async def written(self) -> None:
        """Wait until it is written what became of each call."""

        async def left() -> bool:
            return not any(entry.owner for entry in await self.left())

        await soon(left, "nobody sends")

    async def tried(self, tries: int) -> Entry:
        """The only entry, once so many attempts have failed."""

        async def failed() -> bool:
            return [entry.tries for entry in await self.left() if not entry.owner] == [tries]

        await soon(failed, f"{tries} attempts have failed")
        [entry] = await self.left()
        return entry

    async def set(self, **columns: Any) -> None:
        """Change all entries behind everybody's back."""
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        await self.db.write(run(f"UPDATE outbox SET {sets}", **columns))


@asynccontextmanager
async def laid(db: Alterable) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        owner = await db.write(accounts.create("octocat", token="octocat's token", now=1, admin=True))
        repo = await db.write(repos.create(Repo(0, "octocat", "hello", user_id=owner.id, scm="forge")))
        yield Scene(db, repo, stack)
