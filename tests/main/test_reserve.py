"""The reserve is gone when the server has stopped, also if it stops while the reserve is made."""

import asyncio
import threading
from pathlib import Path

import pytest

from app.main import reserve
from app.main.reserve import Reserve
from tests.soon import PATIENCE, soon


class Slow(Reserve):
    """Makes the file only when it may."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.making, self.may, self.made = threading.Event(), threading.Event(), threading.Event()

    def _make(self) -> None:
        self.making.set()
        assert self.may.wait(PATIENCE)
        super()._make()
        self.made.set()


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    monkeypatch.setattr(reserve, "LOOK", 0.01)
    monkeypatch.setattr(reserve, "SIZE", 4096)
    return Slow(tmp_path / "reserve")


async def test_a_server_that_stops_while_the_reserve_is_made_leaves_none(slow: Slow, tmp_path: Path) -> None:
    async with slow.running():
        await soon(slow.making.is_set)
        asyncio.get_running_loop().call_later(0.05, slow.may.set)
    await soon(slow.made.is_set)

    assert not (tmp_path / "reserve").exists()


async def test_a_reserve_that_is_there_already_is_kept(slow: Slow, tmp_path: Path) -> None:
    async with slow.running():
        await soon(slow.making.is_set)
        (tmp_path / "reserve").write_text("made meanwhile")
        slow.may.set()
        await soon(slow.made.is_set)

        assert (tmp_path / "reserve").read_text() == "made meanwhile"
