"""PostgreSQL: statements compiled by name, and what the server's moods become."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.db import schema
from app.db.postgres import Engine, _compiled
from app.db.tx import Tx, each, many, one, run
from app.errors import Conflict, Invalid, Unavailable
from tests import postgres
from tests.soon import soon


def test_a_statement_is_compiled_once() -> None:
    assert _compiled("SELECT :once") is _compiled("SELECT :once")


@pytest.fixture
async def db() -> AsyncIterator[Engine]:
    """A database of its own, with one table."""
    made = Engine(postgres.create_database(), connections=4)
    await made.open()
    await made.write(run("CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT NOT NULL)"))
    yield made
    await made.close()


def add(id_: int, name: str = "") -> Tx[None]:
    return run("INSERT INTO things (id, name) VALUES (:id, :name)", id=id_, name=name)


async def ids(db: Engine) -> list[int]:
    return [row["id"] for row in await db.read(many("SELECT id FROM things ORDER BY id"))]


@postgres.real
async def test_a_transaction_commits_as_a_whole_or_not_at_all(db: Engine) -> None:
    def failing() -> Tx[None]:
        yield from add(2)
        raise Conflict("changed my mind")

    await db.write(each([add(1), add(3)]))
    with pytest.raises(Conflict):
        await db.write(failing())
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.write(each([add(4), add(1)]))

    assert await ids(db) == [1, 3]


@postgres.real
async def test_more_transactions_than_connections_all_commit(db: Engine) -> None:
    await asyncio.gather(*(db.write(add(number)) for number in range(50)))

    assert await ids(db) == list(range(50))


@postgres.real
async def test_a_row_is_read_by_name_and_by_position(db: Engine) -> None:
    row = await db.read(one("SELECT 1 AS a, 'x' AS b, TRUE AS c"))

    assert row is not None
    assert (row["a"], row["b"], list(row)) == (1, "x", [1, "x", True])


@postgres.real
async def test_a_nul_is_the_callers_mistake(db: Engine) -> None:
    with pytest.raises(Invalid, match="NUL"):
        await db.write(add(1, "a\0b"))
    with pytest.raises(Invalid, match="NUL"):
        await db.read(one("SELECT * FROM things WHERE name = :name", name="\0"))
    with pytest.raises(Invalid, match="NUL"):
        await db.read(one("SELECT * FROM :rows(names; name text) AS wanted", names='[["a\\u0000b"]]'))


@postgres.real
async def test_a_text_that_no_index_can_hold_is_the_callers_mistake(db: Engine) -> None:
    await db.write(run("CREATE UNIQUE INDEX things_name ON things (name)"))
    await db.write(add(1, "a" * 100_000))

    with pytest.raises(Invalid, match="shorten it"):
        await db.write(add(2, secrets.token_hex(100_000)))


@postgres.real
async def test_a_deadlock_ends_in_one_that_may_try_again(db: Engine) -> None:
    await db.write(each([add(1), add(2)]))
    met = asyncio.Barrier(2)
    locked: list[int] = []

    def lock(first: int, second: int) -> Tx[None]:
        yield from run("UPDATE things SET name = 'x' WHERE id = :id", id=first)
        locked.append(first)
        while len(locked) < 2:
            yield from run("SELECT pg_sleep(0.01)")
        yield from run("UPDATE things SET name = 'x' WHERE id = :id", id=second)

    async def write(first: int, second: int) -> None:
        await met.wait()
        await db.write(lock(first, second))

    outcomes = await asyncio.gather(write(1, 2), write(2, 1), return_exceptions=True)

    assert sorted(locked) == [1, 2]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "Unavailable"]


@postgres.real
async def test_a_connection_that_the_server_ended_is_unavailable_and_the_next_call_works(db: Engine) -> None:
    def suicide() -> Tx[None]:
        yield from run("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Unavailable, match="did not answer"):
        await db.write(suicide())

    await db.write(add(1))
    assert await ids(db) == [1]


SLEEPING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(20%'"


@postgres.real
async def test_a_caller_that_gives_up_leaves_nothing(db: Engine) -> None:
    def slow() -> Tx[None]:
        yield from add(1)
        yield from run("SELECT pg_sleep(20)")

    task = asyncio.create_task(db.write(slow()))
    await soon(lambda: db.read(one(SLEEPING)))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await db.write(add(1))
    assert await ids(db) == [1]


@postgres.real
async def test_a_failing_transaction_is_closed(db: Engine) -> None:
    ended = []

    def failing() -> Tx[None]:
        try:
            yield from run("SELEKT")
        finally:
            ended.append(True)

    with pytest.raises(asyncpg.PostgresSyntaxError):
        await db.write(failing())

    assert ended == [True]


async def test_a_server_that_is_not_there_is_unavailable_and_its_password_is_not_shown() -> None:
    database = Engine("postgresql://ada:hush@127.0.0.1:1/nowhere")

    with pytest.raises(Unavailable, match="cannot be reached") as refused:
        await database.open()

    assert "hush" not in refused.value.message


@postgres.real
async def test_a_database_that_is_not_there_is_unavailable() -> None:
    made = urlsplit(postgres.create_database())
    url = made._replace(path=f"{made.path}_not").geturl()

    with pytest.raises(Unavailable, match="InvalidCatalogNameError"):
        await Engine(url).open()


@postgres.real
async def test_a_statement_that_takes_too_long_is_unavailable_and_its_connection_stays() -> None:
    db = Engine(postgres.create_database(), connections=1, patience=0.5)
    await db.open()
    before = await db.read(one("SELECT pg_backend_pid() AS pid"))
    for call in (db.read, db.write):
        with pytest.raises(Unavailable, match="did not answer"):
            await call(run("SELECT pg_sleep(20)"))

    assert await db.read(one("SELECT pg_backend_pid() AS pid")) == before
    await db.close()


@postgres.real
async def test_a_change_of_the_schema_may_take_longer() -> None:
    db = Engine(postgres.create_database(), patience=0.3)
    await db.open()

    await db.alter(run("SELECT pg_sleep(0.6)"))

    with pytest.raises(Unavailable):
        await db.write(run("SELECT pg_sleep(0.6)"))
    await db.close()


@postgres.real
async def test_a_wait_for_a_connection_has_a_limit() -> None:
    db = Engine(postgres.create_database(), connections=1, patience=0.5)
    await db.open()
    began = asyncio.get_running_loop().time()

    slow = [asyncio.create_task(db.alter(run("SELECT pg_sleep(2)")))]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="did not answer"):
        await db.read(one("SELECT 1"))
    assert asyncio.get_running_loop().time() - began < 1.5
    await asyncio.gather(*slow)
    assert await db.read(one("SELECT 1 AS one"))
    await db.close()


class Middle:
    """Stands between a client and the server; while `still`, it takes bytes and passes nothing on, as a network may."""

    def __init__(self) -> None:
        self.still = False
        self.connections = 0

    @asynccontextmanager
    async def before(self, url: str) -> AsyncIterator[str]:
        """The address that leads to this one through the middle."""
        parts = urlsplit(url)
        tasks, writers = set[asyncio.Task[None]](), set[asyncio.StreamWriter]()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            far_reader, far_writer = await asyncio.open_connection(parts.hostname, parts.port)
            writers.update((writer, far_writer))
            for pair in ((reader, far_writer), (far_reader, writer)):
                tasks.add(asyncio.create_task(self._pass_on(*pair)))

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        yield parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        server.close()
        await asyncio.sleep(0)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.still:
                writer.write(data)
        writer.close()


@postgres.real
@pytest.mark.parametrize("when", ["before", "within", "at the commit"])
async def test_a_server_that_is_silent_is_unavailable_in_time_and_used_again_later(when: str) -> None:
    middle = Middle()

    def silenced() -> Tx[None]:
        yield from add(1)
        middle.still = True
        if when == "within":
            yield from add(2)

    async with middle.before(postgres.create_database()) as url:
        db = Engine(url, connections=2, patience=0.5)
        await db.open()
        await db.write(run("CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT NOT NULL)"))
        middle.still = when == "before"
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable, match="did not answer"):
            await db.write(silenced() if when != "before" else add(1))
        calls = [db.read(one("SELECT 1")) for _ in range(5)]
        assert {type(error) for error in await asyncio.gather(*calls, return_exceptions=True)} == {Unavailable}
        assert asyncio.get_running_loop().time() - began < 3

        middle.still = False
        await db.write(add(3))
        assert await ids(db) == [3]
        middle.still = True
        await db.close()


def test_every_statement_compiles_to_numbers_alone() -> None:
    text, _ = _compiled(schema.insert_sql(schema.builds))

    assert "$33" in text
    assert ":" not in text
