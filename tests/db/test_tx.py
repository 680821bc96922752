"""Transactions compose, and do nothing by themselves."""

from typing import Any

import pytest

from app.db.tx import Rows, Statement, Tx, each, many, one, run


def driven(tx: Tx[Any], *answers: list[Any]) -> tuple[list[Statement], Any]:
    """The statements a transaction yields, when it is given these rows, and its result."""
    statements, left = [], list(answers)
    try:
        statement = next(tx)
        while True:
            statements.append(statement)
            rows: Rows = left.pop(0)
            statement = tx.send(rows)
    except StopIteration as end:
        return statements, end.value


def test_one_is_the_first_row_or_none() -> None:
    assert driven(one("SELECT :a", a=1), [{"a": 1}, {"a": 2}]) == ([("SELECT :a", {"a": 1})], {"a": 1})
    assert driven(one("SELECT 1"), []) == ([("SELECT 1", {})], None)


def test_many_is_all_rows() -> None:
    assert driven(many("SELECT :b", b="x"), [{"b": 1}, {"b": 2}]) == ([("SELECT :b", {"b": "x"})], [{"b": 1}, {"b": 2}])


def test_run_is_for_its_effect() -> None:
    assert driven(run("DELETE", a=1), [{"a": 1}]) == ([("DELETE", {"a": 1})], None)


def test_a_value_may_have_any_name() -> None:
    assert driven(one("SELECT :sql", sql=1), [])[0] == [("SELECT :sql", {"sql": 1})]


def test_each_goes_one_after_another_with_the_results_in_order() -> None:
    asked, result = driven(each(one("SELECT :n", n=n) for n in range(3)), [{"n": 0}], [], [{"n": 2}])

    assert [values["n"] for _, values in asked] == [0, 1, 2]
    assert result == [{"n": 0}, None, {"n": 2}]
    assert driven(each([])) == ([], [])


def test_each_makes_the_next_only_when_the_one_before_is_over() -> None:
    made = []

    def transactions() -> Any:
        for n in range(2):
            made.append(n)
            yield one("SELECT 1")

    tx = each(transactions())
    next(tx)
    assert made == [0]
    tx.send([])
    assert made == [0, 1]


def test_nothing_is_asked_before_it_is_driven() -> None:
    def broken() -> Tx[None]:
        yield from run("SELECT 1")
        raise AssertionError("nobody drives this")

    broken().close()


def test_a_failure_comes_out_and_ends_it() -> None:
    def failing() -> Tx[None]:
        yield from run("SELECT 1")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        driven(failing(), [])
