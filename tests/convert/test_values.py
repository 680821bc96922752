from typing import Any

import pytest

from app.convert.fault import Fault
from app.convert.values import values
from app.pipeline import source


def read(text: str) -> dict[str, Any]:
    documents, problems = source.load(text)
    assert problems == []
    return values(documents[0])


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a b", "a b"),
        ("", None),
        ("~", None),
        ("null", None),
        ("''", ""),
        ("'~'", "~"),
        ("yes", True),
        ("Off", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("'yes'", "yes"),
        ("0", 0),
        ("-12", -12),
        ("+1_000", 1000),
        ("1__0", "1__0"),
        ("010", 8),
        ("-0o10", -8),
        ("08", 8.0),
        ("0x1F", 31),
        ("0b11", 3),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", 9223372036854775808.0),
        ("1" * 400, "1" * 400),
        ("1.10", 1.1),
        ("'1.10'", "1.10"),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("1.2.3", "1.2.3"),
        ("12:30", "12:30"),
        ("2024-01-02", "2024-01-02"),
        ("!!str 1", "1"),
        ("[a, [1], {b: no}]", ["a", [1], {"b": False}]),
        ("{1: a, yes: b}", {"1": "a", "yes": "b"}),
    ],
)
def test_scalars_have_the_type_they_look_like(written: str, value: Any) -> None:
    found = read(f"x: {written}")["x"]

    assert (found, type(found)) == (value, type(value))


def test_aliases_and_merge_keys_are_spelled_out() -> None:
    assert read("a: &a {x: 1}\nb: *a\nc:\n  <<: *a\n  y: 2\n") == {"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}


def test_aliases_cannot_make_it_larger_than_a_file_may_be() -> None:
    text = f"a: &a {'x' * 5000}\nb:\n" + "- *a\n" * 3000

    with pytest.raises(Fault, match="data holds more than 8388608 characters"):
        read(text)
