"""Comments that hosts tell of wait in the outbox, and are carried out once (contract gantry-chatops 6.5)."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.accounts import store as accounts
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import REFRESH, TOKEN, HostAccount
from app.builds.config.files import Configs
from app.builds.model import Build, Status
from app.builds.moments import Moments
from app.chatops.buttons import Buttons
from app.chatops.comments import inbox
from app.chatops.comments.inbox import Inbox
from app.chatops.comments.writer import CommentWriter
from app.chatops.flow import Chat
from app.chatops.model import System, Writer
from app.chatops.ports import Ports
from app.chatops.recorder import Following
from app.convert.convert import Converter
from app.db.connect import Database
from app.db.tx import Tx, many, run
from app.errors import Unavailable, Unreadable
from app.moments import Moment, Recorder, Recorders
from app.outbox.model import Entry
from app.outbox.store import MAPPER
from app.repos import store as repos
from app.repos.model import Permissions, Repo
from app.scm.forge import Comments, Head, Reply, Talk
from app.scm.hook import Comment
from app.scm.host import Source
from app.scm.hosts import Hosts
from tests.builds.farside import NOW, SEAL, FakeHost, Scene, laid
from tests.chatops.farside import BUILD, PROMOTION, URL
from tests.counting import Counting


@dataclass
class Host(FakeHost, Comments):
    """A host that shows comments."""

    name: str = "github:partners"
    at: Head = field(default_factory=lambda: Head("", fork=False, closed=False))
    seen: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def head(self, source: Source, number: int) -> Head:
        if self.failure is not None:
            raise self.failure
        return self.at

    async def acknowledge(self, source: Source, talk: Talk, comment: str) -> None:
        self.seen.append(comment)

    async def put_comment(self, source: Source, talk: Talk, known: str, reply: Reply) -> str:
        self.said.append(reply.text)
        return known or "99"


@dataclass
class At:
    """A repository at the host, in which the person of the host's account 7 may write."""

    scene: Scene
    host: Host
    repo: Repo
    inbox: Inbox
    changes: list[Moment]

    @property
    def db(self) -> Database:
        return self.scene.ports.db

    async def hear(self, text: str = ".deploy to production", **more: Any) -> bool:
        comment = Comment(id="4", text=text, number=3, is_request=True, author_uid="7", author="ada", written=NOW)
        return await self.inbox.hear(self.repo, replace(comment, **more), "192.0.2.1")

    async def waiting(self, kind: str = "comment") -> list[Entry]:
        rows = await self.db.read(many("SELECT * FROM outbox ORDER BY id"))
        return [entry for entry in map(MAPPER.make, rows) if entry.kind == kind]

    async def carry_out(self) -> None:
        """Send the commands that wait, as the outbox does."""
        for entry in await self.waiting():
            await self.db.write(await self.inbox.send(entry))
            await self.db.write(run("DELETE FROM outbox WHERE id = :id", id=entry.id))

    async def promotions(self) -> int:
        return len(await self.db.read(many("SELECT id FROM builds WHERE event = 'promote'")))

    async def answer(self) -> str:
        """The stored answer of the last request."""
        rows = await self.db.read(many("SELECT answer FROM chat_requests ORDER BY id DESC LIMIT 1"))
        return str(orjson.loads(rows[0]["answer"])["text"])


@pytest.fixture
async def at(db: Database, tmp_path: Path) -> At:
    scene = await laid(db, tmp_path)
    changes = list[Moment]()

    def note(moment: Moment) -> Tx[None]:
        changes.append(moment)
        yield from ()

    green = await scene.push(BUILD, PROMOTION, source_repo="")
    await finished(scene, green)
    host = Host(files=scene.host.files, messages=scene.host.messages)
    host.at = replace(host.at, sha=green.after)
    await db.write(run("UPDATE repos SET scm = :scm", scm=host.name))
    hosts = Hosts(scene.host, host)
    following = Following(lambda: scene.clock() * 1000)
    moments = Moments(db, scene.ports.logs, Recorders(Recorder(note), following.recorder))
    scene.ports = replace(scene.ports, hosts=hosts, configs=Configs(hosts, Converter(no_template)), moments=moments)

    def linking() -> Tx[None]:
        user = yield from accounts.create("ada", token="ada's token", now=NOW)
        at_host = HostAccount(0, user.id, host.name, "7", "ada", "token", SEAL.seal("t", TOKEN), SEAL.seal("", REFRESH))
        yield from hosted.link(at_host)
        yield from repos.grant(scene.repo.id, user.id, Permissions(True, True), NOW, synced=NOW)

    await db.write(linking())
    writers: dict[System, Writer] = {"github": CommentWriter(db, hosts, URL)}
    ports = Ports(scene.ports, URL, Buttons(b"a key"), writers, lambda: scene.clock() * 1000, lambda: "code")
    chat = Chat(ports, lambda: None)
    return At(scene, host, await db.read(repos.find(scene.repo.id)), Inbox(ports, chat, lambda: None), changes)


