"""Pauses between attempts, and saying something until it is heard."""

from itertools import islice

import pytest

from app import backoff
from app.backoff import pauses, until_heard
from app.errors import Conflict, Unavailable


def test_pauses_double_up_to_the_longest() -> None:
    assert list(islice(pauses(1, 5), 5)) == [1, 2, 4, 5, 5]


async def test_what_is_said_is_repeated_until_it_is_heard(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE", 0.001)
    errors = [Unavailable("down"), Unavailable("still down")]

    async def say() -> str:
        if errors:
            raise errors.pop(0)
        return "yes"

    assert await until_heard(say) == "yes"
    assert [getattr(record, "reason", None) for record in caplog.records] == ["down", "still down"]


async def test_every_other_error_is_an_answer() -> None:
    async def say() -> str:
        raise Conflict("somebody was faster")

    with pytest.raises(Conflict):
        await until_heard(say)
