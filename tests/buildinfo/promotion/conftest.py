"""What tests of promotions share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.connect import Alterable
from tests.buildinfo.promotion.farside import Scene, opened


@pytest.fixture
async def scene(db: Alterable, tmp_path: Path) -> AsyncIterator[Scene]:
    """A database with the repositories dev-local, stage-local and prod-local."""
    scene = await opened(db, tmp_path)
    yield scene
    scene.blobs.close()
