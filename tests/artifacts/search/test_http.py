"""Searches over HTTP, at a real server."""

import asyncio
import tracemalloc
from collections.abc import Iterator

import httpx2
import pytest

from app.artifacts.rights import Rights
from app.artifacts.search import query
from app.artifacts.search.search import search, text_of
from app.db.connect import Database, connect
from app.db.tx import Tx, run
from tests.acceptance.server import Server
from tests.artifacts.conftest import NOW
from tests.artifacts.search.store import add_repository, put

AQL = "/artifactory/api/search/aql"


def _fill() -> Tx[None]:
    dev = yield from add_repository("dev")
    yield from put(dev, "data/a.jar", "a", {"k": ["<v>"]})
    yield from add_repository("hidden")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("search")) as started:
        asyncio.run(_write(started.database, _fill()))
        yield started


async def _write(url: str, tx: Tx[None]) -> None:
    db = connect(url)
    await db.open()
    await db.write(tx)
    await db.close()


def ask(server: Server, text: str) -> httpx2.Response:
    return server.client.post(AQL, content=text.encode())


def test_a_query_is_answered_with_json(server: Server) -> None:
    answer = ask(server, 'items.find({"repo":"dev"})\n.include("name","property")\n')

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "results": [{"name": "a.jar", "properties": [{"key": "k", "value": "<v>"}]}],
        "range": {"start_pos": 0, "end_pos": 1, "total": 1},
    }


def test_the_content_type_does_not_matter(server: Server) -> None:
    for kind in ("text/plain", "application/json", "application/x-www-form-urlencoded"):
        answer = server.client.post(AQL, content=b'items.find({"$or":[]})', headers={"Content-Type": kind})
        assert answer.json()["results"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_syntax"),
        (b'items.find({"colour":"red"})', "bad_field"),
        (b"items.find({\xff})", "bad_text"),
        (b"items.find(" + b'{"$and":[' * 2000 + b"]}" * 2000 + b")", "too_deep"),
        (b'items.find({"name":"' + b"a" * 300_000 + b'"})', "too_long"),
        (b" " * 2_000_000, "too_long"),
        (b'items.find({"name":"\0"})', "bad_syntax"),
    ],
)
def test_a_bad_query_is_a_400_that_says_why(server: Server, body: bytes, code: str) -> None:
    answer = server.client.post(AQL, content=body)

    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["status"], error["code"]) == (400, code)
    assert error["message"].startswith("the query ")


def test_without_an_account_nothing_is_searched(server: Server) -> None:
    answer = httpx2.post(server.url + AQL, content=b"items.find()")

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["status"] == 401


def test_an_account_without_rights_finds_nothing(server: Server) -> None:
    with server.account("mallory") as client:
        answer = client.post(AQL, content=b"items.find()")

    assert answer.json() == {"results": [], "range": {"start_pos": 0, "end_pos": 0, "total": 0}}


MANY = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by, modified, modified_by,
        updated
    )
    WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count})
    SELECT items.repo_id, 'many', 'file-' || n, FALSE, 2, blob_id, set_id, '', '', 0, 'ada', 0, 'ada', 0
    FROM c CROSS JOIN items WHERE items.name = 'a.jar'
"""


async def _streamed(db: Database) -> tuple[int, int]:
    """Bytes of the answer with all items, and the most memory that Python held meanwhile."""
    asked = query.read('items.find({"path":"many"}).include("*","property")', NOW)
    tracemalloc.start()
    found, first = await search(db, asked, Rights(everything=True))
    size = 0
    async for part in text_of(db, found, first):
        size += len(part)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size, most


async def test_an_answer_of_many_items_is_made_in_little_memory(db: Database) -> None:
    await db.write(_fill())
    await db.write(run(MANY.format(count=2_000)))
    await _streamed(db)
    some = await _streamed(db)
    await db.write(run("DELETE FROM items WHERE path = 'many'"))
    await db.write(run(MANY.format(count=20_000)))

    many = await _streamed(db)

    assert many[0] > some[0] * 9
    # An id of so many digits and a comma, held twice, is all that an item more takes; a row takes some 500 bytes.
    assert many[1] < some[1] + 18_000 * 2 * 8 + 1_000_000
