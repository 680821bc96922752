"""The parts of which tables are made.

Booleans, texts and numbers are never NULL: an absent value is `''`, `0` or false, as in the API.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    TextClause,
)
from sqlalchemy.sql.schema import SchemaItem

metadata = MetaData()
#: Text that PostgreSQL compares byte by byte, as SQLite does, so that an index finds what begins with some letters.
BINARY = Text().with_variant(Text(collation="C"), "postgresql")


def table(name: str, *items: SchemaItem) -> Table:
    """A table whose ids are never given out twice."""
    return Table(name, metadata, *items, sqlite_autoincrement=True)


def ident() -> Column[int]:
    """The id of a row."""
    kind = BigInteger().with_variant(Integer(), "sqlite")
    return Column("id", kind, Identity(), primary_key=True)


def numbers(*names: str) -> list[Column[int]]:
    """Columns of whole numbers."""
    return [Column(name, BigInteger, nullable=False) for name in names]


def texts(*names: str) -> list[Column[str]]:
    """Columns of texts."""
    return [Column(name, Text, nullable=False) for name in names]


def binary_texts(*names: str) -> list[Column[str]]:
    """Columns of texts that are compared byte by byte."""
    return [Column(name, BINARY, nullable=False) for name in names]


def flags(*names: str) -> list[Column[bool]]:
    """Columns of booleans."""
    return [Column(name, Boolean, nullable=False) for name in names]


def octets(*names: str) -> list[Column[bytes]]:
    """Columns of bytes."""
    return [Column(name, LargeBinary, nullable=False) for name in names]


def belongs_to(owner: str, name: str, **options: Any) -> Column[int]:
    """The column of the id of a row of another table; when that row is deleted, so is the row with this column."""
    return Column(name, BigInteger, ForeignKey(f"{owner}.id", ondelete="CASCADE"), nullable=False, **options)


def may_belong_to(owner: str, name: str) -> Column[int | None]:
    """The same, where a row may also belong to none: the column is NULL."""
    return Column(name, BigInteger, ForeignKey(f"{owner}.id", ondelete="CASCADE"), nullable=True)


def index_of_some(name: str, *parts: Any, where: ColumnElement[bool] | TextClause, unique: bool = False) -> Index:
    """An index of the rows for which a condition holds."""
    return Index(name, *parts, unique=unique, sqlite_where=where, postgresql_where=where)


def insert_sql(table: Table, end: str = "RETURNING id") -> str:
    """An INSERT of every column but the id; its parameters are the names of the columns."""
    names = [column.name for column in table.columns if column.name != "id"]
    values = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({values}) {end}"  # noqa: S608 - names only


def sql(query: Select[Any]) -> str:
    """The text of a query with `:name` parameters, for both engines. Callers should store it: compiling is slow."""
    return str(query.compile())
