"""An endpoint, and a server's parts that tell it what happens."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.db.connect import Database
from app.outbox import worker
from tests.notify.webhooks.delivery.telling import Scene, laid
from tests.notify.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
async def scene(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(worker, "LOOK", 0.01)
    monkeypatch.setattr(worker, "PACE", 0)
    async with laid(db, tmp_path) as made:
        yield made
