"""Threads take short turns while one of them computes, and the usual turns after that."""

import asyncio
import gc
import sys
import threading

import pytest

from app.turns import SHORT, in_turns, many_objects, short_turns


async def test_turns_are_short_while_the_thread_works() -> None:
    usual = sys.getswitchinterval()

    turns = await asyncio.gather(*(in_turns(sys.getswitchinterval) for _ in range(3)))

    assert {round(turn, 6) for turn in turns} == {SHORT}
    assert sys.getswitchinterval() == usual


async def test_turns_are_as_usual_after_an_error() -> None:
    usual = sys.getswitchinterval()

    with pytest.raises(ValueError, match="invalid literal"):
        await in_turns(int, "x")

    assert sys.getswitchinterval() == usual


async def test_turns_are_short_until_the_last_of_several_has_ended() -> None:
    usual = sys.getswitchinterval()

    with short_turns():
        await in_turns(int, "1")
        within = await asyncio.to_thread(sys.getswitchinterval)

    assert round(within, 6) == SHORT
    assert sys.getswitchinterval() == usual


def test_garbage_is_looked_for_again_after_the_last_of_several_blocks() -> None:
    with many_objects():
        with many_objects():
            assert not gc.isenabled()
        assert not gc.isenabled()

    assert gc.isenabled()


async def test_work_of_many_is_done_one_after_another() -> None:
    threads = await asyncio.gather(*(in_turns(threading.get_ident) for _ in range(20)))

    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()
