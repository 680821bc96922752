"""What hosts keep in memory."""

import asyncio

import pytest

from app.errors import Unavailable
from app.scm.cache import Cache, Key


class Maker:
    """Makes values of a size, and counts how often."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def get(self, cache: Cache, name: str, size: int = 1000, repo: int = 1) -> str:
        async def make() -> str:
            self.made.append(name)
            await self.open.wait()
            return name * size

        key: Key = (repo, (name,))
        return await cache.get(key, make, len)


async def test_what_was_not_used_for_the_longest_time_goes_first() -> None:
    cache, maker = Cache(4500), Maker()
    for name in "abca":
        await maker.get(cache, name)
    assert maker.made == ["a", "b", "c"]

    await maker.get(cache, "d")

    for name in "cab":
        await maker.get(cache, name)
    assert maker.made == ["a", "b", "c", "d", "b"]


async def test_a_value_larger_than_the_cache_is_given_and_not_kept() -> None:
    cache, maker = Cache(1000), Maker()

    assert len(await maker.get(cache, "a", 5000)) == 5000
    await maker.get(cache, "a", 5000)

    assert maker.made == ["a", "a"]


async def test_those_who_wait_share_one_call_that_outlives_the_first_of_them() -> None:
    cache, maker = Cache(10_000), Maker()
    maker.open.clear()
    first, second = (asyncio.create_task(maker.get(cache, "a")) for _ in range(2))
    await asyncio.sleep(0)

    first.cancel()
    maker.open.set()

    assert await second == "a" * 1000
    assert maker.made == ["a"]


async def test_an_error_is_given_to_all_who_wait_and_not_kept() -> None:
    cache = Cache(10_000)
    calls = 0

    async def make() -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise Unavailable("the host is down")

    waiting = [cache.get((1, ("a",)), make, len) for _ in range(3)]
    errors = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(error) for error in errors] == [Unavailable] * 3
    with pytest.raises(Unavailable):
        await cache.get((1, ("a",)), make, len)
    assert calls == 2


async def test_what_is_kept_of_one_repository_is_dropped() -> None:
    cache, maker = Cache(10_000), Maker()
    await maker.get(cache, "a", repo=1)
    await maker.get(cache, "b", repo=2)

    cache.drop(lambda key: key[0] == 1)

    await maker.get(cache, "a", repo=1)
    await maker.get(cache, "b", repo=2)
    assert maker.made == ["a", "b", "a"]
