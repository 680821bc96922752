"""Threads take short turns while one of them computes, and the usual turns after that."""

import asyncio
import sys

import pytest

from app.turns import SHORT, in_turns


async def test_turns_are_short_while_any_thread_works() -> None:
    usual = sys.getswitchinterval()

    first = await asyncio.gather(*(in_turns(sys.getswitchinterval) for _ in range(3)))

    assert {round(turn, 6) for turn in first} == {SHORT}
    assert sys.getswitchinterval() == usual


async def test_turns_are_as_usual_after_an_error() -> None:
    usual = sys.getswitchinterval()

    with pytest.raises(ValueError, match="invalid literal"):
        await in_turns(int, "x")

    assert sys.getswitchinterval() == usual
