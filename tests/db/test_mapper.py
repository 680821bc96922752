"""Rows become objects and objects rows, by position."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, MetaData, Table, Text

from app.accounts.model import User
from app.db import accounts, schema
from app.db.connect import Database
from app.db.mapper import MAPPING, NAMES, Mapper
from app.db.tx import Tx, one, run


@dataclass(frozen=True)
class Thing:
    id: int
    name: str = ""
    open: bool = False
    tags: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[int, ...] = ()


THINGS = Table(
    "things",
    MetaData(),
    Column("id", BigInteger),
    Column("name_text", Text),
    Column("open", Boolean),
    Column("tags", Text),
    Column("labels", Text),
    Column("sealed", LargeBinary),
)
MAPPER: Mapper[Thing] = Mapper(
    Thing, THINGS, renamed={"name": "name_text"}, codecs={"tags": NAMES, "labels": MAPPING}, without=["parts"]
)


def row(values: dict[str, Any], **more: Any) -> list[Any]:
    by_name = values | more
    return [by_name[column.name] for column in THINGS.columns]


def test_a_row_becomes_an_object_and_what_only_the_table_has_is_left() -> None:
    made = MAPPER.make([7, "a", 1, '["x"]', '{"k":"v"}', b"sealed"])  # type: ignore[arg-type]  # a list is a row enough

    assert made == Thing(7, "a", True, ("x",), {"k": "v"})
    assert made.open is True


def test_an_object_becomes_values_by_column_without_its_id() -> None:
    assert MAPPER.values(Thing(7, "a", True, ("x",), {"k": "v"}, (1,))) == {
        "name_text": "a",
        "open": True,
        "tags": '["x"]',
        "labels": '{"k":"v"}',
    }


@given(st.text(), st.booleans(), st.lists(st.text()), st.dictionaries(st.text(), st.text()))
def test_what_goes_in_comes_out(name: str, is_open: bool, tags: list[str], labels: dict[str, str]) -> None:
    thing = Thing(7, name, is_open, tuple(tags), labels)

    assert MAPPER.make(row(MAPPER.values(thing), id=7, sealed=b"")) == thing  # type: ignore[arg-type]  # as above


def test_empty_ones_are_not_shared() -> None:
    first, second = (MAPPER.make([1, "", 0, "[]", "{}", b""]) for _ in range(2))  # type: ignore[arg-type]  # as above

    assert first.labels is not second.labels
    assert (first.tags, first.labels, first.open) == ((), {}, False)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"renamed": {"name": "name_text"}},
        {"renamed": {"name": "label"}, "without": ["parts"]},
        {"renamed": {"name": "name_text"}, "without": ["parts", "open"]},
    ],
)
def test_columns_that_do_not_stand_as_the_fields_do_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="columns of things do not stand in the order"):
        Mapper(Thing, THINGS, **options)


async def test_a_real_row_of_each_engine_is_one(db: Database) -> None:
    mapper = Mapper(User, accounts.users)
    user = User(0, "octocat", "o@example.com", "https://x", True, False, True, 1, 2, 2**40, 4)

    def roundtrip() -> Tx[User]:
        yield from run(schema.insert_sql(accounts.users), **mapper.values(user))
        found = yield from one("SELECT * FROM users")
        assert found is not None
        return mapper.make(found)

    stored = await db.write(roundtrip())

    assert stored == replace(user, id=stored.id)
    assert [type(value) for value in (stored.machine, stored.admin, stored.active)] == [bool] * 3


def test_a_class_with_slots_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Slotted:
        id: int

    with pytest.raises(TypeError, match="Slotted has slots"):
        Mapper(Slotted, THINGS)
