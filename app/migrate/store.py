"""The side of a move that this server's database is: rows are written by hundreds, and read back at the end.

A row of the switches names the move while it lasts, so that no server starts on a database that is half filled. A move
that was killed goes on behind the rows that it has committed: ids are those of the source, and rise.
"""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Boolean, LargeBinary, Table

from app.db import accounts, schema
from app.db.connect import Alterable
from app.db.foreign import Reader
from app.db.tx import Rows, Tx, many, one, run
from app.errors import AppError
from app.migrate.rows import Made
from app.moments import Moment, Recorders
from app.sealing.seal import Seal

#: What the switch of a move begins with; the fingerprint of the source follows.
_BEGUN = "move:"
#: Of a database without a row in these tables nothing can be lost.
_EMPTY = ("users", "repos", "builds", "org_secrets", "templates", "groups", "artifact_repos", "audit", "signing_keys")
#: Rows that are read back together.
PAGE = 2000

FIND = "SELECT name FROM switches WHERE name LIKE 'move:%'"
BEGIN = "INSERT INTO switches (name, since) VALUES (:name, :now) ON CONFLICT DO NOTHING"
END = "DELETE FROM switches WHERE name LIKE 'move:%'"
#: The numbers of builds go on behind the last build, also where the counter of the source was behind.
COUNT_ON = """
    UPDATE repos SET counter = (SELECT max(number) FROM builds WHERE builds.repo_id = repos.id)
    WHERE counter < (SELECT max(number) FROM builds WHERE builds.repo_id = repos.id)
"""
#: From this number on every number is a build's: behind the counter without a last build, else behind the last gap.
UNBROKEN = """
    UPDATE repos SET unbroken_from = CASE
        WHEN NOT EXISTS (SELECT 1 FROM builds WHERE builds.repo_id = repos.id AND builds.number = repos.counter)
            THEN counter + 1
        ELSE (
            SELECT max(later.number) FROM builds later WHERE later.repo_id = repos.id AND NOT EXISTS (
                SELECT 1 FROM builds earlier WHERE earlier.repo_id = repos.id AND earlier.number = later.number - 1
            )
        ) END
    WHERE counter > 0
"""
#: The source does not tell the first build of a target.
FIRST_NUMBERS = """
    UPDATE latest SET first_number = coalesce((
        SELECT builds.number FROM builds
        WHERE builds.repo_id = latest.repo_id AND builds.deploy_to = latest.name AND builds.deploy_to <> ''
        ORDER BY builds.number LIMIT 1
    ), 0) WHERE kind = 'deployment'
"""
#: PostgreSQL does not count ids that were given.
GO_ON = "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)"


class NotEmpty(AppError):
    """The target holds something, or an unfinished move from another source."""

    code = "not_empty"


class Unfinished(AppError):
    """A move into the database was not finished."""

    code = "unfinished_move"


class Differs(AppError):
    """What was read back is not what was written."""

    code = "move_differs"


class Found(NamedTuple):
    """What a target is: absent, empty, or begun by a move from the source with this fingerprint."""

    begun: str = ""


async def look(target: Reader, refuse_foreign: Callable[[set[str]], None]) -> Found:
    """What a target is; NotEmpty, or what `refuse_foreign` raises for the tables of another program."""
    tables = await target.tables()
    if "schema_versions" not in tables:
        refuse_foreign(tables)
        return Found()
    if "switches" in tables and (rows := await target.rows(FIND)):
        return Found(str(rows[0][0]).removeprefix(_BEGUN))
    for table in _EMPTY:
        if table in tables and await target.rows(f"SELECT 1 FROM {table} LIMIT 1"):  # noqa: S608 - names of ours
            words = f"the target is not empty, its table {table} has rows: name an empty database"
            raise NotEmpty(f"{words} in GANTRY_DATABASE_URL, or an empty folder in GANTRY_DATA")
    return Found()


def refuse_unfinished() -> Tx[None]:
    """Raise Unfinished while a move into the database lasts."""
    if (yield from one(FIND)) is not None:
        raise Unfinished(
            "a move from Drone into this database was not finished: repeat gantry migrate drone with the same source, "
            "or name an empty database"
        )


