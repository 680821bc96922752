"""What chats cost: the plans of their statements, and the statements of builds that no chat has begun."""

from dataclasses import replace
from typing import Any

import pytest

from app.accounts.model import User
from app.builds import flow, targets
from app.builds.moments import Moments
from app.chatops import people, requests
from app.chatops.recorder import Following
from app.db.connect import Database
from app.db.tx import many
from app.moments import Recorders
from app.repos import store as repos
from tests.builds.farside import OCTOCAT
from tests.builds.test_plans import asked
from tests.chatops.farside import Room
from tests.counting import Counting

USER = User(7, "kim")
PLANS = {
    "requests.BY_KEY": (requests.BY_KEY, {"key": "k"}),
    "requests.COUNT_OF_USER": (requests.COUNT_OF_USER, {"user_id": 1, "since": 1}),
    "requests.COUNT_OF_PERSON": (
        requests.COUNT_OF_PERSON,
        {"system": "slack", "tenant": "T1", "chat_user": "U1", "since": 1},
    ),
    "requests.SAME": (requests.SAME, {"user_id": 1, "since": 1, "intent": "i"}),
    "requests.FOLLOWERS": (requests.FOLLOWERS, {"build_id": 1}),
    "requests.NOTE_OF": (requests.NOTE_OF, {"build_id": 1}),
    "requests.LEFT": (requests.LEFT, {"before": 1, "limit": 10}),
    "people.BY_PERSON": (people.BY_PERSON, {"system": "slack", "tenant": "T1", "chat_user": "U1"}),
    "people.OF_USER": (people.OF_USER, {"user_id": 1}),
    "people.OFFERED": (people.OFFERED, {"code": "c", "now": 1}),
    "repos.NAMED": (repos.NAMED, {"name": "n", "user_id": 1, "everywhere": False, "since": 1, "limit": 5}),
    "targets.BEFORE": (targets.BEFORE, {"repo_id": 1, "name": "t", "number": 9, "limit": 5}),
    "targets.UNFINISHED": (targets.UNFINISHED, {"repo_id": 1, "name": "t", "number": 9}),
}


@pytest.mark.parametrize(("sql", "values"), PLANS.values(), ids=PLANS)
async def test_no_statement_reads_a_whole_table(db: Database, sql: str, values: dict[str, Any]) -> None:
    if db.dialect != "sqlite":
        pytest.skip("PostgreSQL reads small tables whole")
    steps = [row["detail"] for row in await db.read(many(f"EXPLAIN QUERY PLAN {sql}", **values))]

    assert not [step for step in steps if step.startswith("SCAN") and "CONSTANT" not in step]


async def test_builds_that_no_chat_has_begun_cost_no_statement_more(room: Room) -> None:
    old = await room.passing()
    counting: Any = Counting(room.db)
    recorders = Recorders(Following(room.ports.now_ms).recorder)
    ports = replace(room.scene.ports, db=counting, moments=Moments(counting, room.scene.ports.logs, recorders))

    await flow.promote(ports, room.scene.repo, old, target="production", by=OCTOCAT, params={})

    verbs = [statement.split()[0] for statement in counting.statements]
    assert verbs == ["UPDATE", "INSERT", "INSERT", "INSERT"]


async def test_repositories_of_a_name_are_those_that_the_account_may_read(room: Room) -> None:
    (statement,) = await asked(room.db, repos.named("HELLO", USER, 5, 1))  # type: ignore[arg-type]

    assert statement[1]["everywhere"] is False
