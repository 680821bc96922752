"""Lists: newest first, filtered, page after page, each from an index in its order."""

import itertools
import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from app.audit import chain, lists
from app.audit.lists import FILTERS, Wanted
from app.db.connect import Database
from app.db.migrate import VERSIONS, versions
from app.db.window import Window
from app.moments import Actor
from tests.audit.farside import NOW, change, record
from tests.builds.test_growth import fill, plan

OCTOCAT = Actor("person", "octocat", 1)
CHANGES = [
    change("build.promote", "octocat/hello#1", repo_id=1),
    change("build.cancel", "octocat/hello#1", repo_id=1, by=OCTOCAT),
    change("secret.create", "octocat/hello#secrets/key", repo_id=1),
    change("build.promote", "octocat/other#1", repo_id=2),
    change("account.create", "kim", by=OCTOCAT),
    change("build.promote", "octocat/hello#2", repo_id=1, by=OCTOCAT),
]


ALL = Window(25)


async def found(db: Database, window: Window = ALL, since: int = 0, until: int = 2**40, **filters: Any) -> str:
    """The digits of the changes in a page, and the marks of what is beside it."""
    part = await db.read(lists.page(Wanted(filters, since, until), window))
    digits = "".join(str(entry.at - NOW) for entry in part.items)
    return "<" * part.earlier + digits + ">" * part.later


@pytest.mark.parametrize(
    ("filters", "digits"),
    [
        ({}, "543210"),
        ({"verb": "build.promote"}, "530"),
        ({"verb": "build."}, "5310"),
        ({"verb": "buil."}, ""),
        ({"verb": "account."}, "4"),
        ({"actor": "OctoCat"}, "541"),
        ({"subject": "octocat/hello"}, "5210"),
        ({"subject": "octocat/hello#1"}, "10"),
        ({"subject": "kim"}, "4"),
        ({"repo_id": 1}, "5210"),
        ({"repo_id": 1, "verb": "build.", "actor": "octocat"}, "51"),
        ({"since": NOW + 2}, "5432"),
        ({"until": NOW + 2}, "210"),
        ({"verb": "build.", "since": NOW + 1, "until": NOW + 3}, "31"),
        ({"since": NOW + 9}, ""),
    ],
)
@pytest.mark.parametrize("sealed", [0, 3, 6])
async def test_filters(db: Database, filters: Mapping[str, Any], digits: str, sealed: int) -> None:
    await record(db, *CHANGES)
    await db.write(chain.seal(sealed))

    assert await found(db, **filters) == digits


@pytest.mark.parametrize("sealed", [0, 3, 7])
@pytest.mark.parametrize("verb", ["", "build."])
async def test_pages_follow_each_other_both_ways(db: Database, verb: str, sealed: int) -> None:
    await record(db, *CHANGES)
    await record(db, CHANGES[0], at=NOW + 3)  # a second one of that second
    await db.write(chain.seal(sealed))
    filters: dict[str, Any] = {"verb": verb} if verb else {}
    whole = (await found(db, **filters)).strip("<>")
    window, pages = Window(2), []
    while True:
        part = await db.read(lists.page(Wanted(filters), window))
        pages.append(part)
        if not part.later:
            break
        window = Window(2, after=lists.key(part.items[-1]))

    assert "".join(str(e.at - NOW) for p in pages for e in p.items) == whole
    assert [page.earlier for page in pages] == [False] + [True] * (len(pages) - 1)
    back = await db.read(lists.page(Wanted(filters), Window(2, before=lists.key(pages[-1].items[0]))))
    assert [entry.id for entry in back.items] == [entry.id for entry in pages[-2].items]


async def test_a_cursor_does_not_lead_out_of_the_time_that_was_asked_for(db: Database) -> None:
    await record(db, *CHANGES)

    assert await found(db, Window(9, before=f"{NOW}.0"), since=NOW + 2, until=NOW + 3) == "32>"
    assert await found(db, Window(9, after=f"{NOW + 9}.0"), since=NOW + 2, until=NOW + 3) == "<32"


async def test_an_offset_counts_for_nothing(db: Database) -> None:
    await record(db, *CHANGES)

    assert await found(db, Window(2, 4)) == "54>"


@pytest.fixture(scope="module")
def raw() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.row_factory = sqlite3.Row
    for statement in (VERSIONS, *itertools.chain(*versions("sqlite"))):
        made.execute(statement)
    fill(made, "audit", 1000, at="n / 3", verb="'v' || (n % 9)", actor_name="'u' || (n % 7)", seq="n + 1")
    yield made
    made.close()


CHOICES = [
    names
    for count in range(4)
    for names in itertools.combinations(sorted(FILTERS), count)
    if "kind" not in names and ("subject" not in names or "about" in names)
]


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("names", CHOICES, ids=",".join)
def test_every_page_is_read_from_an_index_in_its_order(
    raw: sqlite3.Connection, names: tuple[str, ...], up: bool
) -> None:
    (step,) = plan(raw, lists.page_sql(names, up=up, sealed=True))

    assert re.match(r"SEARCH audit USING INDEX audit_(at|verb|actor|about|repo) \(", step), step
    assert bool(names) == ("audit_at" not in step), step


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("names", [(), ("kind",), ("actor", "verb"), ("repo_id",)], ids=",".join)
def test_rows_that_are_not_sealed_yet_are_read_from_their_index(
    raw: sqlite3.Connection, names: tuple[str, ...], up: bool
) -> None:
    step, *_ = plan(raw, lists.page_sql(names, up=up, sealed=False))

    assert step == "SCAN audit USING INDEX audit_unsealed"


def test_decisions_about_builds_are_found_by_searches(raw: sqlite3.Connection) -> None:
    steps = plan(raw, lists.OF_BUILDS)

    assert "SEARCH audit USING INDEX audit_decisions (repo_id=? AND <expr>=?)" in steps
    assert not [step for step in steps if step.startswith("SCAN audit")]


def test_deletions_of_logs_are_found_by_a_search(raw: sqlite3.Connection) -> None:
    assert plan(raw, lists.OF_LOGS) == ["SEARCH audit USING INDEX audit_logs (repo_id=? AND <expr>=?)"]


def test_verbs_are_found_by_searches(raw: sqlite3.Connection) -> None:
    assert not [step for step in plan(raw, lists.VERBS) if re.match("SCAN (audit|later)", step) or "B-TREE" in step]
    assert [row["verb"] for row in raw.execute(lists.VERBS)] == [f"v{n}" for n in range(9)]
