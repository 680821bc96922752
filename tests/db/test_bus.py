"""Servers of one PostgreSQL hear each other, also after the connection was lost; SQLite's only server hears nobody."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from app.db import bus
from app.db.connect import Database, connect
from app.db.tx import many, run
from tests import postgres
from tests.soon import soon

LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
END = "SELECT pg_terminate_backend(:pid)"


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Database, Database]]:
    """Two servers' connections to one database."""
    url = postgres.create_database()
    async with AsyncExitStack() as stack:
        made = [connect(url) for _ in range(2)]
        for one in made:
            await one.open()
            stack.push_async_callback(one.close)
        yield made[0], made[1]


@postgres.real
async def test_what_one_says_all_others_hear_and_it_does_not(pair: tuple[Database, Database]) -> None:
    here, there = pair
    own, heard = list[str](), list[str]()
    async with here.listening({"news": own.append}) as tell, there.listening({"news": heard.append}):
        assert tell is not None
        for number in range(300):
            tell("news", str(number))
        await soon(lambda: len(heard) == 300)

    assert heard == [str(number) for number in range(300)]
    assert own == []


@postgres.real
async def test_a_lost_connection_is_made_anew_and_tells_that_something_may_be_missed(
    pair: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "FIRST_PAUSE", 0.05)
    here, there = pair
    heard = list[str]()
    async with here.listening({"news": lambda _: None}) as tell, there.listening({"news": heard.append}):
        assert tell is not None
        for row in await here.read(many(LISTENERS)):
            await here.write(run(END, pid=row["pid"]))
        await soon(lambda: "" in heard)
        tell("news", "again")
        await soon(lambda: "again" in heard)


async def test_the_only_server_has_nobody_to_tell(tmp_path_factory: pytest.TempPathFactory) -> None:
    database = connect(f"sqlite:///{tmp_path_factory.mktemp('bus') / 'gantry.sqlite'}")
    await database.open()
    async with database.listening({"news": lambda _: None}) as tell:
        assert tell is None
    await database.close()
