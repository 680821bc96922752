import pytest

from app.pipeline.conditions import ANY, Condition
from app.pipeline.fields import Fields
from app.pipeline.nodes import Mapping, compose
from app.pipeline.problems import Problem


def fields(text: str) -> Fields:
    root, _ = compose(text, 1)
    assert isinstance(root, Mapping)
    return Fields(root, [])


def details(read: Fields) -> list[str]:
    return [problem.detail for problem in read.problems]


@pytest.mark.parametrize("word", ["true", "yes", "on", "y", "True", "YES", "On", "'true'"])
def test_booleans_are_those_of_yaml_1_1(word: str) -> None:
    read = fields(f"key: {word}")

    assert read.flag("key") is True
    assert read.problems == []


@pytest.mark.parametrize("word", ["false", "no", "off", "n", "False", "NO", "Off", "~", ""])
def test_false_and_missing_are_the_same(word: str) -> None:
    read = fields(f"key: {word}")

    assert read.flag("key") is False
    assert read.flag("other") is False
    assert read.problems == []


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("17", 17), ("007", 7), ("~", 0), ("999999999", 999999999)])
def test_numbers(text: str, number: int) -> None:
    read = fields(f"key: {text}")

    assert read.number("key") == number
    assert read.problems == []


@pytest.mark.parametrize("text", ["-1", "1.5", "1e3", "ten", "9999999999", "٣", "[1]", '""'])
def test_what_is_no_number_is_noted(text: str) -> None:
    read = fields(f"key: {text}")

    assert read.number("key") == 0
    assert details(read)[0].startswith("key must be a whole number from 0 to 999999999, not ")


def test_a_wrong_type_names_line_key_and_what_was_found() -> None:
    read = fields(
        "section:\n  name: [a]\n  flag: 2\n  list: one\n  map: [b]\n  rows: [1, {a: b}]\n  texts: [{a: b}, c]"
    )
    section = read.section("section")

    assert section.text("name") == ""
    assert section.flag("flag") is False
    assert section.texts("list") == ()
    assert section.table("map") == {}
    assert [row.text("a") for row in section.sections("rows")] == ["b"]
    assert section.texts("texts") == ("", "c")
    assert read.problems == [
        Problem(2, "yaml: wrong type", "section.name must be text (quote it if it holds ': '), not a list"),
        Problem(3, "yaml: wrong type", 'section.flag must be true or false, not "2"'),
        Problem(4, "yaml: wrong type", 'section.list must be a list, not "one"'),
        Problem(5, "yaml: wrong type", "section.map must be a mapping, not a list"),
        Problem(6, "yaml: wrong type", 'section.rows[0] must be a mapping, not "1"'),
        Problem(7, "yaml: wrong type", "section.texts[0] must be text (quote it if it holds ': '), not a mapping"),
    ]


def test_null_is_as_good_as_missing() -> None:
    read = fields("a:\nb: ~\nc: [~]")

    assert read.text("a") == ""
    assert read.texts("b") == ()
    assert read.texts("c") == ("",)
    assert read.section("a").text("x") == ""
    assert list(read.sections("a")) == []
    assert read.table("b") == {}
    assert (read.blank("a"), read.blank("c"), read.blank("d")) == (True, False, True)
    assert read.problems == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("main", Condition(("main",))),
        ("5", Condition(("5",))),
        ('""', Condition(("",))),
        ("[a, b]", Condition(("a", "b"))),
        ("{include: [a], exclude: [b]}", Condition(("a",), ("b",))),
        ("{include: a}", Condition(("a",))),
        ("{exclude: b}", Condition((), ("b",))),
        ("[a, [b], {c: d}, ~]", Condition(("a", ""))),
        ("", ANY),
        ("[]", ANY),
        ("{}", ANY),
        ("{include: {a: b}}", ANY),
        ("{include: ~, exclude: []}", ANY),
    ],
)
def test_every_form_of_a_condition(text: str, expected: Condition) -> None:
    read = fields(f"key: {text}")

    assert read.condition("key") == expected
    assert read.problems == []


def test_a_condition_that_asks_for_nothing_is_the_one_any() -> None:
    assert fields("key: []").condition("key") is ANY
    assert fields("key: []").condition("other") is ANY
