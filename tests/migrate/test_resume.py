"""A move that is killed leaves a target that only the same move may use, and that it finishes."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from app.db.connect import file_of
from tests import gantry
from tests.migrate.conftest import Target, parts
from tests.migrate.source import PLAIN, address, copied, enlarge, execute
from tests.soon import soon_sync

BUILDS = 1500


def _rows(target: Target, table: str) -> int:
    """How many rows of the target are committed; 0 while there is no such table yet."""
    if (file := file_of(target.database)) is None:
        return asyncio.run(_rows_of_postgres(target.database, table))
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as raw:
        try:
            ((found,),) = raw.execute(f"SELECT count(*) FROM {table}").fetchall()
        except sqlite3.OperationalError:
            return 0
        return int(found)


async def _rows_of_postgres(url: str, table: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    except asyncpg.UndefinedTableError:
        return 0
    finally:
        await connection.close()


def _has_rows(target: Target) -> bool:
    return _rows(target, "builds") > 0


def _has_logs(target: Target) -> bool:
    return sum(1 for _ in (target.data / "logs").glob("*/*.json")) > 300


@pytest.mark.parametrize("begun", [_has_rows, _has_logs])
def test_a_killed_move_goes_on(target: Target, tmp_path: Path, begun: Callable[[Target], bool]) -> None:
    file = copied(tmp_path)
    enlarge(file, builds=BUILDS, lines=20)
    _kill_when(target, file, begun)

    server = gantry.run(["serve"], target.environment)
    other = target.move(address(PLAIN))
    report = target.moved(address(file))

    assert server.returncode == 1
    assert "a move from Drone into this database was not finished" in server.stderr
    assert other.returncode == 1
    assert "the target was begun from another source" in other.stderr
    assert report["resumed"]
    assert report["verified"]
    assert parts(report)["steps"] == (4 * BUILDS + 17, 4 * BUILDS + 17)
    assert _rows(target, "steps") == 4 * BUILDS + 17
    assert _rows(target, "tokens") == 52
    assert sum(1 for _ in (target.data / "logs").glob("*/*")) == 4 * BUILDS + 9
    assert gantry.run(["serve", "--check"], target.environment).returncode == 0


def test_a_source_on_which_drone_has_worked_meanwhile_is_another_source(target: Target, tmp_path: Path) -> None:
    file = copied(tmp_path)
    enlarge(file, builds=BUILDS, lines=20)
    _kill_when(target, file, _has_rows)
    execute(file, "UPDATE repos SET repo_counter = repo_counter + 1")

    assert "or Drone has worked on the source since" in target.refused(address(file))


def _kill_when(target: Target, source: Path, begun: Callable[[Target], bool]) -> None:
    with (target.folder / "out").open("wb") as out:
        process = gantry.start(["migrate", "drone", "--from", address(source)], target.environment, out=out, err=out)
        soon_sync(lambda: begun(target) or process.poll() is not None, "the move has begun")
        assert process.poll() is None, (target.folder / "out").read_text()
        process.kill()
        process.wait(60)
