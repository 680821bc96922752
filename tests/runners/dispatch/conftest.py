"""A repository whose builds wait, and the queue that hands them out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.connect import Database
from app.runners.dispatch.queue import Queue
from tests.builds.farside import Scene, laid


@pytest.fixture
async def scene(db: Database, tmp_path: Path) -> Scene:
    return await laid(db, tmp_path)


@pytest.fixture
async def queue(scene: Scene) -> AsyncIterator[Queue]:
    queue = Queue(scene.ports)
    async with queue.running():
        yield queue
