"""What is found of builds: pages and their filters, the newest of each, feeds, numbers."""

import random
from dataclasses import replace

import pytest

from app.accounts import store as accounts
from app.accounts.model import User
from app.builds import claims, flow, lists, stages, steps, store, switches
from app.builds.api.incomplete import _KEYS
from app.builds.lists import Head
from app.builds.model import Build, Stage, Status
from app.builds.store import Index
from app.db.tx import Tx, each
from app.db.window import Window
from app.errors import Invalid, NotFound
from app.repos import settings
from app.repos import store as repos
from app.repos.aged import DAY
from app.repos.model import Permissions, Repo, Visibility
from tests.builds.farside import NOW, Scene, pipeline, pushed


async def add(scene: Scene, repo: Repo | None = None, **fields: object) -> Build:
    """A build without stages."""
    draft = replace(pushed(repo or scene.repo, "a" * 40), **fields)  # type: ignore[arg-type]  # any field
    return await scene.ports.db.write(flow._insert(draft, []))


async def page(scene: Scene, limit: int = 25, offset: int = 0, /, **filters: str) -> list[int]:
    """Numbers of the builds on a page."""
    return await numbers(scene, Window(limit, offset), **filters)


async def numbers(scene: Scene, window: Window, /, **filters: str) -> list[int]:
    """Numbers of the builds in a window."""
    repo = await scene.ports.db.read(repos.find(scene.repo.id))
    part = await scene.ports.db.read(lists.page(repo, filters, window))
    return [head.number for head in part.items]


async def test_what_a_person_began_or_wrote_is_looked_for_in_one_part_of_the_history_after_another(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "HISTORY", 4)
    for number in range(1, 13):
        whose = {1: {"author_login": "ada"}, 6: {"author_name": "ada"}, 7: {"trigger": "ada"}, 8: {"trigger": "ada"}}
        await add(scene, None, **{"author_login": "bob", "author_name": "Bob"} | whose.get(number, {}))

    async def look(window: Window) -> tuple[list[int], str, bool]:
        part = await scene.ports.db.read(lists.page(scene.repo, {"by": "ada"}, window))
        return [head.number for head in part.items], part.stopped, part.later

    assert await look(Window(25)) == ([], "9", True)
    assert await look(Window(25, after="9")) == ([8, 7, 6], "5", True)
    assert await look(Window(2, after="9")) == ([8, 7], "", True)
    assert await look(Window(25, after="5")) == ([1], "1", True)
    assert await look(Window(25, after="1")) == ([], "", False)
    assert await look(Window(25, before="5")) == ([8, 7, 6], "9", True)
    assert await look(Window(25, before="10")) == ([], "", True)


async def other_repo(scene: Scene, name: str = "other") -> Repo:
    return await scene.ports.db.write(repos.create(replace(scene.repo, name=name)))


async def remembered(scene: Scene, kind: Index) -> list[int]:
    heads = await scene.ports.db.read(lists.remembered(scene.repo.id, kind))
    return [(await scene.ports.db.read(store.find_by_id(head.id))).number for head in heads]


async def test_a_build_comes_back_as_it_went_in(scene: Scene) -> None:
    made = await scene.push(pipeline("a", node={"zone": "ö"}), pipeline("b", depends_on=["a"]), debug=True)
    await scene.start(made.stages[0], "one", "two")

    stored = await scene.build(1)

    assert replace(stored, stages=(), status="pending", started=0, version=1) == replace(made, stages=())
    assert stored.stages[0].labels == {"zone": "ö"}
    assert stored.stages[1] == made.stages[1]
    assert await scene.ports.db.read(store.whole(made.id)) == stored
    assert await scene.ports.db.read(store.find(scene.repo.id, 1)) == replace(stored, stages=())


async def test_stages_and_steps_come_in_order(scene: Scene) -> None:
    made = await scene.push(*(pipeline(name) for name in "cab"))
    for stage in reversed(made.stages):
        await scene.start(stage, "z", "y", "x")

    stored = await scene.build(1)

    assert [stage.name for stage in stored.stages] == ["c", "a", "b"]
    assert [[step.name for step in stage.steps] for stage in stored.stages] == [["z", "y", "x"]] * 3


