"""Readers of changes: all that each may know, in order, and never more than it can take."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app import background
from app.accounts import proofs
from app.accounts import store as accounts
from app.accounts.model import User
from app.builds.live import broadcast, reader, ring
from app.builds.live import round as share
from app.builds.live.broadcast import MISSED, TOO_SLOW, Broadcast
from app.builds.live.reader import Reader
from app.builds.moments import Moment
from app.db.tx import run
from app.encoding import encode
from app.errors import Unavailable
from app.repos import store as repos
from app.repos.audience import Who
from app.repos.model import Permissions, Repo
from app.web import sse
from app.web.sse import END, PING
from app.web.traffic import Traffic
from tests.builds.farside import HOOK, NOW, Scene, pushed
from tests.soon import soon


class Listener:
    """Somebody who reads a stream as fast as it comes, unless it is told to wait."""

    def __init__(self, stream: Reader) -> None:
        self.stream = stream
        self.parts: list[bytes] = []
        self.goes = asyncio.Event()
        self.goes.set()
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for part in self.stream:
            self.parts.append(part)
            await self.goes.wait()
        await self.stream.aclose()

    @property
    def text(self) -> bytes:
        return b"".join(self.parts)

    @property
    def titles(self) -> list[str]:
        """What the changes that came were called."""
        lines = [line for line in self.text.split(b"\n") if line.startswith(b"data: {")]
        return [json.loads(line[6:])["build"]["title"] for line in lines]

    @property
    def last_id(self) -> str:
        return self.text.rpartition(b"id: ")[2].partition(b"\n")[0].decode()

    async def has(self, *titles: str) -> None:
        """Wait until just these have come."""
        await soon(lambda: len(self.titles) >= len(titles))
        assert self.titles == list(titles)

    async def ends(self, words: bytes = END) -> None:
        """Wait for the end, which says this."""
        async with asyncio.timeout(20):
            await self.task
        assert self.text.endswith(words)


class Station:
    """A broadcast, and who changes builds."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.db = scene, scene.ports.db
        self.traffic = Traffic()
        self.broadcast = Broadcast(self.db, scene.ports.moments.watched, self.traffic, "abc", scene.clock)
        self.aborted: list[int] = []

    def change(self, title: str, repo: Repo | None = None, number: int = 1) -> None:
        of = repo or self.scene.repo
        self.scene.ports.moments.watched.publish(
            Moment("build.push", of, replace(pushed(of, "a" * 40), id=number, number=number, title=title), HOOK)
        )

    async def change_each(self, titles: Iterable[str], *, heard_by: Listener) -> None:
        """Changes one by one, each when the one before was heard."""
        for title in titles:
            known = heard_by.titles
            self.change(title)
            await heard_by.has(*known, title)

    async def listen(
        self, who: Who | None = None, repo_id: int | None = None, last_id: str = "", *, brief: bool = False
    ) -> Listener:
        """Somebody, by default an administrator; live when this returns."""
        number = len(self.aborted)
        who = who or Who(self.scene.repo.user_id)
        stream = await self.broadcast.join(who, repo_id, last_id, lambda: self.aborted.append(number), brief=brief)
        listener = Listener(stream)
        await soon(lambda: listener.parts)
        return listener

    async def account(self, login: str, *, rights: Permissions | None = None) -> User:
        made = await self.db.write(accounts.create(login, token=f"the token of {login}", now=NOW))
        if rights:
            await self.db.write(repos.grant(self.scene.repo.id, made.id, rights, NOW))
        return made

    async def repo(self, name: str, **fields: str) -> Repo:
        made = replace(self.scene.repo, name=name, **fields)  # type: ignore[arg-type]  # any field
        return await self.db.write(repos.create(made))


@asynccontextmanager
async def on_air(scene: Scene) -> AsyncIterator[Station]:
    station = Station(scene)
    async with station.broadcast.running():
        yield station


async def test_a_ping_comes_first_then_every_change_in_order(scene: Scene) -> None:
    async with on_air(scene) as station:
        listener = await station.listen()
        assert listener.text == PING
        for title in "abcde":
            station.change(title)

        await listener.has(*"abcde")
        frames = listener.text.split(b"\n\n")
        assert [frame.partition(b"\n")[0] for frame in frames[1:-1]] == [b"id: abc-%d" % n for n in range(1, 6)]


