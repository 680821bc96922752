"""Every code that an error may have is explained in the description of the API, with its status."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.main.codes import CODES
from app.main.routes import ARTIFACTORY_ROWS, ROWS
from app.web import codes
from app.web.codes import Code
from tests.main import codes as program

#: Errors of the server's start, and those that always become another error before anybody is answered.
NEVER_ANSWERED = {
    *("bad_folder", "bad_settings", "folder_in_use", "foreign_database"),
    *("bad_conversion", "bad_glob", "bad_pipeline", "bad_substitution", "kept", "work_lost"),
}
EXPLAINED = {(code.name, code.status) for code in CODES}
ROWS_WITH_BODY = [row for row in [*ROWS, *ARTIFACTORY_ROWS] if row.body]


@pytest.fixture(scope="module")
def found() -> set[tuple[str, int]]:
    told, unread = program.of_program()
    assert not unread, f"which codes are these? Name them in tests/main/codes.py: {unread}"
    return {(name, status) for name, status in told if not (status == 500 and name in NEVER_ANSWERED)}


def test_every_code_of_the_program_is_explained_with_each_of_its_statuses(found: set[tuple[str, int]]) -> None:
    assert found - EXPLAINED == set()


def test_what_is_explained_is_a_code_of_the_program(found: set[tuple[str, int]]) -> None:
    of_models = {(code.name, code.status) for code in codes.MODELS}

    assert EXPLAINED - of_models - found == set()


def test_what_models_refuse_has_a_code_that_is_explained() -> None:
    told = {error for row in ROWS_WITH_BODY if row.body for error in refusals(row.body)}

    assert {"missing", "string_type", "value_error"} <= told
    assert {name for name in told if (name, 400) not in EXPLAINED} == set()


def refusals(model: type[BaseModel]) -> Iterator[str]:
    """The types of the errors of a model for bodies that are wrong in many ways."""
    wrong: list[Any] = [
        1,
        -1,
        10**12,
        True,
        "",
        "x" * 1_100_000,
        "\0",
        "a b",
        [],
        [1],
        ["x"] * 2000,
        {},
        {"x": 1},
        None,
    ]
    names = list(model.model_json_schema().get("properties", {}))
    for body in [*wrong, *(dict.fromkeys(names, value) for value in wrong)]:
        try:
            model.model_validate(body)
        except ValidationError as error:
            yield from (detail["type"] for detail in error.errors())


@pytest.mark.parametrize("code", CODES, ids=lambda code: f"{code.status}-{code.name}")
def test_an_explanation_is_short_and_whole(code: Code) -> None:
    for words in (code.means, code.way_out):
        assert words[:1].isupper() or words[0] == "`"
        assert words.endswith(".")
        assert len(words) <= 80


def test_a_code_is_explained_once_for_each_status() -> None:
    with pytest.raises(ValueError, match="twice"):
        codes.ordered([Code("a", 400, "A.", "B."), Code("a", 400, "C.", "D.")])
    assert [code.status for code in codes.ordered([Code("a", 409, "A.", "B."), Code("a", 400, "A.", "B.")])] == [
        400,
        409,
    ]
