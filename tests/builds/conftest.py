"""A repository in a real database, behind a host that is not."""

from pathlib import Path

import pytest

from app.db.connect import Database
from tests.builds.farside import Scene, laid


@pytest.fixture
async def scene(db: Database, tmp_path: Path) -> Scene:
    return await laid(db, tmp_path)