async def test_everybody_gets_what_is_theirs_however_many_they_are(scene: Scene) -> None:
    async with on_air(scene) as station:
        public, private = await station.repo("public", visibility="public"), scene.repo
        internal = await station.repo("internal", visibility="internal")
        kim = await station.account("kim", rights=Permissions(read=True))
        lee = await station.account("lee", rights=Permissions(read=False))
        kinds = {
            Who(): ["public"],
            Who(lee.id): ["public", "internal"],
            Who(kim.id): ["public", "private", "internal"],
            Who(scene.repo.user_id): ["public", "private", "internal"],
        }
        listeners = [(await station.listen(who), titles) for who, titles in kinds.items() for _ in range(15)]

        station.change("public", public)
        station.change("private", private)
        station.change("internal", internal)

        for listener, titles in listeners:
            await listener.has(*titles)


async def test_in_brief_one_hears_which_builds_have_changed_once_for_all_changes_that_come_together(
    scene: Scene,
) -> None:
    async with on_air(scene) as station:
        other, octocat = await station.repo("other"), await station.listen()
        kim = await station.account("kim", rights=Permissions(read=True))
        page = await station.listen(Who(kim.id), brief=True)

        station.change("a")
        await soon(lambda: len(page.parts) == 2)
        station.change("b", number=1)
        station.change("c", number=2)
        station.change("secret", other, number=3)
        station.change("d", number=1)
        await soon(lambda: len(page.parts) == 3)

        def frame(position: int, *numbers: int) -> bytes:
            return b"id: abc-%d\ndata: %s\n\n" % (position, encode({scene.repo.slug: numbers}))

        assert page.text == PING + frame(1, 1) + frame(5, 1, 2)
        await octocat.has("a", "b", "c", "secret", "d")
        back = await station.listen(Who(kim.id), last_id="abc-3", brief=True)
        await soon(lambda: len(back.parts) == 2)
        assert back.text == PING + frame(5, 1)
        station.change("secret", other, number=4)
        await octocat.has("a", "b", "c", "secret", "d", "secret")
        station.change("e", number=3)
        await soon(lambda: len(page.parts) == 4)
        assert page.parts[-1] == frame(7, 3)


async def test_while_nobody_but_pages_listens_no_change_is_made_into_a_frame(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_air(scene) as station:
        page, octocat = await station.listen(brief=True), await station.listen()
        station.change("a")
        await octocat.has("a")
        monkeypatch.setattr(broadcast, "LINGER", 0.0)
        await octocat.stream.aclose()

        station.change("b", number=7)

        await soon(lambda: b"id: abc-2" in page.text and b"7" in page.text)
        assert [bool(entry.frame) for entry in station.broadcast._ring.after(0)] == [True, False]
        back = await station.listen(last_id=octocat.last_id)
        assert back.text == PING + MISSED
        station.change("c")
        await back.has("c")


async def test_who_listens_to_one_repository_hears_of_no_other(scene: Scene) -> None:
    async with on_air(scene) as station:
        other = await station.repo("other")
        one, another = await station.listen(repo_id=scene.repo.id), await station.listen(repo_id=other.id)

        station.change("a")
        station.change("b", other)
        station.change("c")

        await one.has("a", "c")
        await another.has("b")


async def test_rights_are_those_of_the_moment(scene: Scene) -> None:
    async with on_air(scene) as station:
        kim = await station.account("kim")
        everything, octocat = await station.listen(Who(kim.id)), await station.listen()
        station.change("before")
        await octocat.has("before")

        await station.db.write(repos.grant(scene.repo.id, kim.id, Permissions(read=True), NOW))
        station.change("granted")
        await everything.has("granted")
        single = await station.listen(Who(kim.id), scene.repo.id)

        await station.db.write(repos.revoke(scene.repo.id, kim))
        station.change("revoked")
        await single.ends(PING + END)
        await octocat.has("before", "granted", "revoked")
        assert everything.titles == ["granted"]

        await station.db.write(repos.grant(scene.repo.id, kim.id, Permissions(read=True), NOW))
        station.change("again")
        await everything.has("granted", "again")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET active = FALSE WHERE login = 'kim'",
        "DELETE FROM tokens WHERE user_id = (SELECT id FROM users WHERE login = 'kim')",
        "DELETE FROM users WHERE login = 'kim'",
    ],
)
async def test_an_account_that_is_gone_hears_the_end_whatever_changed(scene: Scene, change: str) -> None:
    async with on_air(scene) as station:
        kim = await station.account("kim")
        token, *_ = await station.db.read(proofs.list_tokens(kim.id))
        listener = await station.listen(Who(kim.id, token.id))
        octocat = await station.listen()

        await station.db.write(run(change))
        station.change("a")

        await listener.ends(PING + END)
        await octocat.has("a")


