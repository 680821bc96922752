"""What a message costs stays as much as it is, however many wait, and to however many hosts they go."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.db.migrate import VERSIONS, versions
from app.db.tx import Tx
from app.db.window import Window
from app.outbox import lists, store
from tests.builds.test_growth import drive, fill
from tests.outbox.farside import NOW, message

SIZES = (400, 40_000)
REPOS = 4


def waiting(count: int) -> sqlite3.Connection:
    """An outbox with so many entries: for a host that is down, a few that are due at another, and dead ones."""
    raw = sqlite3.connect(":memory:", isolation_level=None)
    raw.row_factory = sqlite3.Row
    for statement in (VERSIONS, *itertools.chain(*versions("sqlite"))):
        raw.execute(statement)
    fill(
        raw,
        "repos",
        REPOS,
        namespace="'o'",
        name="'r' || n",
        visibility="'private'",
        parameters="'[]'",
        scm="'forge'",
        uid="n",
    )
    fill(
        raw,
        "outbox",
        count,
        repo_id=f"n % {REPOS} + 1",
        kind="'status'",
        host="iif(n < 40, 'up', 'down')",
        subject="'sha' || n",
        payload="""'{"text": "x"}'""",
        state=f"iif(n < {count * 9 // 10}, 'waiting', 'dead')",
        created=f"{NOW} - {count} + n",
        due=f"iif(n < 40, {NOW}, {NOW} + 1000 + n)",
        version="1",
    )
    return raw


@pytest.fixture(scope="module")
def outboxes() -> Iterator[list[sqlite3.Connection]]:
    made = [waiting(size) for size in SIZES]
    yield made
    for raw in made:
        raw.close()


def entry(raw: sqlite3.Connection) -> Any:
    row = raw.execute("SELECT * FROM outbox ORDER BY id LIMIT 1").fetchone()
    return store.MAPPER.make(row)


WORK: dict[str, Callable[[sqlite3.Connection], Tx[Any]]] = {
    "add": lambda _: store.add([message(1, "new"), message(1, "new", "t")], NOW),
    "take the place": lambda _: store.add([message(1, "new", "sha0")], NOW),
    "hosts": lambda _: store.hosts(),
    "take": lambda _: store.take("up", "a", NOW, NOW + 1, 16),
    "take in order": lambda _: store.take_in_order("down", "a", NOW + 10**6, NOW + 10**6 + 1, 16),
    "take nothing in order": lambda _: store.take_in_order("down", "a", NOW, NOW + 1, 16),
    "drop": lambda _: store.drop("down", "waiting", 10),
    "take nothing": lambda _: store.take("down", "a", NOW, NOW + 1, 16),
    "sent": lambda raw: store.sent(entry(raw), NOW),
    "failed": lambda raw: store.failed(entry(raw), "x", NOW + 5, 1, NOW),
    "retry": lambda raw: store.retry(entry(raw).id, NOW),
    "retry some": lambda _: store.retry_waiting("down", NOW, 10),
    "retry dead": lambda _: store.retry_dead(NOW, 10),
    "forget": lambda _: store.forget(NOW - 10**9, 10),
    "page": lambda _: lists.page("waiting", Window(25)),
    "next page": lambda _: lists.page("waiting", Window(25, after=f"{NOW - 100}.100")),
    "page of the dead": lambda _: lists.page("dead", Window(25)),
}


@pytest.mark.parametrize("name", WORK)
def test_work_does_not_grow_with_what_waits(outboxes: list[sqlite3.Connection], name: str) -> None:
    few, many = (drive(raw, WORK[name](raw)) for raw in outboxes)

    assert few.statements == many.statements
    assert many.instructions <= few.instructions * 1.05 + 20


@pytest.mark.parametrize(
    ("name", "most"), [("add", 1), ("take the place", 1), ("take", 1), ("hosts", 1), ("failed", 2)]
)
def test_statements_are_few(outboxes: list[sqlite3.Connection], name: str, most: int) -> None:
    assert len(drive(outboxes[0], WORK[name](outboxes[0])).statements) <= most
