"""What every test may use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.connect import Database, connect
from app.db.migrate import migrate
from tests import postgres

ENGINES = ["sqlite", "postgresql"] if postgres.SERVER else ["sqlite"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each engine in turn."""
    return f"sqlite:///{tmp_path / 'gantry.sqlite'}" if request.param == "sqlite" else postgres.create_database()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A migrated database, of each engine in turn."""
    database = connect(database_url)
    await database.open()
    await migrate(database, now=1_700_000_000)
    yield database
    await database.close()