async def test_a_token_that_was_not_shown_may_change(scene: Scene) -> None:
    async with on_air(scene) as station:
        kim = await station.account("kim", rights=Permissions(read=True))
        listener = await station.listen(Who(kim.id))

        await station.db.write(accounts.set_token(kim.id, "a fresh token of kim", NOW))
        station.change("a")

        await listener.has("a")


async def test_the_stream_of_a_deleted_repository_ends_with_the_next_change_of_any(scene: Scene) -> None:
    async with on_air(scene) as station:
        other = await station.repo("other")
        listener = await station.listen(repo_id=other.id)
        await station.db.write(run("DELETE FROM repos WHERE id = :id", id=other.id))

        station.change("a")

        await listener.ends(PING + END)


async def test_in_silence_there_are_pings_and_rights_are_looked_at(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "QUIET", 0.02)
    monkeypatch.setattr(broadcast, "TICK", 0.01)
    async with on_air(scene) as station:
        kim = await station.account("kim")
        listener = await station.listen(Who(kim.id))
        await soon(lambda: listener.text == PING * 4)

        await station.db.write(run("UPDATE users SET active = FALSE WHERE login = 'kim'"))

        await listener.ends()


async def test_a_stream_ends_in_any_case(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LONGEST", 0.02)
    monkeypatch.setattr(broadcast, "TICK", 0.01)
    async with on_air(scene) as station:
        await (await station.listen()).ends(PING + END)


async def test_a_reader_that_takes_its_time_gets_several_changes_at_once(scene: Scene) -> None:
    async with on_air(scene) as station:
        slow, quick = await station.listen(), await station.listen()
        slow.goes.clear()
        station.change("first")
        await quick.has("first")
        await slow.has("first")
        for title in "abcdefgh":
            station.change(title)
        await quick.has("first", *"abcdefgh")
        assert slow.titles == ["first"]

        slow.goes.set()

        await slow.has("first", *"abcdefgh")
        assert len(slow.parts) == 3


@pytest.mark.parametrize(("name", "among"), [("LARGEST", 1), ("TOGETHER", 1), ("TOGETHER", 3)])
async def test_what_is_written_at_once_is_bounded(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, name: str, among: int
) -> None:
    monkeypatch.setattr(share, "PART", 100)
    monkeypatch.setattr(share, name, 2000 * among)
    async with on_air(scene) as station:
        listener, *_ = [await station.listen() for _ in range(among)]
        titles = [f"{number} {'x' * 300}" for number in range(20)]
        for title in titles:
            station.change(title)

        await listener.has(*titles)
        assert max(len(part) for part in listener.parts) < 2000 + 2000


async def test_too_slow_a_reader_is_told_and_the_others_go_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "COUNT", 3)
    async with on_air(scene) as station:
        slow, quick = await station.listen(), await station.listen()
        slow.goes.clear()
        await station.change_each(["first"], heard_by=quick)
        await slow.has("first")
        await station.change_each("abcde", heard_by=quick)

        slow.goes.set()

        await slow.ends(TOO_SLOW + END)
        assert slow.titles == ["first"]
        assert station.aborted == []
        await quick.has("first", *"abcde")


async def test_who_does_not_take_even_the_last_words_is_cut_off(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "COUNT", 1)
    monkeypatch.setattr(reader, "PARTING", 0.01)
    async with on_air(scene) as station:
        stuck, quick = await station.listen(), await station.listen()
        stuck.goes.clear()
        await station.change_each("abc", heard_by=quick)

        await soon(lambda: station.aborted)
        stuck.task.cancel()


