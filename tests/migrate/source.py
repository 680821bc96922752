"""Databases of Drone: two that a real Drone 2.25 made, larger ones after its schema, the same on other engines."""

import asyncio
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg

ROOT = Path(__file__).parents[2]
PLAIN = ROOT / "fixtures" / "drone" / "database.sqlite"
SEALED = ROOT / "fixtures" / "drone" / "database-encrypted.sqlite"
#: The DRONE_DATABASE_SECRET of the second.
KEY = "bea26a2221fd8090ea38720fc445eca6"
#: Tokens of the accounts of the first.
OCTOCAT, BOT = "55f24eb3d61ef6ac5e83d550178638dc", "3jcF0JK8cEhQSTAhG5MOPAVDJZHcu2KZ"
SLUG = "octocat/hello-world"
#: Seconds of 2025, when the builds of larger databases were.
BEGAN = 1_750_000_000


def copied(folder: Path, file: Path = PLAIN) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copy(file, folder / "drone.sqlite"))


def address(file: Path) -> str:
    return f"sqlite:///{file}"


def execute(file: Path, *statements: str, **values: Any) -> None:
    """Change a source."""
    with closing(sqlite3.connect(file)) as raw:
        for statement in statements:
            raw.execute(statement, values)
        raw.commit()


def rows(file: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read a source."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as raw:
        return raw.execute(sql).fetchall()


def enlarge(file: Path, *, builds: int, repos: int = 20, users: int = 50, lines: int = 100) -> None:
    """Add so much to a copy of a database: each build has two stages of two steps, each step a log of so many lines."""
    with closing(sqlite3.connect(file)) as raw:
        first = {name: _next(raw, name) for name in ("users", "repos", "builds", "stages", "steps")}
        _fill(raw, "users", [_user(first["users"] + at, at) for at in range(users)])
        _fill(raw, "repos", [_repo(first["repos"] + at, at, builds // repos) for at in range(repos)])
        rights = [
            (first["users"] + user, f"uid-{repo}", 1, user % 2, user == 0, BEGAN, BEGAN, BEGAN)
            for user in range(users)
            for repo in range(repos)
        ]
        _fill(raw, "perms", rights)
        secrets = [
            (None, first["repos"] + at, f"secret_{number}", f"value {number}".encode(), number % 2, 0)
            for at in range(repos)
            for number in range(5)
        ]
        _fill(raw, "secrets", secrets)
        text = json.dumps(
            [{"pos": at, "out": f"line {at} of a log of a step\n", "time": at // 10} for at in range(lines)]
        )
        for at in range(builds):
            build, repo, number = first["builds"] + at, first["repos"] + at % repos, at // repos + 1
            _fill(raw, "builds", [_build(build, repo, number, at)])
            for stage in range(2):
                stage_id = first["stages"] + 2 * at + stage
                _fill(raw, "stages", [_stage(stage_id, repo, build, stage + 1)])
                for step in range(2):
                    step_id = first["steps"] + 4 * at + 2 * stage + step
                    _fill(raw, "steps", [_step(step_id, stage_id, step + 1)])
                    _fill(raw, "logs", [(step_id, text.replace("log", f"log {step_id}", 1).encode())])
        newest = [
            (first["repos"] + at % repos, first["builds"] + at, "branch", f"branch-{at % 7}", BEGAN, BEGAN, BEGAN)
            for at in range(builds)
        ]
        raw.executemany("INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?, ?, ?, ?)", newest)
        raw.commit()


def _next(raw: sqlite3.Connection, table: str) -> int:
    ((found,),) = raw.execute(f"SELECT max({table[:-1]}_id) + 1 FROM {table}")
    return int(found)


def _fill(raw: sqlite3.Connection, table: str, values: list[tuple[Any, ...]]) -> None:
    raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)


def _user(user: int, at: int) -> tuple[Any, ...]:
    seen = (BEGAN, BEGAN, BEGAN, BEGAN)
    return (
        user,
        f"user-{at}",
        f"user-{at}@example.com",
        0,
        at % 5 == 0,
        1,
        "",
        0,
        *seen,
        b"host",
        b"",
        0,
        f"{at:032d}",
    )


def _repo(repo: int, at: int, counter: int) -> tuple[Any, ...]:
    urls = (f"https://git.example.com/many/repo-{at}.git", "", f"https://git.example.com/many/repo-{at}")
    settings = (1, 1, "private", "main", counter, ".drone.yml", 60, 0, 0, BEGAN, BEGAN, BEGAN, 1)
    keys = (f"signer-{at}", f"secret-{at}")
    return (
        repo,
        f"uid-{at}",
        1,
        "many",
        f"repo-{at}",
        f"many/repo-{at}",
        "",
        *urls,
        *settings,
        *keys,
        0,
        0,
        0,
        0,
        0,
        0,
    )


def _build(build: int, repo: int, number: int, at: int) -> tuple[Any, ...]:
    moment = BEGAN + at
    event, target = ("promote", "production") if at % 3 == 0 else ("push", "")
    commit = ("", "a commit", "0" * 40, f"{at:040x}", "refs/heads/main", "", "main", "main")
    author = ("user-1", "User", "user-1@example.com", "", "user-1")
    begun = (build, repo, "user-1", number, 0, "success", "", event, "", "", moment)
    return (*begun, *commit, *author, target, b'{"VERSION":"1"}', moment, moment, moment, moment, 1, 0, "", at)


def _stage(stage: int, repo: int, build: int, number: int) -> tuple[Any, ...]:
    words = ("pipeline", "docker", f"stage-{number}", "success", "", 0, 0, 0, "linux", "amd64", "", "", "lab")
    return (stage, repo, build, number, *words, BEGAN, BEGAN, BEGAN, BEGAN, 3, 1, 0, b"null", b"null", 0)


def _step(step: int, stage: int, number: int) -> tuple[Any, ...]:
    return (step, stage, number, f"step-{number}", "success", "", 0, 0, BEGAN, BEGAN, 3, b"null", "alpine", 0, "")


#: Types of columns of Drone on PostgreSQL, by those on SQLite.
_TYPES = {"integer": "BIGINT", "number": "BIGINT", "boolean": "BOOLEAN", "blob": "BYTEA"}


async def to_postgres(file: Path, url: str) -> None:
    """Copy a database of SQLite into an empty one of PostgreSQL, with the types that Drone has there."""
    target = await asyncpg.connect(url)
    try:
        for (table,) in rows(file, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"):
            columns = [(name, kind.lower()) for _, name, kind, *_ in rows(file, f"PRAGMA table_info({table})")]
            types = [_TYPES.get(kind, "TEXT") for _, kind in columns]
            listed = ", ".join(f"{name} {kind}" for (name, _), kind in zip(columns, types, strict=True))
            await target.execute(f"CREATE TABLE {table} ({listed})")
            found = [_typed(row, types) for row in rows(file, f"SELECT * FROM {table}")]
            await target.copy_records_to_table(table, records=found, columns=[name for name, _ in columns])
    finally:
        await target.close()


def _typed(row: tuple[Any, ...], types: list[str]) -> tuple[Any, ...]:
    return tuple(_value(value, kind) for value, kind in zip(row, types, strict=True))


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "BYTEA":
        return value.encode() if isinstance(value, str) else value
    if kind == "TEXT":
        return value.decode() if isinstance(value, bytes) else str(value)
    return bool(value) if kind == "BOOLEAN" else int(value)


if __name__ == "__main__":  # python -m tests.migrate.source FILE BUILDS [LINES [POSTGRES]]
    made = copied(Path(sys.argv[1]).parent).rename(sys.argv[1])
    enlarge(made, builds=int(sys.argv[2]), lines=int(sys.argv[3]) if len(sys.argv) > 3 else 100)
    if len(sys.argv) > 4:
        asyncio.run(to_postgres(made, sys.argv[4]))
