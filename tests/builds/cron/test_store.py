"""How jobs are kept, found by indexes, and claimed."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.builds import store as builds
from app.builds.cron import flow, store
from app.db.migrate import versions
from app.db.tx import one, run
from app.errors import Conflict, NotFound
from app.repos import store as repos
from tests.builds.cron.conftest import ANY_PACE, START, Add
from tests.builds.farside import Scene


async def test_a_job_comes_back_as_it_went_in(scene: Scene, add: Add) -> None:
    made = await add(event="promote", target="production", disabled=True)

    assert await scene.ports.db.read(store.find(scene.repo.id, "nightly")) == made
    assert (made.next, made.prev, made.created, made.updated, made.version) == (START + 10, 0, START, START, 1)


async def test_jobs_are_listed_by_name_and_each_repository_has_its_own(scene: Scene, add: Add) -> None:
    other = await scene.ports.db.write(repos.create(replace(scene.repo, name="other")))
    for name in ("b", "a", "c"):
        await add(name)
    elsewhere = await add("a", repo_id=other.id)

    assert [job.name for job in await scene.ports.db.read(store.list_of(scene.repo.id))] == ["a", "b", "c"]
    assert await scene.ports.db.read(store.list_of(other.id)) == [elsewhere]


async def test_a_name_is_taken_once(scene: Scene, add: Add) -> None:
    await add()

    with pytest.raises(Conflict, match="cron job nightly exists already") as taken:
        await add(expr="@daily")

    assert taken.value.code == "cron_exists"


async def test_what_is_not_there_is_not_found_and_can_be_deleted(scene: Scene, add: Add) -> None:
    await add()
    for _ in range(2):
        await scene.ports.db.write(store.delete(scene.repo.id, "nightly"))

    with pytest.raises(NotFound, match="cron job nightly not found"):
        await scene.ports.db.read(store.find(scene.repo.id, "nightly"))
    with pytest.raises(NotFound):
        await scene.ports.db.write(flow.update(scene.repo.id, "nightly", {"disabled": True}, START, ANY_PACE))


async def test_jobs_go_with_their_repository(scene: Scene, add: Add) -> None:
    await add()

    await scene.ports.db.write(run("DELETE FROM repos WHERE id = :id", id=scene.repo.id))

    count = await scene.ports.db.read(one("SELECT count(*) AS n FROM crons"))
    assert count is not None
    assert count["n"] == 0


async def test_the_soonest_come_first_without_those_that_are_off(scene: Scene, add: Add) -> None:
    await add("late", "@every 1h")
    await add("off", "@every 1s", disabled=True)
    await add("soon", "@every 2s")

    assert [job.name for job in await scene.ports.db.read(store.soonest(9))] == ["soon", "late"]
    assert [job.name for job in await scene.ports.db.read(store.soonest(1))] == ["soon"]


async def test_a_run_is_claimed_once(scene: Scene, add: Add) -> None:
    job = await add()

    await scene.ports.db.write(store.claim(job, now=START + 11, next=START + 20))
    with pytest.raises(store.Claimed):
        await scene.ports.db.write(store.claim(job, now=START + 12, next=START + 22))

    kept = await scene.ports.db.read(store.find(scene.repo.id, "nightly"))
    assert kept == replace(job, prev=START + 11, next=START + 20)


@pytest.mark.parametrize("changes", [{"branch": "main"}, {"disabled": True}, {"expr": "@daily"}])
async def test_a_job_that_was_changed_is_not_run_as_it_was(scene: Scene, add: Add, changes: dict[str, object]) -> None:
    job = await add()
    changed = await scene.ports.db.write(flow.update(scene.repo.id, "nightly", changes, START + 5, ANY_PACE))

    with pytest.raises(store.Claimed):
        await scene.ports.db.write(store.claim(job, now=START + 10, next=START + 20))

    assert await scene.ports.db.read(store.find(scene.repo.id, "nightly")) == changed


@pytest.fixture
def raw() -> Iterator[sqlite3.Connection]:
    raw = sqlite3.connect(":memory:")
    for version in versions("sqlite"):
        for statement in version:
            raw.execute(statement)
    yield raw
    raw.close()


@pytest.mark.parametrize(
    ("sql", "plan"),
    [
        (store.OF_REPO, "SEARCH crons USING INDEX crons_name (repo_id=?)"),
        (store.BY_NAME, "SEARCH crons USING INDEX crons_name (repo_id=? AND name=?)"),
        (store.LOCK, "SEARCH crons USING INDEX crons_name (repo_id=? AND name=?)"),
        (store.DELETE, "SEARCH crons USING INDEX crons_name (repo_id=? AND name=?)"),
        (store.SOONEST, "SCAN crons USING INDEX crons_due"),
        (store.SAVE, "SEARCH crons USING INTEGER PRIMARY KEY (rowid=?)"),
        (store.CLAIM, "SEARCH crons USING INTEGER PRIMARY KEY (rowid=?)"),
        (builds.LATEST_SUCCESS, "SEARCH builds USING INDEX builds_ref (repo_id=? AND ref=?)"),
    ],
)
def test_a_statement_is_served_by_an_index_in_its_order(raw: sqlite3.Connection, sql: str, plan: str) -> None:
    values = dict.fromkeys(re.findall(r":([a-z_]+)", sql), 1)

    assert [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}", values)] == [plan]