async def test_a_flood_that_cannot_be_kept_cuts_everybody_off(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_air(scene) as station:
        listener = await station.listen()
        monkeypatch.setattr("app.events.BACKLOG", 3)
        for number in range(5):
            station.change(str(number))

        await listener.ends(TOO_SLOW + END)
        again = await station.listen(last_id=listener.last_id or "abc-1")
        assert again.text == PING + MISSED
        station.change("after")
        await again.has("after")


async def test_who_comes_back_gets_what_it_missed_and_may_know(scene: Scene) -> None:
    async with on_air(scene) as station:
        other = await station.repo("other")
        kim = await station.account("kim", rights=Permissions(read=True))
        first, octocat = await station.listen(Who(kim.id)), await station.listen()
        station.change("a")
        await first.has("a")
        await first.stream.aclose()
        station.change("b")
        station.change("secret", other)
        station.change("c")
        await octocat.has("a", "b", "secret", "c")

        back = await station.listen(Who(kim.id), last_id=first.last_id)

        await back.has("b", "c")
        assert MISSED not in back.text
        nothing_new = await station.listen(Who(kim.id), last_id=back.last_id)
        station.change("d")
        await nothing_new.has("d")


async def test_rights_of_what_was_missed_are_those_of_now(scene: Scene) -> None:
    async with on_air(scene) as station:
        kim = await station.account("kim", rights=Permissions(read=True))
        octocat = await station.listen()
        station.change("a")
        await octocat.has("a")
        await station.db.write(repos.revoke(scene.repo.id, kim))

        back = await station.listen(Who(kim.id), last_id="abc-0")
        station.change("b")
        await octocat.has("a", "b")
        station.change("c", await station.repo("public", visibility="public"))

        await back.has("c")
        assert back.text.startswith(PING + b"id: abc-3\n")


@pytest.mark.parametrize("last_id", ["xyz-1", "abc-7", "nonsense", "0"])
async def test_who_comes_back_with_an_id_of_elsewhere_is_told_that_it_missed_something(
    scene: Scene, last_id: str
) -> None:
    async with on_air(scene) as station:
        octocat = await station.listen()
        station.change("a")
        await octocat.has("a")

        back = await station.listen(last_id=last_id)
        station.change("b")

        await back.has("b")
        assert back.text.startswith(PING + MISSED + b"id: ")


async def test_changes_are_kept_for_a_while_after_the_last_reader(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "TICK", 0.01)
    async with on_air(scene) as station:
        assert not scene.ports.moments.watched.heard
        first = await station.listen()
        station.change("a")
        await first.has("a")
        await first.stream.aclose()
        station.change("b")
        back = await station.listen(last_id=first.last_id)
        await back.has("b")

        monkeypatch.setattr(broadcast, "LINGER", 0.02)
        await back.stream.aclose()
        await soon(lambda: not scene.ports.moments.watched.heard)

        station.change("unheard")
        late = await station.listen(last_id=back.last_id)
        assert late.text == PING + MISSED
        station.change("c")
        await late.has("c")


async def test_when_the_server_stops_every_stream_ends(scene: Scene) -> None:
    async with on_air(scene) as station:
        listeners = [await station.listen() for _ in range(3)]
        station.change("last")

        scene.ports.moments.watched.close()

        for listener in listeners:
            await listener.ends()
        await (await station.listen()).ends(PING + END)


async def test_who_leaves_is_forgotten(scene: Scene) -> None:
    async with on_air(scene) as station:
        listeners = [await station.listen() for _ in range(20)]
        for listener in listeners[1:]:
            listener.task.cancel()
            await listener.stream.aclose()
        station.change("a")

        await listeners[0].has("a")
        assert station.broadcast.listeners == 1
        assert station.broadcast._accounts.total() == 1


async def test_streams_are_counted_by_account_and_in_all(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "PER_ACCOUNT", 2)
    monkeypatch.setattr(broadcast, "MOST", 5)
    async with on_air(scene) as station:
        kim, lee, ada = [await station.account(login) for login in ("kim", "lee", "ada")]
        first = await station.listen(Who(kim.id))
        await station.listen(Who(kim.id))
        with pytest.raises(Unavailable, match="close some"):
            await station.listen(Who(kim.id))
        await first.stream.aclose()
        for who in (Who(kim.id), Who(lee.id), Who(lee.id), Who()):
            await station.listen(who)

        with pytest.raises(Unavailable, match="too many"):
            await station.listen(Who(ada.id))


async def test_requests_go_before_readers_but_not_for_long(scene: Scene) -> None:
    async with on_air(scene) as station:
        listener = await station.listen()
        station.traffic.enter()
        station.change("a")

        await listener.has("a")


async def test_who_comes_after_long_silence_is_told_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcast, "TICK", 0.01)
    monkeypatch.setattr(broadcast, "LINGER", 10.0)
    async with on_air(scene) as station:
        await asyncio.sleep(0.05)  # the broadcast waits to be wanted
        listener = await station.listen()
        station.change("a")

        await listener.has("a")


async def test_a_database_that_does_not_answer_delays_and_loses_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "PAUSE", 0.01)
    failures: list[Exception] = [RuntimeError("a bug"), Unavailable("not now")]
    rights = share.Share.rights

    def failing(self: share.Share, now: int) -> object:
        if failures:
            raise failures.pop()
        return rights(self, now)

    monkeypatch.setattr(share.Share, "rights", failing)
    async with on_air(scene) as station:
        listener = await station.listen()
        station.change("a")
        station.change("b")

        await listener.has("a", "b")
        assert failures == []
