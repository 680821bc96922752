"""SQLite databases of the newest version: to copy a file takes less time than to migrate a new one."""

import tempfile
from functools import cache
from pathlib import Path

from tests import postgres


@cache
def migrated() -> bytes:
    """A database that nobody has used."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gantry.sqlite"
        postgres.apart(postgres.migrated(f"sqlite:///{path}"))
        return path.read_bytes()
