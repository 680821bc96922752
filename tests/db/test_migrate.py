"""Migrations: they make what the schema says, once, and only in a database that is ours."""

import asyncio
import sqlite3
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import dialect as postgresql_dialect
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from app.db import schema
from app.db.connect import Alterable, connect
from app.db.migrate import APPLY, VERSIONS, ForeignDatabase, migrate, versions
from app.db.tx import Tx, each, many, run
from tests import postgres

#: On PostgreSQL columns that are gone keep their positions, so those that are there are counted.
COLUMNS = {
    "sqlite": """
        SELECT t.name AS tab, c.name AS col, lower(c.type) AS type, c."notnull" OR c.pk AS needed, c.pk AS pk
        FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
        ORDER BY 1, 2
    """,
    "postgresql": """
        SELECT table_name AS tab, column_name AS col, data_type AS type, is_nullable AS needed, is_identity AS more,
            row_number() OVER (PARTITION BY table_name ORDER BY ordinal_position) AS pk
        FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2
    """,
}
INDEXES = {
    "sqlite": """
        SELECT m.name AS name, m.tbl_name AS tab, i."unique" AS uniq, i.partial AS part,
            (SELECT group_concat(coalesce(x.name, '(expression)') || x.desc) FROM pragma_index_xinfo(m.name) x) AS cols
        FROM sqlite_master m JOIN pragma_index_list(m.tbl_name) i ON i.name = m.name WHERE m.type = 'index' ORDER BY 1
    """,
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1",
}
KEYS = {
    "sqlite": """
        SELECT t.name AS tab, f."table" AS other, f."from" AS col, f."to" AS key, f.on_delete AS del
        FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table' ORDER BY 1, 2, 3
    """,
    "postgresql": """
        SELECT conrelid::regclass::text AS tab, pg_get_constraintdef(oid) AS def FROM pg_constraint
        WHERE contype IN ('f', 'p') AND connamespace = current_schema()::regnamespace ORDER BY 1, 2
    """,
}


async def shape(db: Alterable) -> list[list[tuple[Any, ...]]]:
    """Tables, columns, indexes and keys, as the engine itself describes them."""
    questions = (COLUMNS, INDEXES, KEYS)
    return [[tuple(row) for row in await db.read(many(question[db.dialect]))] for question in questions]


def ddl(dialect: str) -> list[str]:
    """The statements that SQLAlchemy makes of the schema."""
    engine: Any = {"sqlite": sqlite_dialect, "postgresql": postgresql_dialect}[dialect]()
    statements = []
    for table in schema.metadata.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=engine)))
        statements += [str(CreateIndex(index).compile(dialect=engine)) for index in table.indexes]
    return statements


async def test_the_migrations_build_the_database_of_the_schema(db: Alterable, database_url: str, tmp_path: Any) -> None:
    other_url = f"sqlite:///{tmp_path / 'other.sqlite'}" if db.dialect == "sqlite" else postgres.create_database()
    made = connect(other_url)
    await made.open()
    await made.write(each(run(statement) for statement in ddl(db.dialect)))

    migrated, described = await shape(db), await shape(made)
    await made.close()

    for one, other in zip(migrated, described, strict=True):
        assert set(one) ^ set(other) == set()


async def test_a_second_start_migrates_nothing(db: Alterable) -> None:
    assert await migrate(db, now=2) == 0


async def test_servers_that_start_at_one_moment_migrate_once(empty_database_url: str) -> None:
    first, second = connect(empty_database_url), connect(empty_database_url)
    await first.open()
    await second.open()

    applied = await asyncio.gather(migrate(first, now=1), migrate(second, now=1))
    await first.close()
    await second.close()

    assert sorted(applied) == [0, len(versions(first.dialect))]


@pytest.fixture
async def empty(empty_database_url: str) -> Any:
    database = connect(empty_database_url)
    await database.open()
    yield database
    await database.close()


def tables(*names: str) -> Tx[list[None]]:
    return each(run(f"CREATE TABLE {name} (id BIGINT)") for name in names)


async def test_drones_own_database_is_refused_and_stays_as_it_was(empty: Alterable) -> None:
    await empty.write(tables("users", "repos", "builds", "migrations"))

    with pytest.raises(ForeignDatabase, match="Drone's own tables"):
        await migrate(empty, now=1)

    assert len((await shape(empty))[0]) == 4


