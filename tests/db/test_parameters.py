"""Names in SQL become the places of each driver, and values stand in their order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.parameters import marked, numbered


def compiled(sql: str, **values: Any) -> tuple[str, list[Any]]:
    text, arguments = numbered(sql)
    return text, list(arguments(values))


@pytest.mark.parametrize(
    ("sql", "values", "expected"),
    [
        ("SELECT 1", {}, ("SELECT 1", [])),
        ("SELECT :a, :b", {"b": 2, "a": 1}, ("SELECT $1, $2", [1, 2])),
        ("SELECT :a, :b, :a", {"a": 1, "b": 2}, ("SELECT $1, $2, $1", [1, 2])),
        ("WHERE a = :a_1 AND b=:ab", {"ab": 2, "a_1": 1}, ("WHERE a = $1 AND b=$2", [1, 2])),
        ("SELECT :a::text, b::bigint", {"a": 1}, ("SELECT $1::text, b::bigint", [1])),
        ("'x'::regclass::text = :a", {"a": 1}, ("'x'::regclass::text = $1", [1])),
        ("IN (:a,:b)", {"a": 1, "b": 2}, ("IN ($1,$2)", [1, 2])),
        ("SELECT :a", {"a": None, "never": 1}, ("SELECT $1", [None])),
        ("a[1:2] = '12:30'", {}, ("a[1:2] = '12:30'", [])),
    ],
)
def test_names_become_numbers(sql: str, values: dict[str, Any], expected: tuple[str, list[Any]]) -> None:
    assert compiled(sql, **values) == expected


def test_a_name_that_is_a_part_of_another_is_not_taken_for_it() -> None:
    assert compiled("SELECT :number, :num, :n", n=1, num=2, number=3) == ("SELECT $1, $2, $3", [3, 2, 1])


def test_a_missing_value_is_a_bug() -> None:
    with pytest.raises(KeyError):
        compiled("SELECT :a", b=1)


@given(st.lists(st.sampled_from(["a", "b", "ab", "a_b", "z9"]), max_size=12))
def test_every_name_gets_one_number_and_its_value(names: list[str]) -> None:
    text, arguments = compiled(", ".join(f":{name}" for name in names), **{name: name for name in names})

    numbers = [int(part.strip("$")) for part in text.split(", ") if part]
    assert [arguments[number - 1] for number in numbers] == names
    assert len(arguments) == len(set(names))


@pytest.mark.parametrize(
    ("sql", "values", "expected"),
    [
        ("SELECT 1", {}, ("SELECT 1", [])),
        ("SELECT :a, :b, :a", {"a": 1, "b": 2}, ("SELECT ?, ?, ?", [1, 2, 1])),
        ("WHERE a = :a", {"a": None, "never": 1}, ("WHERE a = ?", [None])),
    ],
)
def test_names_become_marks(sql: str, values: dict[str, Any], expected: tuple[str, list[Any]]) -> None:
    text, arguments = marked(sql)

    assert (text, list(arguments(values))) == expected
