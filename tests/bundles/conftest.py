"""What tests of release bundles share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.connect import Alterable
from tests.bundles.farside import Scene, opened


@pytest.fixture
async def scene(db: Alterable, tmp_path: Path) -> AsyncIterator[Scene]:
    """A database with the repositories dev-local, stage-local and prod-local, and a worker."""
    async with opened(db, tmp_path) as scene:
        yield scene
