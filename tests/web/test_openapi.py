"""The description of the API: everything a row says is in it, and nothing else."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from app.web import body, openapi
from app.web.needs import NOTHING
from app.web.path import Path, Word
from app.web.reply import JSON, SVG, Empty, Encoded, Text
from app.web.route import PAGE, Endpoint, Param


class Thing(body.Input):
    """What is asked for."""

    name: str
    count: int = 1


class ThingJSON(TypedDict):
    """What is there."""

    id: int
    parts: list[int]


async def make(request: Request[Any], name: str) -> JSON[ThingJSON]:
    """Make a thing.

    Or two.
    """
    raise AssertionError("only described")


async def listed(request: Request[Any], name: str) -> Encoded[list[ThingJSON]]:
    """All things."""
    raise AssertionError("only described")


async def told(request: Request[Any], name: str) -> JSON[ThingJSON | None] | JSON[list[int]] | Empty | Response:
    """Tell."""
    raise AssertionError("only described")


async def drawn(request: Request[Any], name: str) -> SVG:
    """Draw."""
    raise AssertionError("only described")


async def alive(request: Request[Any]) -> Text:
    """Live."""
    raise AssertionError("only described")


class Known:
    """Needs that grant a name."""

    means = "Any account."
    refusals: Sequence[int] = (401, 403)
    strangers = False
    words: Sequence[Word] = ()
    judges_scope = False

    async def granted(self, request: Request[Any]) -> str:
        raise AssertionError("only described")

    def is_known(self, granted: str) -> bool:
        raise AssertionError("only described")


class Reading(Known):
    """Needs that some strangers meet."""

    refusals = (401, 403, 404)
    strangers = True


class Judging(Known):
    """Needs that look at the scope of a token themselves."""

    judges_scope = True


KNOWN, READING = Known(), Reading()
REPO = Path.of("/repos") / Word("owner", "Whose.", "ada") / Word("name", "Which.", "one") / Word("number", "", 1)
PICTURES = Path.of("/pictures") / Word("login", "Whose.", "ada").tail
ROWS = [
    Endpoint("POST", "/things", make, operation="things.make", needs=KNOWN, body=Thing, errors=[409]),
    Endpoint("GET", "/things", listed, operation="things.listed", needs=KNOWN, query=PAGE),
    Endpoint(
        "POST",
        REPO,
        told,
        operation="repos.told",
        needs=KNOWN,
        query=[Param("target", "Where.", form=True)],
    ),
    Endpoint("GET", PICTURES, drawn, operation="pictures.drawn", needs=READING),
    Endpoint("GET", "/alive", alive, operation="server.alive"),
    Endpoint("POST", "/alive", alive, operation="server.alive.post", free=True),
]
DOCUMENT = openapi.describe(ROWS, "1.2.3")


def operation(method: str, path: str) -> Any:
    return DOCUMENT["paths"][path][method]


def test_every_row_is_described_once_under_its_own_name_and_section() -> None:
    operations = [op for methods in DOCUMENT["paths"].values() for op in methods.values()]

    assert [(op["operationId"], op["tags"]) for op in operations] == [(row.operation, [row.tag]) for row in ROWS]
    assert operation("post", "/alive")["tags"] == ["server"]
    assert DOCUMENT["info"]["version"] == "1.2.3"


def test_every_reference_leads_somewhere() -> None:
    names = set(re.findall(r"#/components/schemas/([\w.-]+)", json.dumps(DOCUMENT)))

    assert names == {"Thing", "ThingJSON", "ErrorJSON", "ProblemJSON"}
    assert names <= set(DOCUMENT["components"]["schemas"])
    assert "$later" not in json.dumps(DOCUMENT)


def test_words_come_from_the_handler() -> None:
    made = operation("post", "/things")

    assert (made["summary"], made["description"]) == (
        "Make a thing.",
        "Or two.\n\nFor: Any account.\n\nScope of a token: `admin`.",
    )


def test_what_judges_the_scope_of_a_token_itself_takes_any_token() -> None:
    row = Endpoint("POST", "/x", make, needs=Judging())
    described = openapi.describe([row], "1.2.3")["paths"]["/x"]["post"]

    assert described["description"].endswith("\n\nScope of a token: any; the scope bounds what the call may do.")


def test_a_body_is_described_by_the_model_that_checks_it() -> None:
    content = operation("post", "/things")["requestBody"]["content"]

    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Thing"}
    assert content["application/json"]["example"] == {"name": "hello-world"}
    assert DOCUMENT["components"]["schemas"]["Thing"]["required"] == ["name"]


def test_words_that_a_form_may_hold_are_described_as_both() -> None:
    told_ = operation("post", "/repos/{owner}/{name}/{number}")

    assert [p["name"] for p in told_["parameters"]] == ["owner", "name", "number", "target"]
    assert list(told_["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]


def test_what_the_handler_answers_is_described_by_its_type() -> None:
    answers = operation("post", "/repos/{owner}/{name}/{number}")["responses"]

    assert answers["200"]["content"]["application/json"]["schema"]["anyOf"] == [
        {"anyOf": [{"$ref": "#/components/schemas/ThingJSON"}, {"type": "null"}]},
        {"items": {"type": "integer"}, "type": "array"},
    ]
    assert "content" not in answers["204"]
    assert operation("get", "/things")["responses"]["200"]["content"]["application/json"]["schema"]["type"] == "array"
    assert list(operation("get", "/pictures/{login}")["responses"]["200"]["content"]) == ["image/svg+xml"]
    assert list(operation("get", "/alive")["responses"]["200"]["content"]) == ["text/plain"]


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("post", "/things", {"200", "400", "401", "403", "409", "413", "429", "503"}),
        ("get", "/things", {"200", "401", "403", "429", "503"}),
        ("post", "/repos/{owner}/{name}/{number}", {*["200", "204", "400", "401", "403", "404", "413", "429", "503"]}),
        ("get", "/pictures/{login}", {"200", "401", "403", "404", "429", "503"}),
        ("get", "/alive", {"200", "429", "503"}),
    ],
)
def test_the_failures_follow_from_what_is_needed_and_read(method: str, path: str, statuses: set[str]) -> None:
    assert set(operation(method, path)["responses"]) == statuses


@pytest.mark.parametrize(
    ("row", "anonymous"),
    [
        (Endpoint("GET", "/x", alive, needs=NOTHING), True),
        (Endpoint("GET", "/x", drawn, needs=READING), True),
        (Endpoint("GET", "/x", drawn, needs=KNOWN), False),
    ],
)
def test_it_says_where_nobody_has_to_be_known(row: Endpoint, anonymous: bool) -> None:
    made = openapi.describe([row], "")["paths"]["/x"]["get"]

    assert ({} in made["security"]) is anonymous
    assert made["security"][0] == {"token": []}


def test_free_words_of_a_query_are_described_as_parameters_of_the_build() -> None:
    [free] = operation("post", "/alive")["parameters"]

    assert (free["style"], free["schema"]["type"]) == ("form", "object")
