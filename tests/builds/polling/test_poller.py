"""Refs that are listed again and again: new, moved and removed ones, by several servers, beside a hook, while away."""

import asyncio
import shutil
import time

import pytest

from app.builds import lists
from app.builds.deliveries import store as deliveries
from app.builds.deliveries.keeper import Kept
from app.builds.polling import poller as polling
from app.builds.polling.changes import changes
from app.db.tx import run
from app.db.window import Window
from app.repos import polls
from app.scm.hook import Delivery as Told
from app.scm.hook import Push
from tests.builds.farside import HOOK
from tests.builds.polling.conftest import EVERY, Polled, told

ZEROS = "0" * 40


def test_each_ref_that_is_other_than_before_is_one_push() -> None:
    old = {"refs/heads/a": "1" * 40, "refs/heads/b": "2" * 40, "refs/tags/c": "3" * 40}
    new = {"refs/heads/a": "1" * 40, "refs/heads/b": "4" * 40, "refs/pull/1/head": "5" * 40}

    assert list(changes(old, new)) == [
        Push(before="2" * 40, after="4" * 40, ref="refs/heads/b"),
        Push(before=ZEROS, after="5" * 40, ref="refs/pull/1/head"),
        Push(before="3" * 40, after=ZEROS, ref="refs/tags/c"),
    ]
    assert list(changes({}, {"refs/heads/a": "a" * 64})) == [Push(before="0" * 64, after="a" * 64, ref="refs/heads/a")]
    assert list(changes(new, new)) == []


async def test_the_first_look_only_learns(polled: Polled) -> None:
    poll = await polled.poll()

    assert (poll.number, poll.seen, poll.due, poll.error) == (1, polled.clock(), polled.clock() + EVERY, "")
    assert await polled.builds() == []
    assert await polled.later() == []


async def test_what_was_pushed_is_built_once(polled: Polled) -> None:
    first = polled.repository.git("rev-parse", "main")
    second = polled.commit()
    topic = polled.commit(branch="topic")
    polled.repository.git("tag", "-a", "-m", "x", "v1")
    polled.repository.git("update-ref", "refs/pull/7/head", topic)

    built = await polled.later()

    assert sorted(told(built)) == [
        ("pull_request", "refs/pull/7/head", ZEROS, topic),
        ("push", "refs/heads/main", first, second),
        ("push", "refs/heads/topic", ZEROS, topic),
        ("tag", "refs/tags/v1", ZEROS, topic),
    ]
    assert {(build.trigger, build.sender, build.status) for build in built} == {("@hook", "Ada", "pending")}
    assert len(await polled.later()) == 4


async def test_nothing_is_looked_at_before_its_time(polled: Polled) -> None:
    polled.commit()

    assert await polled.later(EVERY - 1) == []
    assert len(await polled.later(1)) == 1


async def test_a_removed_branch_is_forgotten_and_a_push_back_is_built(polled: Polled) -> None:
    first = polled.repository.git("rev-parse", "main")
    polled.commit(branch="topic")
    await polled.later()
    polled.repository.git("checkout", "-q", "main")
    polled.repository.git("branch", "-q", "-D", "topic")
    second = polled.commit()
    await polled.later()
    polled.repository.git("reset", "-q", "--hard", first)

    built = await polled.later()

    heads = await polled.db.read(lists.remembered(polled.scene.repo.id, "branch"))
    assert [head.number for head in heads] == [3]
    assert told(built)[1:] == [("push", "refs/heads/main", first, second), ("push", "refs/heads/main", second, first)]


async def tell(polled: Polled, before: str, after: str) -> None:
    """What the post-receive hook tells."""
    push = Push(before=before, after=after, ref="refs/heads/main", sender="grace")
    told = Told(slug="octocat/hello", id=f"hook-{after}", sent=polled.clock(), change=push)
    await polled.server.keeper.receive(polled.scene.repo, told, push, HOOK)


async def test_a_push_that_the_hook_has_told_is_not_built_again(polled: Polled) -> None:
    first = polled.repository.git("rev-parse", "main")
    second = polled.commit()
    await tell(polled, first, second)

    assert told(await polled.later()) == [("push", "refs/heads/main", first, second)]
    assert len(await polled.later()) == 1


async def test_a_push_that_polling_was_faster_to_tell_is_not_built_again(polled: Polled) -> None:
    first = polled.repository.git("rev-parse", "main")
    second = polled.commit()
    await polled.later()

    await tell(polled, first, second)

    assert len(await polled.builds()) == 1
    known = (await polled.db.read(deliveries.list_newest(polled.scene.repo.id, Window(10)))).items
    assert [(one.name.startswith("poll:"), one.build, bool(one.twin)) for one in known] == [
        (False, 0, True),
        (True, 1, False),
    ]


async def test_an_old_commit_that_the_hook_told_of_long_ago_is_built_again(polled: Polled) -> None:
    first = polled.repository.git("rev-parse", "main")
    second = polled.commit()
    await tell(polled, first, second)
    polled.repository.git("reset", "-q", "--hard", first)
    await polled.later(EVERY * 10)
    polled.repository.git("reset", "-q", "--hard", second)

    assert told(await polled.later())[-1] == ("push", "refs/heads/main", first, second)