async def test_what_is_not_there_is_not_found(scene: Scene) -> None:
    db, repo_id = scene.ports.db, scene.repo.id
    missing: list[Tx[object]] = [
        store.find(repo_id, 1),
        store.versions(repo_id, 1),
        store.latest_versions(repo_id, "refs/heads/main"),
        store.find_by_id(1),
        store.whole(1),
        stages.find(1),
        steps.find(1),
        steps.find_by_numbers(repo_id, 1, 1, 1),
    ]
    for tx in missing:
        with pytest.raises(NotFound):
            await db.read(tx)
    for lock in (store.lock(1), store.lock_of_stage(1)):
        with pytest.raises(NotFound):
            await db.write(lock)
    assert await db.read(store.latest_of_ref(repo_id, "refs/heads/main")) is None


@pytest.mark.parametrize("number", [-1, 0, 2**31, 2**63 - 1])
async def test_numbers_out_of_reach_are_not_found(scene: Scene, number: int) -> None:
    await scene.push()

    with pytest.raises(NotFound, match=f"build {number} not found"):
        await scene.build(number)


async def test_a_step_is_found_by_the_numbers_of_its_path(scene: Scene) -> None:
    made = await scene.push(pipeline("a"), pipeline("b"))
    running = await scene.start(made.stages[1], "one", "two")

    step = await scene.ports.db.read(steps.find_by_numbers(scene.repo.id, 1, 2, 2))

    assert step == running.steps[1]
    with pytest.raises(NotFound, match="build 1 has no step 3 in a stage 2"):
        await scene.ports.db.read(steps.find_by_numbers(scene.repo.id, 1, 2, 3))


async def test_pages_follow_each_other_newest_first(scene: Scene) -> None:
    for _ in range(7):
        await add(scene)
    await add(scene, await other_repo(scene))

    assert await page(scene) == [7, 6, 5, 4, 3, 2, 1]
    assert [await page(scene, 3, offset) for offset in (0, 3, 6, 9)] == [[7, 6, 5], [4, 3, 2], [1], []]
    assert await page(scene, 3, 2**63 - 1) == []


async def test_a_head_says_which_build_at_which_version(scene: Scene) -> None:
    made = await add(scene)
    await scene.ports.db.write(store.set_status(made, "running", now=NOW, finished=False))

    assert (await scene.ports.db.read(lists.page(scene.repo, {}, Window(1)))).items == [
        Head(made.id, 2, 1, blocked=False)
    ]


async def test_a_list_is_filtered_by_each_filter_and_by_all(scene: Scene) -> None:
    await add(scene)
    await add(scene, ref="refs/heads/topic")
    await add(scene, event="promote", deploy_to="production")
    await add(scene, event="rollback", deploy_to="production", status="success")
    await add(scene, event="promote", deploy_to="staging", status="success", ref="refs/tags/v1")
    await add(scene, status="success")

    assert await page(scene, ref="refs/heads/topic") == [2]
    assert await page(scene, ref="refs/heads/main") == [6, 4, 3, 1]
    assert await page(scene, event="promote") == [5, 3]
    assert await page(scene, status="success") == [6, 5, 4]
    assert await page(scene, deploy_to="production") == [4, 3]
    assert await page(scene, deploy_to="production", event="promote") == [3]
    assert await page(scene, deploy_to="staging", event="promote", status="success", ref="refs/tags/v1") == [5]
    assert await page(scene, deploy_to="production", status="error") == []


@pytest.mark.parametrize("value", ["", "%", "_", "'", "x" * 10_000, "☃", "refs/heads/MAIN"])
async def test_a_filter_is_a_value_and_nothing_else(scene: Scene, value: str) -> None:
    await add(scene, event="promote", deploy_to="production")

    for name in lists.FILTERS:
        assert await page(scene, **{name: value}) == []


