"""The pages of a repository in a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.connect import Database
from app.ui import errors, routes
from tests.builds.farside import laid
from tests.ui.farside import Place, people, state
from tests.ui.settings import Desk, desk_of
from tests.web.asgi import serving


@pytest.fixture
async def place(db: Database, tmp_path: Path) -> AsyncIterator[Place]:
    scene, why = await laid(db, tmp_path), dict[int, str]()
    rows = [*routes.routes, *routes.described]
    known = state(scene, why)
    async with serving(rows, page=errors.page, split=routes.split, strict=True, **known) as client:
        yield Place(scene, client, await people(scene), known["behind"], why)


@pytest.fixture
async def desk(db: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_of(await laid(db, tmp_path)) as made:
        yield made
