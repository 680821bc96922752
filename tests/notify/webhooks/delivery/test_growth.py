"""What a delivery costs stays as much as it is, however many deliveries, events and subscriptions there are."""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.db.migrate import VERSIONS, versions
from app.db.tx import Tx
from app.db.window import Window
from app.notify.webhooks import deliveries, store
from app.notify.webhooks.model import Answer, Attempt, Event, Request, Webhook
from app.repos.model import Repo
from tests.builds.farside import SEAL
from tests.builds.test_growth import drive, fill
from tests.outbox.farside import NOW

SIZES = (10_000, 100_000)
HOOKS = 50
OLD = NOW - 20 * 24 * 3600 * 1000


def told(count: int) -> sqlite3.Connection:
    """So many deliveries of half as many events, for HOOKS subscriptions; the first 40 events are old."""
    raw = sqlite3.connect(":memory:", isolation_level=None)
    raw.row_factory = sqlite3.Row
    for statement in (VERSIONS, *itertools.chain(*versions("sqlite"))):
        raw.execute(statement)
    fill(raw, "repos", 1, namespace="'o'", name="'r' || n", visibility="'private'", parameters="'[]'", uid="n")
    fill(raw, "webhooks", HOOKS, repo_id="1", events="'[]'", targets="'[]'", statuses="'[]'", format="'standard'")
    secrets = SEAL.seal('[["whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=",0]]', store.SECRETS)
    raw.execute("UPDATE webhooks SET active = 1, url = ?, secrets = ?", (SEAL.seal("http://x", store.URL), secrets))
    fill(
        raw,
        "webhook_events",
        count // 2,
        key="'key' || n",
        type="'promotion.succeeded'",
        payload="'{}'",
        created=f"iif(n < 40, {OLD}, {NOW} - {count} + n)",
    )
    fill(
        raw,
        "webhook_deliveries",
        count,
        webhook_id=f"n % {HOOKS} + 1",
        event_id=f"n % {count // 2} + 1",
        state="CASE n % 10 WHEN 0 THEN 'failed' WHEN 1 THEN 'waiting' ELSE 'delivered' END",
        created=f"{NOW} - {count} + n",
    )
    fill(
        raw,
        "outbox",
        count // 10,
        kind="'webhook'",
        host=f"'webhook:' || (n % {HOOKS} + 1)",
        repo_id="NULL",
        part="n",
        payload="'{}'",
        state="'waiting'",
        created=str(NOW),
        due=str(NOW),
        version="1",
    )
    return raw


@pytest.fixture(scope="module")
def logs() -> Iterator[list[sqlite3.Connection]]:
    made = [told(size) for size in SIZES]
    yield made
    for raw in made:
        raw.close()


def webhook(raw: sqlite3.Connection) -> Webhook:
    return drive(raw, store.find(store.of_repo(1, "o/r1"), 3, SEAL, NOW)).result  # type: ignore[no-any-return]


EVENT = Event("k", "promotion.succeeded", "", NOW, {"build": {"number": 1}})
TRIED = Attempt(NOW, 5, Request({"a": "b"}, b"{}"), Answer(200, {}, "ok"))
WORK: dict[str, Callable[[sqlite3.Connection], Tx[Any]]] = {
    "add": lambda _: deliveries.add([(EVENT, list(range(1, HOOKS)))], Repo(1, "o", "r1"), NOW),
    "sending": lambda raw: deliveries.sending(500, SEAL, NOW),
    "attempted": lambda raw: deliveries.attempted(500, "delivered", TRIED),
    "failing": lambda raw: store.failing(1, NOW),
    "first page": lambda raw: deliveries.page(3, None, Window(25)),
    "page of failed": lambda raw: deliveries.page(1, "failed", Window(25)),
    "next page": lambda raw: deliveries.page(3, None, Window(25, after="5000")),
    "previous page": lambda raw: deliveries.page(3, None, Window(25, before="5000")),
    "newest": lambda raw: deliveries.newest(1, 10),
    "show": lambda raw: deliveries.show(3, 503),
    "again": lambda raw: deliveries.send_again(webhook(raw), 503, NOW),
    "failed again": lambda raw: deliveries.send_failed_again(replace(webhook(raw), id=11), 0, NOW, 0, 5, NOW),
    "leave": lambda raw: deliveries.leave(2, "x", 5),
    "remove": lambda raw: deliveries.remove(4, 5),
    "forget": lambda raw: deliveries.forget(NOW - 14 * 24 * 3600 * 1000, 5),
    "ping": lambda raw: deliveries.ping(webhook(raw), EVENT, NOW),
    "active": lambda raw: store.active(),
}


@pytest.mark.parametrize("name", WORK)
def test_work_does_not_grow_with_the_log(logs: list[sqlite3.Connection], name: str) -> None:
    few, many = (drive(raw, WORK[name](raw)) for raw in logs)

    assert few.statements == many.statements
    assert many.instructions <= few.instructions * 1.05 + 40


@pytest.mark.parametrize(("name", "most"), [("add", 3), ("sending", 1), ("attempted", 1)])
def test_statements_are_few(logs: list[sqlite3.Connection], name: str, most: int) -> None:
    assert len(drive(logs[0], WORK[name](logs[0])).statements) <= most
