"""How far one commit is behind another: known or not, an answer is never waited for long."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.builds import behind
from app.builds.behind import Behind, Pair
from app.errors import NotFound
from app.scm.forge import Compares, Comparison
from app.scm.host import Commit, Source
from app.scm.hosts import Hosts
from tests.builds.farside import FakeHost

SOURCE = Source(1, "file:///x")
OLD, NEW = "a" * 40, "b" * 40


@dataclass
class Comparing(FakeHost, Compares):
    """A host on which one commit has two commits that the other has not; it answers when it is told to."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    lacks: bool = False

    async def compare(self, source: Source, before: str, after: str) -> Comparison:
        self.asked.append((before, after))
        await self.answers.wait()
        if self.lacks:
            raise NotFound("no such commit")
        return Comparison(tuple(Commit(sha, "", "", "", "", 0) for sha in "xy"), ())

    async def changed(self, source: Source, sha: str) -> Sequence[str]:
        raise AssertionError("only what lies between two commits is asked for")


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "PATIENCE", 0.01)


async def test_a_count_is_asked_for_once_and_by_all_that_want_it() -> None:
    host = Comparing()
    host.answers.set()
    counting, pair = Behind(Hosts(host)), Pair(SOURCE, OLD, NEW)

    assert await asyncio.gather(*(counting.counts([pair, pair]) for _ in range(3))) == [[2, 2]] * 3
    assert await counting.counts([pair]) == [2]
    assert host.asked == [(OLD, NEW)]


@pytest.mark.usefixtures("_impatient")
async def test_a_slow_host_is_not_waited_for_but_a_later_call_knows() -> None:
    host = Comparing()
    counting, pair = Behind(Hosts(host)), Pair(SOURCE, OLD, NEW)

    assert await counting.counts([pair]) == [None]
    host.answers.set()
    (task,) = counting._running.values()
    await task

    assert await counting.counts([pair]) == [2]
    assert len(host.asked) == 1


async def test_the_same_commit_is_not_behind_and_nobody_is_asked() -> None:
    host = Comparing()

    assert await Behind(Hosts(host)).counts([Pair(SOURCE, OLD, OLD)]) == [0]
    assert host.asked == []


async def test_what_the_host_cannot_tell_is_not_known_and_not_asked_for_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = Comparing(lacks=True)
    host.answers.set()
    counting, pair = Behind(Hosts(host)), Pair(SOURCE, OLD, NEW)

    assert await counting.counts([pair]) == [None]
    assert await counting.counts([pair]) == [None]
    assert len(host.asked) == 1

    monkeypatch.setattr(behind, "PAUSE", -1.0)
    other = Pair(SOURCE, NEW, OLD)
    assert [await counting.counts([other]) for _ in range(2)] == [[None], [None]]
    assert len(host.asked) == 3


async def test_a_host_that_compares_nothing_is_not_asked() -> None:
    assert await Behind(Hosts(FakeHost())).counts([Pair(SOURCE, OLD, NEW)]) == [None]


@pytest.mark.usefixtures("_impatient")
async def test_few_answers_are_waited_for_at_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "MOST", 20)
    host = Comparing()
    counting = Behind(Hosts(host))
    pairs = [Pair(SOURCE, f"{number:040x}", NEW) for number in range(30)]

    assert await counting.counts(pairs) == [None] * 30
    assert (len(host.asked), len(counting._running)) == (behind.AT_ONCE, 20)
    host.answers.set()
    await asyncio.wait(counting._running.values())

    assert (await counting.counts(pairs[:20])) == [2] * 20
    assert len(host.asked) == 20


async def test_the_oldest_counts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "REMEMBERED", 2)
    host = Comparing()
    host.answers.set()
    counting = Behind(Hosts(host))

    for number in range(5):
        await counting.counts([Pair(SOURCE, f"{number:040x}", NEW)])

    assert len(counting._known) == 2
