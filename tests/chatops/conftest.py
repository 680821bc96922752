"""A chat whose people promote builds, in a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.connect import Database
from app.outbox import worker
from tests.chatops.farside import Room, laid


@pytest.fixture
async def room(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    monkeypatch.setattr(worker, "LOOK", 0.01)
    async with laid(db, tmp_path) as found:
        yield found
