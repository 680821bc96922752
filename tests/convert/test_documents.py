import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.convert import documents
from app.convert.fault import Fault
from app.pipeline import source

MOST = 1_000_000


def dump(value: Any) -> str:
    return documents.dump(value, MOST)


def test_each_mapping_is_a_document() -> None:
    assert dump({"a": 1}) == '---\n{\n  "a": 1\n}\n'
    assert dump([{"a": 1}, {}]) == '---\n{\n  "a": 1\n}\n---\n{}\n'
    assert dump([]) == ""


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x", "a text"),
        (1, "a number"),
        (True, "a boolean"),
        (None, "nothing"),
        ([{}, 1], "a number"),
        ([[{}]], "a list"),
    ],
)
def test_anything_else_is_no_pipeline_file(value: Any, kind: str) -> None:
    with pytest.raises(Fault, match=f"a mapping or a list of mappings, not {kind}"):
        dump(value)


def test_the_size_has_a_limit() -> None:
    frame = len(dump({"a": ""}))
    assert len(dump({"a": "x" * (MOST - frame)})) == MOST

    with pytest.raises(Fault, match="it makes 1000001 bytes, and at most 1000000 are read"):
        dump({"a": "x" * (MOST - frame + 1)})
    with pytest.raises(Fault, match="it makes 2000"):
        dump({"a": "ü" * MOST})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), pytest.param(10**5000, id="long")])
def test_numbers_that_no_file_can_hold(number: float) -> None:
    with pytest.raises(Fault, match="a number is too large"):
        dump({"a": number})


@given(st.dictionaries(st.text(max_size=20), st.text() | st.integers(-(2**63), 2**63) | st.booleans() | st.none()))
def test_the_pipeline_parser_reads_what_was_meant(values: dict[str, Any]) -> None:
    text = dump(values)

    assert json.loads(text.removeprefix("---")) == values
    if "\\u0000" not in text:
        documents, problems = source.load(text)
        assert problems == []
        assert documents[0].values.keys() == values.keys()
        assert yaml.safe_load(text) == values