async def test_the_newest_of_a_ref_is_of_any_event(scene: Scene) -> None:
    await scene.push()
    made = await scene.push(event="promote", deploy_to="production")
    await scene.push(ref="refs/heads/main2")

    assert await scene.ports.db.read(store.latest_of_ref(scene.repo.id, "refs/heads/main")) == made
    assert await scene.ports.db.read(store.latest_of_ref(scene.repo.id, "main")) is None


async def test_the_newest_of_each_branch_pull_request_and_target_is_remembered(scene: Scene) -> None:
    await add(scene, target_branch="main")
    await add(scene, target_branch="topic/x")
    await add(scene, target_branch="main")
    await add(scene, event="pull_request", ref="refs/pull/12/head")
    await add(scene, event="pull_request", ref="refs/merge-requests/7/head")
    await add(scene, event="promote", deploy_to="production")
    await add(scene, event="rollback", deploy_to="production")
    await add(scene, event="promote", deploy_to="staging")
    await add(scene, event="custom")
    await add(scene, event="tag", ref="refs/tags/v1", target_branch="")
    await add(scene, event="cron")

    assert await remembered(scene, "branch") == [3, 2]
    assert await remembered(scene, "pull") == [4, 5]
    assert await remembered(scene, "deployment") == [7, 8]


async def test_what_is_remembered_never_goes_back(scene: Scene) -> None:
    old, new = await add(scene), await add(scene)
    arguments = {"repo_id": scene.repo.id, "kind": "branch", "name": "main", "number": 1}

    def late() -> Tx[None]:
        yield store.REMEMBER, arguments | {"build_id": old.id}

    await scene.ports.db.write(late())

    assert await scene.ports.db.read(lists.remembered(scene.repo.id, "branch")) == [Head(new.id, 1, 2, blocked=False)]


async def test_what_was_forgotten_comes_back_with_the_next_build(scene: Scene) -> None:
    await add(scene, target_branch="main")
    await add(scene, target_branch="topic")

    await scene.ports.db.write(lists.forget(scene.repo.id, "branch", "main"))
    await scene.ports.db.write(lists.forget(scene.repo.id, "branch", "nobody"))
    assert await remembered(scene, "branch") == [2]

    await add(scene, target_branch="main")
    assert await remembered(scene, "branch") == [3, 2]
    assert await page(scene) == [3, 2, 1]


@pytest.fixture
async def ada(scene: Scene) -> User:
    return await scene.ports.db.write(accounts.create("ada", token="a token of ada", now=NOW))


async def grant(scene: Scene, user: User, repo: Repo, rights: Permissions) -> None:
    await scene.ports.db.write(repos.grant(repo.id, user.id, rights, NOW))


@pytest.mark.parametrize("among", [0, 1, 30, 1000])
async def test_a_feed_has_the_newest_builds_of_what_an_account_may_read(
    scene: Scene, ada: User, among: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "AMONG", among)
    numbers = random.Random(7)
    readable = [await other_repo(scene, f"r{number}") for number in range(4)]
    hidden = await other_repo(scene, "hidden")
    for repo in readable:
        await grant(scene, ada, repo, Permissions(read=True))
    await grant(scene, ada, hidden, Permissions())
    places = [numbers.choice([*readable, readable[0], readable[0], hidden, scene.repo]) for _ in range(120)]
    made = [await add(scene, repo) for repo in places]
    expected = [build for build in reversed(made) if build.repo_id in {repo.id for repo in readable}]

    for limit in (1, 5, 25, 1000):
        found = await scene.ports.db.read(lists.feed(ada.id, limit, NOW))
        assert [build for _, build in found] == expected[:limit]
        assert all(repo.id == build.repo_id for repo, build in found)


async def test_a_feed_leaps_over_numbers_that_were_never_given(scene: Scene, ada: User) -> None:
    await scene.ports.db.write(repos.grant(scene.repo.id, ada.id, Permissions(read=True), NOW))
    for number in (1, 2):
        assert (await scene.push()).number == number
    await scene.ports.db.write(settings.update(scene.repo.id, {"counter": 1000}, NOW))

    assert [build.number for _, build in await scene.ports.db.read(lists.feed(ada.id, 25, NOW))] == [2, 1]
    assert (await scene.ports.db.read(lists.newest(ada.id, NOW)))[scene.repo.id].number == 2
    await scene.push()
    assert [build.number for _, build in await scene.ports.db.read(lists.feed(ada.id, 2, NOW))] == [1001, 2]
    newest = await scene.ports.db.read(store.newest_of(scene.repo.id))
    assert newest is not None
    assert newest.number == 1001