@dataclass(slots=True)
class Sums:
    """Numbers and digests of rows, by table; a digest does not depend on the order of the rows."""

    rows: Counter[str] = field(default_factory=Counter)
    digests: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, *parts: bytes) -> None:
        """Add one row, or one log."""
        self.rows[name] += 1
        digest = hashlib.sha256(b"".join(parts)).digest()
        self.digests[name] = (self.digests[name] + int.from_bytes(digest[:16], "big")) % (1 << 128)

    def check(self, name: str, back: "Sums") -> None:
        """Raise Differs unless all that was read back of a name is as it was written."""
        if self.rows[name] != back.rows[name]:
            words = f"{back.rows[name]} {name} were read back, and {self.rows[name]} were written"
        elif self.digests[name] != back.digests[name]:
            words = f"what was read back of {name} is not what was written"
        else:
            return
        raise Differs(f"{words}: empty the target and move again; if that does not help, report this")


@dataclass(slots=True)
class Writer:
    """Writes rows into a database, with the texts of sealed columns sealed."""

    db: Alterable
    seal: Seal
    new_key: Callable[[], str]
    recorders: Recorders
    sums: Sums = field(default_factory=Sums)
    #: Columns of rows whose source had no key, so that a new one was made: it is not compared.
    keyless: set[tuple[str, int, str]] = field(default_factory=set)
    #: The last ids that were written before this move was begun again.
    reached: dict[str, int] = field(default_factory=dict)

    async def begin(self, fingerprint: str, now: int) -> None:
        """Say that the database is being filled from this source, and find how far an earlier attempt came."""
        await self.db.write(run(BEGIN, name=_BEGUN + fingerprint, now=now))
        for table in _tables():
            if (key := _counted(table)) and table.name != "tokens":
                sql = f"SELECT coalesce(max({key}), 0) AS last FROM {table.name}"  # noqa: S608 - names of ours
                row = await self.db.read(one(sql))
                self.reached[table.name] = int(row["last"]) if row else 0

    async def write(self, rows: Sequence[Made]) -> None:
        """Write rows durably, all or none, but for those that are there already."""
        grouped: dict[str, list[Made]] = {}
        for row in rows:
            self._sum(row)
            grouped.setdefault(row.table.name, []).append(row)
        fresh = [made for name, group in grouped.items() if (made := self._fresh(name, group, grouped))]
        if fresh:
            await self.db.alter(_write([self._sealed(group) for group in fresh]))

    def _fresh(self, name: str, group: list[Made], grouped: Mapping[str, Sequence[Made]]) -> list[Made]:
        """The rows behind those of an earlier attempt; tokens are written with their accounts."""
        if name == "tokens":
            last = self.reached["users"]
            return [row for row in group if row.values["user_id"] > last]
        if (key := _counted(group[0].table)) is None:
            return group
        return [row for row in group if row.values[key] > self.reached[name]]

    def _sum(self, row: Made) -> None:
        found = dict(row.values)
        for column in _sealed_columns(row.table):
            if not found[column]:
                self.keyless.add((row.table.name, found["id"], column))
                found[column] = None
        self.sums.add(row.table.name, _canonical(row.table, found))

    def _sealed(self, group: list[Made]) -> list[Made]:
        """The rows with new keys where there were none, and what must not be read at rest sealed."""
        columns = _sealed_columns(group[0].table)
        if not columns:
            return group
        return [Made(row.table, row.values | {name: self._closed(row, name) for name in columns}) for row in group]

    def _closed(self, row: Made, column: str) -> bytes:
        return self.seal.seal(row.values[column] or self.new_key(), f"{row.table.name}.{column}")

    async def check(self, tell: Callable[[int], None]) -> None:
        """Read everything back and compare; Differs. `tell` is called with the number of rows that were compared."""
        back = Sums()
        for table in _tables():
            async for rows in self._read_back(table):
                for row in rows:
                    back.add(table.name, _canonical(table, self._opened(table, row)))
                tell(len(rows))
            self.sums.check(table.name, back)

    async def _read_back(self, table: Table) -> AsyncIterator[Rows]:
        keys = [column.name for column in table.primary_key]
        sql, begin = _pages(table), _begin(table)
        after: dict[str, Any] = begin
        while rows := await self.db.read_many(many(sql, **after, limit=PAGE)):
            yield rows
            after = {f"after_{key}": rows[-1][key] for key in keys}

    def _opened(self, table: Table, row: Any) -> dict[str, Any]:
        found = {column.name: row[column.name] for column in table.columns}
        for column in table.columns:
            if isinstance(column.type, Boolean):
                found[column.name] = bool(found[column.name])
        for name in _sealed_columns(table):
            kept = (table.name, found["id"], name) not in self.keyless
            found[name] = self.seal.open(bytes(found[name]), f"{table.name}.{name}") if kept else None
        return found

    async def finish(self, moment: Moment) -> None:
        """Let numbers and ids go on where the source's ended, record the move, and open the database for servers."""
        await self.db.alter(_finish(self.db.dialect, self.recorders.record(moment)))


