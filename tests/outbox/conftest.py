"""An outbox in a real database."""

from collections.abc import AsyncIterator

import pytest

from app.db.connect import Alterable
from app.outbox import worker
from tests.outbox.farside import Scene, laid


@pytest.fixture
async def scene(db: Alterable, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(worker, "LOOK", 0.01)
    monkeypatch.setattr(worker, "PACE", 0)
    async with laid(db) as made:
        yield made