async def no_template(_namespace: str, _scm: str, _name: str) -> None:
    return None


async def finished(scene: Scene, build: Build, status: Status = "success") -> None:
    """A runner runs all stages of a build."""
    for stage in (await scene.build(build.number)).stages:
        await scene.run(stage, status)


async def test_a_command_waits_beside_the_eyes_and_without_what_is_not_needed(at: At) -> None:
    assert await at.hear("Hello.\n.deploy to production\nBye.")

    eyes, command = await at.waiting()
    assert (eyes.subject, command.subject) == ("eyes 4", "command 4")
    assert {eyes.host, command.host} == {"github:partners"}
    assert set(eyes.payload) == {"spot"}
    assert command.payload["command"] == "deploy to production"
    assert "Hello" not in str(command.payload)


async def test_a_comment_that_is_told_often_at_once_waits_once_and_is_carried_out_once(at: At) -> None:
    assert all(await asyncio.gather(*(at.hear() for _ in range(8))))
    entries = await at.waiting()
    assert len(entries) == 2

    await asyncio.gather(*(at.inbox.send(entries[1]) for _ in range(4)))
    assert await at.hear()

    assert await at.promotions() == 1
    assert len(await at.waiting()) == 2
    assert len(await at.waiting("chat")) == 1


async def test_the_person_of_the_host_s_account_acts(at: At) -> None:
    await at.hear()
    await at.carry_out()

    rows = await at.db.read(many("SELECT trigger_by, via, parent FROM builds WHERE event = 'promote'"))
    assert [tuple(row) for row in rows] == [("ada", "github", 1)]
    assert at.host.seen == ["4"]
    assert [one.by.address for one in at.changes if one.verb == "chat.command"] == ["192.0.2.1"]


async def test_a_person_of_another_host_with_the_same_id_does_not(at: At) -> None:
    await at.db.write(run("UPDATE host_accounts SET host = 'github'"))
    await at.hear()
    await at.carry_out()

    assert "Nobody here has your account" in await at.answer()
    assert await at.promotions() == 0


@pytest.mark.parametrize("text", ["", "lgtm", "> .deploy to x", "/approve"])
async def test_a_comment_without_a_command_costs_no_statement(at: At, text: str) -> None:
    counting = Counting(at.db)
    at.inbox._builds = replace(at.inbox._builds, db=counting)

    assert not await at.hear(text)
    assert counting.statements == []


async def test_comments_of_days_ago_and_of_hosts_without_comments_command_nothing(at: At) -> None:
    old = await at.hear(written=NOW - inbox.OLDEST)
    untold = await at.hear(written=0)
    at.repo = replace(at.repo, scm="")

    assert [old, untold, await at.hear()] == [False, False, False]
    assert await at.waiting() == []


async def test_a_pull_request_of_a_fork_is_told_from_one_that_the_host_has_told_of(at: At) -> None:
    at.host.at = replace(at.host.at, fork=True)
    await at.hear()
    await at.carry_out()
    assert "comes from a fork" in await at.answer()

    await at.hear(id="5", head=at.host.at.sha, fork=False)
    await at.carry_out()
    assert await at.promotions() == 1


async def test_what_was_refused_is_not_carried_out_when_it_is_told_again(at: At) -> None:
    at.host.at = replace(at.host.at, fork=True)
    await at.hear()
    await at.carry_out()
    await at.db.write(run("UPDATE users SET admin = TRUE"))

    assert await at.hear()
    assert await at.waiting() == []
    assert await at.promotions() == 0


async def test_a_newer_build_of_the_head_that_failed_does_not_hide_the_green_one(at: At) -> None:
    failed = await at.scene.push(BUILD, after=at.host.at.sha)
    await finished(at.scene, failed, "failure")
    await at.hear()
    await at.carry_out()

    rows = await at.db.read(many("SELECT parent FROM builds WHERE event = 'promote'"))
    assert [row["parent"] for row in rows] == [1]


@pytest.mark.parametrize("error", [Unavailable("away"), Unreadable("gone", code="repository_unreachable")])
async def test_a_head_that_the_host_does_not_tell_is_asked_for_later(at: At, error: Exception) -> None:
    at.host.failure = error
    await at.hear()
    (_, command) = await at.waiting()

    with pytest.raises(Unavailable):
        await at.inbox.send(command)
    at.host.failure = None
    await at.carry_out()

    assert await at.promotions() == 1


async def test_more_than_ten_commands_a_minute_are_not_answered(at: At) -> None:
    for number in range(12):
        await at.hear(".list", id=str(number))
    await at.carry_out()

    assert len(await at.waiting("chat")) == 10


async def test_a_command_of_64_kilobytes_is_answered_and_kept_short(at: At) -> None:
    await at.hear(".deploy to production " + "A=b " * 16_000)
    (_, command) = await at.waiting()
    await at.carry_out()

    assert len(command.payload["command"]) == inbox.LONGEST
    assert await at.promotions() == 0
    assert len(await at.answer()) < 10_000
