"""Whether the server is ready: told in time, also when the database says nothing."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from app.errors import Unavailable
from app.web import health
from app.web.route import Endpoint
from tests.web.asgi import serving

ROUTE = Endpoint("GET", "/readyz", health.ready)


class Silent:
    """A database that does not answer, or does."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def read(self, tx: Any) -> None:
        tx.close()
        with suppress(asyncio.CancelledError):  # a driver may need as long to give a statement up
            await asyncio.sleep(self._seconds)
        await asyncio.sleep(self._seconds)


async def test_a_database_that_does_not_answer_makes_the_server_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    async with serving([ROUTE], db=Silent(1), checks={}) as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.json()["message"] == "the database did not answer within 0.05 s"


async def test_a_database_that_answers_makes_the_server_ready() -> None:
    async with serving([ROUTE], db=Silent(0), checks={}) as client:
        assert (await client.get("/readyz")).text == "OK"


async def test_a_store_that_is_away_makes_the_server_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> None:
        raise Unavailable("the store is away")

    async def silent() -> None:
        await asyncio.sleep(1)

    monkeypatch.setattr(health, "PATIENCE", 0.05)
    for check, words in ((away, "the store is away"), (silent, "the store did not answer within 0.05 s")):
        async with serving([ROUTE], db=Silent(0), checks={"the store": check}) as client:
            answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["message"]) == (503, words)
