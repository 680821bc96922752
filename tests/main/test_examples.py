"""Every route has an example of a call that the route takes, and of an answer that fits the route's type."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from starlette.requests import Request

from app.main.codes import CODES
from app.main.examples import EXAMPLES
from app.main.routes import ARTIFACTORY_ROWS, ROWS, _error_of
from app.web import body, docs, openapi
from app.web.examples import PARAMETER, Example, curl
from app.web.reply import JSON
from app.web.route import Endpoint
from tests.web.asgi import serving

FIXTURES = Path(__file__).parents[2] / "fixtures" / "drone"
DESCRIBED: Sequence[Endpoint] = [*ROWS, *ARTIFACTORY_ROWS]
ALL: Sequence[Endpoint] = [*DESCRIBED, *docs.routes(DESCRIBED)]
BY_NAME = {row.operation: row for row in ALL}
#: Media types without an example: what is for eyes, and a file.
SHOWN_ELSEWHERE = {"text/html", "text/css", "text/javascript", "image/svg+xml", "application/x-tar"}
#: Prints what curl is called with.
SHELL = "set -eu; curl() { printf '%s\\0' \"$@\"; printf '\\1'; }\n"


@cache
def document() -> Any:
    return openapi.describe(ALL, "1.2.3", _error_of, CODES, EXAMPLES)


@cache
def calls() -> Mapping[str, list[str]]:
    """What a shell calls curl with, by the name of the operation."""
    text = SHELL + "\n".join(curl(row, EXAMPLES.get(row.operation, Example())) for row in ALL)
    variables = {"GANTRY_SERVER": "http://gantry.test", "GANTRY_TOKEN": "t", "GANTRY_HOOK_KEY": "k"}
    of_chats = ("GANTRY_SLACK_SIGNING_SECRET", "GANTRY_MATTERMOST_TOKEN", "GANTRY_TEAMS_SECRET")
    variables |= dict.fromkeys(of_chats, "a2V5")
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **variables}
    done = subprocess.run(["bash", "-c", text], env=env, capture_output=True, check=True)
    return dict(zip(BY_NAME, [call.split("\0")[:-1] for call in done.stdout.decode().split("\1")[:-1]], strict=True))


async def sent(row: Endpoint) -> Any:
    """What a handler in the place of each row's handler reads of the row's example."""

    def reading(known: Endpoint) -> Endpoint:
        async def read(request: Request[Any]) -> JSON[dict[str, Any]]:
            if known.body is not None:
                await body.parse(request, known.body)
            query, form = body.whole_query(request), await body.form(request)
            authorized = request.headers.get("authorization", "").startswith("Bearer ")
            return JSON({"row": known.operation, "query": query, "form": form, "authorized": authorized})

        return Endpoint(known.method, known.path, read, query=known.query, body=known.body, free=known.free)

    arguments = calls()[row.operation]
    options = [(arguments[at], arguments[at + 1]) for at in range(len(arguments) - 1)]
    method = next((value for name, value in options if name == "-X"), "GET")
    headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
    data = next((value for name, value in options if name == "--data-binary"), "")
    form = dict(value.split("=", 1) for name, value in options if name == "--data-urlencode")
    (url,) = [argument for argument in arguments if argument.startswith("http://gantry.test/")]
    async with serving([reading(one) for one in ALL]) as client:
        content: Any = {"data": form} if form else {"content": data.encode()}
        answer = await client.request(method, url, headers=headers, **content)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.operation)
async def test_the_example_of_a_call_is_taken_by_its_route(row: Endpoint) -> None:
    told = await sent(row)

    assert told["row"] == row.operation
    assert {param.name for param in row.query if param.required} <= {*told["query"], *told["form"]}
    assert set(told["query"]) <= {*row.names, *(PARAMETER if row.free else ())}
    assert set(told["form"]) <= row.form_names
    assert told["authorized"] is bool(row.needs.refusals)


@pytest.mark.parametrize("row", ALL, ids=lambda row: row.operation)
def test_the_example_of_an_answer_fits_its_schema(row: Endpoint) -> None:
    operation = document()["paths"][str(row.path)][row.method.lower()]
    answers = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    contents = [answer["content"] for answer in answers.values() if "content" in answer]
    for media, content in [pair for each in contents for pair in each.items() if pair[0] not in SHOWN_ELSEWHERE]:
        schema = {**content["schema"], "components": document()["components"]}
        jsonschema_rs.validator_for(schema).validate(content["example"])
        assert isinstance(content["example"], str) or "json" in media


def test_the_example_of_a_failure_fits_its_schema_and_has_a_code_of_the_table() -> None:
    for name, answer in document()["components"]["responses"].items():
        content = answer["content"]["application/json"]
        status = int("".join(filter(str.isdigit, name)))
        if status not in {code.status for code in CODES}:
            assert "example" not in content
            continue
        schema = {**content["schema"], "components": document()["components"]}
        jsonschema_rs.validator_for(schema).validate(content["example"])
        error = content["example"].get("errors", [content["example"]])[0]
        assert (error["code"], status) in {(code.name, code.status) for code in CODES}
        assert f"/docs/api#codes-{status}" in answer["description"]


def test_no_example_is_for_a_route_that_is_not_there() -> None:
    assert set(EXAMPLES) <= set(BY_NAME)


def test_the_same_routes_have_the_same_examples() -> None:
    again = openapi.describe(ALL, "1.2.3", _error_of, CODES, EXAMPLES)

    assert json.dumps(again) == json.dumps(document())


def test_the_example_of_a_build_has_all_that_a_recorded_build_has() -> None:
    exchanges = json.loads((FIXTURES / "lifecycle.json").read_text())["exchanges"]
    (recorded,) = [one["json"] for one in exchanges if one["name"] == "a build with a running stage"]
    operation = document()["paths"]["/api/repos/{owner}/{name}/builds/{number}"]["get"]
    example = operation["responses"]["200"]["content"]["application/json"]["example"]

    assert set(recorded) <= set(example)
    assert set(recorded["stages"][0]) <= set(example["stages"][0])
    assert set(recorded["stages"][0]["steps"][0]) <= set(example["stages"][0]["steps"][0])
