"""What tests of moves share: the command in a process of its own, and the database that it filled."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from app.db.connect import connect
from app.db.tx import Tx, many
from app.folder import Folder
from app.sealing import keyring
from app.sealing.seal import Seal
from app.settings import server as settings
from tests import gantry

T = TypeVar("T")
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Target:
    """The empty place that a move fills."""

    folder: Path
    database: str
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("GANTRY_", "DRONE_", "AWS_"))}
        return {**keep, "GANTRY_DATA": str(self.data), "GANTRY_DATABASE_URL": self.database, **self.more}

    def move(self, source: str, *options: str, **environment: str) -> Done:
        """Run the command to its end."""
        return gantry.run(["migrate", "drone", "--from", source, *options], self.environment | environment)

    def moved(self, source: str, *options: str, **environment: str) -> Any:
        """The report of a move that must succeed."""
        done = self.move(source, "--json", *options, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, source: str, *options: str, **environment: str) -> str:
        """Why a move is refused; nothing may have been made."""
        there = self.data.exists()
        done = self.move(source, *options, **environment)
        assert done.returncode == 1, done.stdout
        assert self.data.exists() == there
        assert "Traceback" not in done.stderr
        return done.stderr

    def read(self, tx: Callable[[], Tx[T]]) -> T:
        """The result of a transaction that reads."""
        return asyncio.run(self._drive(tx, write=False))

    def write(self, tx: Callable[[], Tx[T]]) -> T:
        """The result of a transaction that writes."""
        return asyncio.run(self._drive(tx, write=True))

    async def _drive(self, tx: Callable[[], Tx[T]], *, write: bool) -> T:
        db = connect(self.database)
        await db.open()
        try:
            return await (db.write(tx()) if write else db.read(tx()))
        finally:
            await db.close()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return [tuple(row) for row in self.read(lambda: many(sql))]

    @property
    def seal(self) -> Seal:
        """What opens the secrets."""
        return keyring.seal(settings.load(self.environment), Folder(self.data))


@pytest.fixture
def target(tmp_path: Path, empty_database_url: str) -> Target:
    return Target(tmp_path, empty_database_url)


def parts(report: Any) -> dict[str, tuple[int, int]]:
    """Of each kind of things, how many were found, and how many came over."""
    return {part["name"]: (part["found"], part["moved"]) for part in report["parts"]}


def left(report: Any) -> dict[str, dict[str, list[str]]]:
    """The names of what was left out, by kind and reason."""
    return {
        part["name"]: {left["reason"]: left["examples"] for left in part["left"]}
        for part in report["parts"]
        if part["left"]
    }


def left_out(report: Any, kind: str) -> int:
    """How many things of a kind were left out."""
    return sum(left["count"] for part in report["parts"] if part["name"] == kind for left in part["left"])