async def test_a_later_push_waits_for_the_one_that_polling_has_found(polled: Polled) -> None:
    first = polled.repository.git("rev-parse", "main")
    second = polled.commit()
    polled.clock.time += EVERY
    await polled.server.poller.look()
    await polled.server.poller.idle()
    third = polled.commit()

    with pytest.raises(Kept):
        await tell(polled, second, third)
    await polled.server.keeper.look()
    await polled.server.keeper.look()

    assert told(await polled.builds()) == [
        ("push", "refs/heads/main", first, second),
        ("push", "refs/heads/main", second, third),
    ]


async def test_several_servers_tell_each_push_once(polled: Polled) -> None:
    servers = [polled.server, polled.another("second"), polled.another("third")]
    for number in range(5):
        polled.commit(branch=f"topic-{number}")
    polled.clock.time += EVERY

    await asyncio.gather(*(server.look() for server in servers))
    for server in servers:
        await server.keeper.look()

    assert sorted(build.ref for build in await polled.builds()) == [f"refs/heads/topic-{n}" for n in range(5)]


async def test_what_a_killed_server_has_taken_is_looked_at_when_its_lease_is_over(polled: Polled) -> None:
    polled.commit()
    polled.clock.time += EVERY
    now = polled.clock()
    taking = polls.take("killed", now, now + polling.LEASE, now + 10**6, 10)
    assert len(await polled.db.write(taking)) == 1

    assert await polled.later(polling.LEASE - 1) == []
    assert len(await polled.later(2)) == 1


async def test_a_server_that_has_lost_its_lease_tells_nothing(polled: Polled) -> None:
    polled.commit()
    polled.clock.time += EVERY
    now = polled.clock()
    [mine] = await polled.db.write(polls.take("slow", now, now + 10, now + 10**6, 10))
    await polled.later(11)

    lost = polling._told(polled.scene.repo, mine, {}, "digest", {}, now, now)

    assert await polled.db.write(lost) is False
    assert (await polled.poll()).number == 1


async def test_a_repository_that_is_away_is_told_of_and_asked_less_and_less(polled: Polled) -> None:
    aside = polled.repository.path.with_name("aside")
    shutil.move(polled.repository.path, aside)
    pauses = []
    for tries in range(1, 9):
        await polled.later(max(0, (await polled.poll()).due - polled.clock()))
        poll = await polled.poll()
        assert (poll.tries, poll.number) == (tries, 1)
        assert "not a git repository" in poll.error
        pauses.append(poll.due - polled.clock())
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]

    shutil.move(aside, polled.repository.path)
    polled.commit()
    assert len(await polled.later(3600)) == 1
    poll = await polled.poll()
    assert (poll.tries, poll.error, poll.due) == (0, "", polled.clock() + EVERY)


async def test_a_repository_that_seems_empty_is_not_believed(polled: Polled) -> None:
    head = polled.repository.git("rev-parse", "main")
    polled.repository.git("update-ref", "-d", "refs/heads/main")
    await polled.later()
    assert "no refs any more" in (await polled.poll()).error

    polled.repository.git("update-ref", "refs/heads/main", head)
    assert await polled.later(3600) == []
    assert (await polled.poll()).error == ""


async def test_a_repository_that_is_disabled_is_learnt_anew_when_it_is_enabled(polled: Polled) -> None:
    await polled.db.write(run("UPDATE repos SET active = FALSE"))
    polled.commit()
    await polled.later()
    await polled.db.write(run("UPDATE repos SET active = TRUE"))
    assert await polled.later() == []
    second = polled.commit()

    assert [build.after for build in await polled.later()] == [second]


async def test_a_repository_that_is_polled_no_more_is_forgotten(polled: Polled) -> None:
    await polled.set(poll=0)
    polled.commit()
    assert await polled.later() == []
    await polled.set(poll=30)
    assert await polled.later(0) == []
    assert (await polled.poll()).due == polled.clock() + 30


async def test_a_tag_of_a_promotion_that_this_server_has_made_is_not_built(polled: Polled) -> None:
    await polled.set(git_tags=True)
    polled.repository.git("tag", "-a", "-m", "x", "deploy/production/3")
    polled.repository.git("tag", "v1")

    assert [build.ref for build in await polled.later()] == ["refs/tags/v1"]


async def test_ten_thousand_refs_are_polled(polled: Polled) -> None:
    head = polled.repository.git("rev-parse", "main")
    lines = "".join(f"create refs/tags/t{number} {head}\n" for number in range(10_000))
    await polled.set(poll=0)
    polled.repository.git("update-ref", "--stdin", stdin=lines.encode())
    await polled.set(poll=EVERY)
    await polled.later(0)
    assert (await polled.poll()).number == 10_001
    polled.commit()

    began = time.monotonic()
    assert len(await polled.later()) == 1
    assert time.monotonic() - began < 10
    began = time.monotonic()
    assert len(await polled.later()) == 1
    assert time.monotonic() - began < 5
