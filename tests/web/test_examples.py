"""Examples made from rows and schemas: they say what is required, and quote what a shell would read."""

from typing import Any

import pytest
from starlette.requests import Request

from app.web import body
from app.web.examples import Example, curl, value
from app.web.path import Path, Word
from app.web.reply import Text
from app.web.route import Endpoint, Param


class Note(body.Input):
    """Required and other fields."""

    message: str
    count: int = 3


class Change(body.Input):
    """Nothing is required."""

    email: str = ""
    admin: bool = False


async def write(request: Request[Any]) -> Text:
    """Write."""
    raise AssertionError("only described")


NOTES = Path.of("/notes") / Word("name", "Which.", "it's a/b")
TARGET = Param("target", "Where.", form=True, required=True, example="a b&c")


def test_a_call_names_the_method_the_encoded_path_and_the_query() -> None:
    row = Endpoint("GET", NOTES, write, query=[Param("q", "Words.", example='"$HOME"'), Param("page", "Which.")])

    assert curl(row) == 'curl "$GANTRY_SERVER/notes/it%27s%20a%2Fb?q=%22%24HOME%22"'


def test_a_body_has_the_required_fields_or_else_the_first() -> None:
    assert '--data-binary \'{"message": ' in curl(Endpoint("POST", "/notes", write, body=Note))
    assert "count" not in curl(Endpoint("POST", "/notes", write, body=Note))
    assert '--data-binary \'{"email": "octocat@example.com"}\'' in curl(Endpoint("POST", "/notes", write, body=Change))


def test_a_body_is_quoted_for_the_shell() -> None:
    row = Endpoint("PUT", "/notes", write)

    assert curl(row, Example(body={"text": "it's $HOME"})).endswith(
        """-H 'Content-Type: application/json' \\\n  --data-binary '{"text": "it'"'"'s $HOME"}'"""
    )


def test_a_header_may_use_the_text_of_the_body() -> None:
    call = curl(Endpoint("POST", "/notes", write), Example(body="text", headers=('"X-Size: ${#body} of $body"',)))

    assert call.splitlines() == [
        "body=text",
        'curl -X POST "$GANTRY_SERVER/notes" \\',
        '  -H "X-Size: ${#body} of $body" \\',
        '  --data-binary "$body"',
    ]


def test_a_parameter_of_a_form_is_sent_in_the_body_but_for_builds() -> None:
    assert curl(Endpoint("POST", "/notes", write, query=[TARGET])).endswith("--data-urlencode 'target=a b&c'")
    assert "?target=a%20b%26c&VERSION=1.2.3" in curl(Endpoint("POST", "/notes", write, query=[TARGET], free=True))


TREE = {
    "#/TreeJSON": {
        "type": "object",
        "properties": {
            "number": {"type": "integer"},
            "children": {"type": "array", "items": {"$ref": "#/TreeJSON"}},
            "error": {"type": "string"},
        },
        "required": ["number", "children"],
    }
}


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"$ref": "#/TreeJSON"}, {"number": 1, "children": []}),
        ({"type": "array", "items": {"type": "integer", "minimum": 7}}, [7]),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, False),
        ({"enum": ["", "push"]}, "push"),
        ({"const": 3}, 3),
        ({"type": "string", "examples": ["@daily"]}, "@daily"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"key": 1}),
        ({"type": "null"}, None),
        ({}, "text"),
    ],
)
def test_a_value_fits_its_schema(schema: dict[str, Any], example: Any) -> None:
    assert value(schema, TREE) == example


def test_the_items_of_a_list_have_no_lists_that_they_may_leave_out() -> None:
    item = {"type": "object", "properties": {"number": {"type": "integer"}, "trees": TREES}}

    assert value(item, TREE) == {"number": 1, "trees": [{"number": 1, "children": []}]}
    assert value({"type": "array", "items": item}, TREE) == [{"number": 1}]


TREES = {"type": "array", "items": {"$ref": "#/TreeJSON"}}