async def test_another_programs_tables_are_named(empty: Alterable) -> None:
    await empty.write(tables("users", "invoices"))

    with pytest.raises(ForeignDatabase, match=r"another program's tables \(users\)"):
        await migrate(empty, now=1)


async def test_a_database_of_a_newer_gantry_is_refused(db: Alterable) -> None:
    await db.write(run("INSERT INTO schema_versions (version, applied) VALUES (99, 1)"))

    with pytest.raises(ForeignDatabase, match="newer than this Gantry"):
        await migrate(db, now=1)


async def test_another_programs_sqlite_file_keeps_its_journal(tmp_path: Any) -> None:
    path = tmp_path / "drone.sqlite"
    with sqlite3.connect(path) as raw:
        for name in ("users", "repos", "builds", "migrations"):
            raw.execute(f"CREATE TABLE {name} (id INTEGER)")
    raw.close()
    before = path.read_bytes()
    database = connect(f"sqlite:///{path}")
    await database.open()

    with pytest.raises(ForeignDatabase):
        await migrate(database, now=1)
    await database.close()

    assert path.read_bytes() == before


async def at_version_before(db: Alterable, words: str) -> None:
    """An empty database as it was before the version that has a statement with these words."""
    first = next(
        at for at, version in enumerate(versions(db.dialect)) if any(words in statement for statement in version)
    )
    await db.write(run(VERSIONS))
    await db.write(each(run(statement) for version in versions(db.dialect)[:first] for statement in version))
    await db.write(each(run(APPLY, version=number + 1, now=1) for number in range(first)))


async def test_the_one_token_of_an_account_becomes_its_default_token(empty: Alterable) -> None:
    await at_version_before(empty, "CREATE TABLE tokens")
    users = "INSERT INTO users VALUES (7, 'ann', '', '', false, true, true, 0, 5, 0, 0, 'the hash')"
    await empty.write(run(users))

    await migrate(empty, now=2)

    rows = [tuple(row) for row in await empty.read(many("SELECT * FROM tokens"))]
    assert rows == [(1, 7, "default", "admin", "{}", 5, 0, 0, "the hash")]


async def test_builds_that_wait_for_approval_and_the_order_of_targets_are_found(empty: Alterable) -> None:
    await at_version_before(empty, "ADD COLUMN blocked")

    def insert(table: str, **given: object) -> Tx[None]:
        columns = {column.name: column for column in schema.metadata.tables[table].columns}
        for later in ("blocked", "via") if table == "builds" else ("first_number",):
            columns.pop(later, None)
        empties = {"TEXT": "", "BOOLEAN": False, "BIGINT": 0, "INTEGER": 0, "BLOB": b""}
        values = {name: empties[str(column.type).upper()] for name, column in columns.items()} | given
        names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
        yield from run(f"INSERT INTO {table} ({names}) VALUES ({places})", **values)

    await empty.write(insert("repos", id=1, namespace="o", name="n", parameters="[]"))
    statuses = ("pending", "running", "declined", "pending")
    for number, (status, target) in enumerate(zip(statuses, ("b", "a", "a", "b"), strict=True), 1):
        facts = {"id": number, "repo_id": 1, "number": number, "status": status, "deploy_to": target, "params": "{}"}
        await empty.write(insert("builds", **facts))
        stage = "blocked" if number < 4 else "pending"
        listed = {"depends_on": "[]", "labels": "{}"}
        await empty.write(insert("stages", id=number, repo_id=1, build_id=number, number=1, status=stage, **listed))
    for kind, name, build in (("deployment", "a", 3), ("deployment", "b", 4), ("branch", "main", 1)):
        await empty.write(insert("latest", repo_id=1, kind=kind, name=name, build_id=build))

    await migrate(empty, now=2)

    builds = await empty.read(many("SELECT number, blocked FROM builds ORDER BY number"))
    assert [tuple(row) for row in builds] == [(1, True), (2, True), (3, False), (4, False)]
    latest = await empty.read(many("SELECT name, first_number FROM latest ORDER BY name"))
    assert [tuple(row) for row in latest] == [("a", 2), ("b", 1), ("main", 0)]