@cache
def _tables() -> tuple[Table, ...]:
    """The tables that a move fills, each after those that it refers to."""
    return (
        *(accounts.users, accounts.tokens, schema.repos, schema.permissions, schema.secrets, schema.org_secrets),
        *(schema.crons, schema.templates, schema.builds, schema.stages, schema.steps, schema.cards, schema.latest),
    )


def _counted(table: Table) -> str | None:
    """The column of the ids of a table; None for a table with another kind of key."""
    keys = list(table.primary_key)
    return keys[0].name if len(keys) == 1 and keys[0].type.python_type is int else None


@cache
def _sealed_columns(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if isinstance(column.type, LargeBinary))


def _canonical(table: Table, values: Mapping[str, Any]) -> bytes:
    """The row as bytes; ids that the database gives do not count."""
    names = [column.name for column in table.columns if not (table is accounts.tokens and column.name == "id")]
    return orjson.dumps([values[name] for name in names])


@cache
def _pages(table: Table) -> str:
    keys = [column.name for column in table.primary_key]
    listed, after = ", ".join(keys), ", ".join(f":after_{key}" for key in keys)
    return f"SELECT * FROM {table.name} WHERE ({listed}) > ({after}) ORDER BY {listed} LIMIT :limit"  # noqa: S608 - names of ours


def _begin(table: Table) -> dict[str, Any]:
    return {f"after_{column.name}": "" if column.type.python_type is str else -1 for column in table.primary_key}


def _write(groups: Iterable[list[Made]]) -> Tx[None]:
    for group in groups:
        table = group[0].table
        if _sealed_columns(table):
            for row in group:
                yield from run(_insert(table), **row.values)
        else:
            names = _written(table)
            entries = orjson.dumps([[row.values[name] for name in names] for row in group]).decode()
            yield from run(_insert_many(table), entries=entries)


def _written(table: Table) -> list[str]:
    return [column.name for column in table.columns if not (table is accounts.tokens and column.name == "id")]


@cache
def _insert(table: Table) -> str:
    names = _written(table)
    values = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608 - names of ours


@cache
def _insert_many(table: Table) -> str:
    names = _written(table)
    kinds = ", ".join(f"{name} {_kind(table.columns[name].type)}" for name in names)
    listed = ", ".join(names)
    source = f":rows(entries; {kinds})"
    # Without a condition, SQLite would take the ON of ON CONFLICT for that of a join.
    return (
        f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {source} AS moved WHERE true ON CONFLICT DO NOTHING"  # noqa: S608 - names of ours
    )


def _kind(kind: Any) -> str:
    if isinstance(kind, Boolean):
        return "boolean"
    return "text" if kind.python_type is str else "bigint"


def _finish(dialect: str, recording: Tx[None]) -> Tx[None]:
    yield from run(COUNT_ON)
    yield from run(UNBROKEN)
    yield from run(FIRST_NUMBERS)
    if dialect == "postgresql":
        for table in _tables():
            if "id" in table.columns:
                yield from run(GO_ON.format(table=table.name))
    yield from recording
    yield from run(END)
