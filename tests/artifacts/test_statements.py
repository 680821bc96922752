"""How many statements it costs to put a file, and that each of them finds its rows by an index."""

import pytest

from app.artifacts import deploy, items, known, listing, placing, reading, repositories
from app.artifacts.address import parse
from app.artifacts.blobs import rows
from app.artifacts.blobs.store import Received
from app.artifacts.deploy import File, Put
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository, Sums
from app.db.connect import Database
from app.db.tx import Tx, many
from tests.artifacts.conftest import NOW
from tests.artifacts.site import ADMIN, digests

STAMP = Stamp("ada", NOW)
NO_SUMS = Sums()


@pytest.fixture
async def repo(db: Database) -> ArtifactRepository:
    made = await db.write(repositories.add(ArtifactRepository(0, "libs"), "ada"))
    assert made is not None
    return made


def received(content: str) -> Received:
    sums = digests(content.encode())
    return Received(Sums(sums["sha256"], sums["sha1"], sums["md5"]), len(content), f"place of {content}")


def put(repo: ArtifactRepository, path: str, content: str, **properties: str) -> Tx[list[Put]]:
    files = [(File(path, "text/plain", NO_SUMS), received(content))]
    return deploy.put(ADMIN, repo.id, files, {k: [v] for k, v in properties.items()}, STAMP, alone=False)


async def count(db: Database, tx: Tx[object]) -> int:
    """How many statements a transaction has."""
    counted = 0

    def noted() -> Tx[None]:
        nonlocal counted
        try:
            statement = next(tx)
            while True:
                counted += 1
                statement = tx.send((yield statement))
        except StopIteration:
            return

    await db.write(noted())
    return counted


async def test_an_upload_costs_a_few_statements(db: Database, repo: ArtifactRepository) -> None:
    await db.write(put(repo, "a/b/first", "first", k="v"))

    costs = {
        "beside another file": await count(db, put(repo, "a/b/second", "second")),
        "with known properties": await count(db, put(repo, "a/b/third", "third", k="v")),
        "with new properties": await count(db, put(repo, "a/b/fourth", "fourth", k="w")),
        "in place of a file": await count(db, put(repo, "a/b/first", "other")),
        "into a new folder": await count(db, put(repo, "c/d/e/f/first", "fifth")),
    }

    assert costs == {
        "beside another file": 4,
        "with known properties": 5,
        "with new properties": 7,
        "in place of a file": 4,
        "into a new folder": 6,
    }


async def test_what_is_judged_before_the_bytes_come_costs_a_few_statements(
    db: Database, repo: ArtifactRepository
) -> None:
    await db.write(put(repo, "a/b/first", "first"))

    def judged(path: str) -> Tx[None]:
        yield from deploy.takes(ADMIN, parse(f"libs/{path}"))
        yield from deploy.judge(ADMIN, repo, {path: NO_SUMS}, bytes_known=False)

    assert [await count(db, judged(path)) for path in ("a/b/first", "a/b/second", "c/d/e/first")] == [2, 2, 3]


async def test_a_deployment_by_checksum_costs_a_few_statements(db: Database, repo: ArtifactRepository) -> None:
    [first] = await db.write(put(repo, "a/b/first", "first"))
    file = File("a/b/second", "text/plain", first.blob.sums)

    found = await count(db, known.find(ADMIN, first.blob.sums))
    linked = await count(db, deploy.put_known(ADMIN, repo.id, file, first.blob, {}, STAMP, alone=False))

    assert (found, linked) == (1, 4)


async def test_many_files_cost_as_few_statements_as_one(db: Database, repo: ArtifactRepository) -> None:
    files = [(File(f"{at % 7}/{at % 11}/{at}", "", NO_SUMS), received(str(at))) for at in range(500)]

    assert await count(db, deploy.put(ADMIN, repo.id, files, {"k": ["v"]}, STAMP, alone=False)) == 9
    assert await count(db, deploy.put(ADMIN, repo.id, files, {"k": ["v"]}, STAMP, alone=False)) == 5


async def test_a_download_costs_a_few_statements(db: Database, repo: ArtifactRepository) -> None:
    await db.write(put(repo, "a/b/first", "first", k="v"))

    costs = [
        await count(db, reading.download(ADMIN, parse(f"libs/a/b/{path}")))
        for path in ("first", "first.sha1", "first;k=v")
    ]

    assert costs == [2, 3, 3]


@pytest.mark.parametrize(
    "sql",
    [
        *(placing.AMONG, placing.REPLACE, items.FILES_AMONG, rows.USE),
        *(reading.FIRST, listing.CHILDREN, listing.VISIBLE_CHILDREN),
        *(*known.ANYWHERE.values(), *known.READABLE.values()),
    ],
)
async def test_every_statement_uses_an_index(db: Database, sql: str) -> None:
    if db.dialect != "sqlite":
        pytest.skip("PostgreSQL plans by the contents of the tables")
    names = ("entries", "members", "visible_whole", "visible_partial")
    values: dict[str, object] = dict.fromkeys(("repo_id", "set_id", "now", "id", "limit"), 1)
    texts = ("path", "name", "sum", "by", "folder")
    values |= dict.fromkeys(names, "[]") | dict.fromkeys(texts, "x")

    plan = [row["detail"] for row in await db.read(many(f"EXPLAIN QUERY PLAN {sql}", **values))]

    scanned = [step for step in plan if step.startswith("SCAN") and "json_each" not in step]
    assert scanned == [], plan
    assert [step for step in plan if step.endswith("(repo_id=?)")] == [], plan