async def test_the_newest_build_of_each_repository_an_account_may_read(scene: Scene, ada: User) -> None:
    first, second, empty, hidden = [await other_repo(scene, name) for name in ("a", "b", "empty", "hidden")]
    for repo in (first, second, empty):
        await grant(scene, ada, repo, Permissions(read=True))
    await grant(scene, ada, hidden, Permissions())
    for repo in (first, second, hidden, scene.repo, first):
        await add(scene, repo)

    newest = await scene.ports.db.read(lists.newest(ada.id, NOW))

    assert {repo_id: build.number for repo_id, build in newest.items()} == {first.id: 2, second.id: 1}
    assert {build.repo_id for build in newest.values()} == {first.id, second.id}


async def test_everything_is_counted(scene: Scene, ada: User) -> None:
    assert set((await scene.ports.db.read(lists.counts())).values()) == {0, 1, 2}
    other = await other_repo(scene)
    statuses: list[Status] = ["pending", "running", "running", "success", "blocked", "error"]
    await scene.ports.db.write(each(make(other, status) for status in statuses))
    await scene.push(pipeline("a"), pipeline("b", depends_on=["a"]))

    assert await scene.ports.db.read(lists.counts()) == {
        "users": 2,
        "repos": 2,
        "active_repos": 2,
        "builds": 7,
        "pending_builds": 2,
        "blocked_builds": 1,
        "running_builds": 2,
        "pending_jobs": 2,
        "running_jobs": 2,
    }


def make(repo: Repo, status: Status) -> Tx[Build]:
    """A build with one stage, both of this status."""
    return flow._insert(replace(pushed(repo, "a" * 40), status=status), [Stage(0, repo.id, 0, 1, "a", status=status)])


async def test_the_queue_has_what_nobody_took_oldest_first(scene: Scene) -> None:
    for _ in range(3):
        await scene.push(pipeline("a"), pipeline("b", depends_on=["a"]), pipeline("c"))
    await scene.accept(await scene.stage(1, "a"))
    await scene.run(await scene.stage(2, "a"))

    waiting = await scene.ports.db.read(claims.queued("exec", 0, 100, now=scene.clock()))

    assert [(stage.build_id, stage.name) for stage in waiting] == [
        *((1, "c"), (2, "b"), (2, "c")),
        *((3, "a"), (3, "c")),
    ]
    assert await scene.ports.db.read(claims.queued("exec", waiting[1].id, 2, now=scene.clock())) == waiting[2:4]


async def test_what_counts_against_a_limit_and_a_throttle(scene: Scene) -> None:
    other = replace(scene, repo=await other_repo(scene))
    for place in (scene, other, scene, scene):
        await place.push(pipeline("a"), pipeline("b"), pipeline("waits", depends_on=["a"]))
    await scene.start(await scene.stage(3, "a"), "one")  # a later one that runs already
    first, second = await scene.stage(1, "a"), await scene.stage(2, "a")

    assert await scene.ports.db.read(claims.ahead(first)) == (1, 0)
    assert await scene.ports.db.read(claims.ahead(second)) == (2, 2)
    assert await other.ports.db.read(claims.ahead(await other.stage(1, "b"))) == (0, 1)


@pytest.mark.parametrize("among", [0, 1, 5, 1000])
async def test_the_newest_builds_that_are_not_over(scene: Scene, among: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "STAGES_AMONG", among)
    other = await other_repo(scene)
    for number in range(12):
        status: Status = "success" if number % 4 == 3 else "running" if number % 2 else "pending"
        await scene.ports.db.write(make(other if number % 3 else scene.repo, status))
    build = await scene.push(pipeline("a"), pipeline("b"), pipeline("c"))
    unfinished = [build.id, *(number for number in range(12, 0, -1) if number % 4)]

    for limit in (1, 4, 50):
        found = await scene.ports.db.read(lists.incomplete(limit))
        assert [made.id for _, made in found] == unfinished[:limit]
        assert all(repo.id == made.repo_id for repo, made in found)


