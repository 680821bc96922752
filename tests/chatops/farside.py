"""People in a chat, the messages that the chat shows, and a repository whose builds they promote."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from app.accounts import store as accounts
from app.accounts.model import User
from app.builds.model import Build, Status
from app.builds.moments import Moments
from app.chatops import people
from app.chatops.buttons import Buttons
from app.chatops.flow import Chat
from app.chatops.model import Answer, Button, Person, Place, Press, Request
from app.chatops.ports import Ports
from app.chatops.recorder import Following
from app.chatops.sender import Sender
from app.chatops.telling import Teller
from app.db.connect import Database
from app.db.tx import Tx, many, run
from app.moments import Moment, Recorder, Recorders
from app.outbox.worker import Worker
from app.repos import store as repos
from app.repos.model import Permissions
from tests.builds import farside as builds
from tests.builds.farside import NOW, Scene, pipeline
from tests.soon import soon

URL = "https://gantry.example.com"
ALICE = Person("slack", "T1", "U1", "alice", "acme")
MALLORY = Person("slack", "T1", "U666", "mallory", "acme")
HERE = Place(url="https://hooks.slack.com/commands/T1/1/secret", channel="C1")
BUILD = pipeline(trigger={"event": {"exclude": ["promote", "rollback"]}})
PROMOTION = pipeline("deploy", trigger={"event": ["promote", "rollback"]})


@dataclass
class Screen:
    """Shows later answers, as a chat does: `fault` is raised while there is one."""

    most: int = 5
    lifetime: int = 1800
    shown: list[tuple[Place, Answer]] = field(default_factory=list)
    fault: Exception | None = None

    def host(self, place: Place) -> str:
        return "hooks.slack.com"

    async def later(self, place: Place, answer: Answer) -> Place:
        if self.fault is not None:
            raise self.fault
        self.shown.append((place, answer))
        return replace(place, message="1")

    @property
    def texts(self) -> list[str]:
        return [answer.text for _, answer in self.shown]


@dataclass
class Room:
    """A chat whose people are linked to accounts."""

    scene: Scene
    ports: Ports
    chat: Chat
    screen: Screen
    worker: Worker
    following: Following
    changes: list[Moment]
    _keys: int = 0

    @property
    def db(self) -> Database:
        return self.scene.ports.db

    async def say(self, text: str, by: Person = ALICE, *, key: str = "", place: Place = HERE) -> Answer:
        """The answer to a command."""
        self._keys += 1
        return await self.chat.command(Request(by, text, key or f"key {self._keys}", place))

    async def press(self, button: Button | str, by: Person = ALICE, *, key: str = "", place: Place = HERE) -> Answer:
        """The answer to a pressed button."""
        self._keys += 1
        value = button if isinstance(button, str) else button.value
        return await self.chat.press(Press(by, value, key or f"press {self._keys}", place))

    async def person(self, login: str, right: str = "", *, user: str = "", admin: bool = False) -> Person:
        """A person of the chat with an account that has a right in the repository."""
        made = await self.db.write(accounts.create(login, token=f"{login}'s token", now=NOW, admin=admin))
        if right:
            ranks = ("read", "write", "admin")
            rights = Permissions(*(ranks.index(right) >= rank for rank in range(3)))
            await self.db.write(repos.grant(self.scene.repo.id, made.id, rights, NOW))
        person = Person("slack", "T1", user or f"U-{login}", login, "acme")
        await self.link(person, made)
        return person

    async def link(self, person: Person, user: User) -> None:
        """Link a person of the chat to an account."""
        await self.db.write(people.offer(person, f"hash of {person.user}", NOW))
        by = builds.OCTOCAT
        await self.db.write(people.link(f"hash of {person.user}", user, by, Recorders(), NOW))

    async def passing(self, *documents: str, **fields: Any) -> Build:
        """A push whose build has succeeded."""
        made = await self.scene.push(*(documents or (BUILD, PROMOTION)), **({"source_repo": ""} | fields))
        await self.finish(made)
        return await self.scene.build(made.number)

    async def finish(self, build: Build, status: Status = "success") -> None:
        """A runner runs all stages of a build."""
        for stage in (await self.scene.build(build.number)).stages:
            await self.scene.run(stage, status)

    async def promoted(self, build: Build, target: str = "production") -> Build:
        """A promotion that has succeeded."""
        answer = await self.say(f"octocat/hello#{build.number} to {target}")
        assert answer.build, answer.text
        await self.finish(await self.scene.build(answer.build))
        return await self.scene.build(answer.build)

    async def protect(self) -> None:
        """From now on every build waits for an approval."""
        await self.db.write(run("UPDATE repos SET protected = TRUE"))

    async def requests(self) -> Sequence[dict[str, Any]]:
        rows = await self.db.read(many("SELECT * FROM chat_requests ORDER BY id"))
        return [dict(zip(row.keys(), row, strict=True)) for row in rows]  # type: ignore[attr-defined]

    async def settled(self) -> None:
        """Wait until everything has left the outbox."""
        self.worker.wake()

        async def empty() -> bool:
            return not await self.db.read(many("SELECT id FROM outbox WHERE state = 'waiting'"))

        await soon(empty, "the outbox is empty")

    def recorded(self, verb: str) -> list[Moment]:
        return [change for change in self.changes if change.verb == verb]


@asynccontextmanager
async def laid(db: Database, folder: Path) -> AsyncIterator[Room]:
    scene = await builds.laid(db, folder)
    changes = list[Moment]()

    def note(moment: Moment) -> Tx[None]:
        changes.append(moment)
        yield from ()

    following = Following(lambda: scene.clock() * 1000)
    recorders = Recorders(Recorder(note, verbs=None), following.recorder)
    scene.ports = replace(scene.ports, moments=Moments(db, scene.ports.logs, recorders))
    screen, codes = Screen(), iter(range(1, 1000))
    ports = Ports(
        scene.ports,
        URL,
        Buttons(b"a key of buttons"),
        {"slack": screen},
        lambda: scene.clock() * 1000,
        lambda: f"code{next(codes)}",
    )
    worker = Worker(db, Sender(ports, Teller(ports)).channels, "w", ports.now_ms, alone=True, spread=lambda: 1.0)
    following.on_written = partial(asyncio.get_running_loop().call_soon_threadsafe, worker.expect)
    chat = Chat(ports, worker.wake)
    room = Room(scene, ports, chat, screen, worker, following, changes)
    octocat = await db.read(accounts.find("octocat"))
    await room.link(ALICE, octocat)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worker.running())
        await stack.enter_async_context(chat.running())
        # A test may end at once: then nobody is still about to connect, which the library of PostgreSQL takes badly.
        await asyncio.gather(*(db.read(accounts.find("octocat")) for _ in range(4)))
        yield room
