"""Builds at a host, in a real database."""

from pathlib import Path

import pytest

from app.db.connect import Database
from app.outbox import worker
from tests.notify.farside import Scene, laid


@pytest.fixture
async def scene(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(worker, "LOOK", 0.01)
    return await laid(db, tmp_path)