async def test_every_unfinished_stage_stands_beside_its_build(scene: Scene) -> None:
    await scene.push(pipeline("a", concurrency={"limit": 3}), pipeline("b"), pipeline("waits", depends_on=["a"]))
    await scene.push()
    await scene.run((await scene.push()).stages[0])
    running = await scene.start(await scene.stage(1, "b"))

    rows = [dict(zip(_KEYS, row, strict=True)) for row in await scene.ports.db.read(stages.rows())]

    assert [(row["build_number"], row["stage_name"], row["stage_status"]) for row in rows] == [
        (2, "default", "pending"),
        (1, "a", "pending"),
        (1, "b", "running"),
    ]
    assert [row["stage_limit"] for row in rows] == ["0", "3", "0"]
    assert {row["repo_slug"] for row in rows} == {"octocat/hello"}
    assert (rows[2]["stage_machine"], rows[2]["stage_started"]) == ("lab", running.started)


async def test_stages_are_counted_by_platform(scene: Scene) -> None:
    await scene.push(pipeline("a"), pipeline("b", platform={"os": "linux", "arch": "arm64"}), pipeline("c"))
    await scene.start(await scene.stage(1, "c"))

    rows = {row["arch"]: (row["pending"], row["running"]) for row in await scene.ports.db.read(stages.platforms())}

    assert rows == {"amd64": (1, 1), "arm64": (1, 0)}


async def test_a_paused_queue_gives_nothing(scene: Scene) -> None:
    await scene.push()
    await scene.ports.db.write(switches.turn_on("queue", NOW))
    assert await scene.queued() == []

    await scene.ports.db.write(switches.turn_off("queue"))
    assert await scene.queued() == ["default"]


@pytest.mark.parametrize(
    ("told", "visibility", "shown"),
    [
        (0, "private", True),
        (NOW - DAY, "private", True),
        (NOW - DAY - 1, "private", False),
        (NOW - DAY - 1, "internal", True),
        (NOW - DAY - 1, "public", True),
    ],
)
async def test_rights_that_a_host_has_not_told_for_a_day_show_nothing_private(
    scene: Scene, ada: User, told: int, visibility: Visibility, shown: bool
) -> None:
    repo = await scene.ports.db.write(repos.create(replace(scene.repo, name="old", visibility=visibility)))
    await scene.ports.db.write(repos.grant(repo.id, ada.id, Permissions(read=True), NOW, synced=told))
    build = await add(scene, repo)

    few = await scene.ports.db.read(lists.feed(ada.id, 1, NOW))
    many = await scene.ports.db.read(lists.feed(ada.id, 25, NOW))
    newest = await scene.ports.db.read(lists.newest(ada.id, NOW))
    mine = await scene.ports.db.read(repos.list_of(ada.id, NOW))

    expected = [build.id] if shown else []
    assert [one.id for _, one in few] == [one.id for _, one in many] == [one.id for one in newest.values()] == expected
    assert [one.slug for one in mine] == ([repo.slug] if shown else [])


async def test_a_commit_is_found_by_the_beginning_of_its_id(scene: Scene) -> None:
    one, two = "abcdef0" + "1" * 33, "abcdef0" + "2" * 33
    for sha in (one, two, one, "b" * 40):
        await add(scene, after=sha)
    other = await other_repo(scene)
    await add(scene, other, after="c" * 40)

    async def commit(digits: str) -> str:
        return await scene.ports.db.read(lists.commit(scene.repo.id, digits))

    assert await commit("abcdef01") == one
    assert await commit("b" * 40) == "b" * 40
    assert await commit("c" * 7) == ""
    assert await page(scene, after_sha=one) == [3, 1]
    with pytest.raises(Invalid, match="builds of several commits begin with abcdef0: give more digits"):
        await commit("abcdef0")
