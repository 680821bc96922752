"""Cards: what a step shows beside its log."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import Server

CARD = f"/api/repos/{SLUG}/cards/1/1/1"
SCHEMA = "https://cards.example.com/coverage.json"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps:
- name: test
  commands: [echo tested]
"""


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    return begin(PIPELINE)[0]


@pytest.fixture(autouse=True)
def _without_a_card(server: Server) -> None:
    server.ask("DELETE", CARD)


def _step(server: Server) -> Any:
    return server.json("GET", f"/api/repos/{SLUG}/builds/1")["stages"][0]["steps"][0]


def test_a_card_is_made_read_and_removed(server: Server) -> None:
    data = {"coverage": 97.5, "files": [{"name": "é <b>&\u2028\0", "big": 2**70}], "none": None}
    assert server.ask("GET", CARD).json()["message"] == "step test has no card"

    made = server.ask("POST", CARD, json={"schema": SCHEMA, "data": data})

    assert (made.status_code, made.text) == (200, f"{_step(server)['id']}\n")
    shown = server.ask("GET", CARD)
    assert (shown.status_code, shown.headers["content-type"], shown.json()) == (200, "application/json", data)
    assert _step(server)["schema"] == SCHEMA
    assert server.ask("DELETE", CARD).status_code == 204
    for method in ("GET", "DELETE"):
        gone = server.ask(method, CARD)
        assert (gone.status_code, gone.json()["message"]) == (404, "step test has no card")
    assert _step(server)["schema"] == SCHEMA


@pytest.mark.parametrize("data", [1, 1.5, "text", True, False, [], {}, [None], "", {"data": {"schema": 1}}])
def test_any_json_is_a_card(server: Server, data: Any) -> None:
    server.json("POST", CARD, json={"data": data, "SCHEMA": None, "other": 1})

    assert server.json("GET", CARD) == data
    assert "schema" not in _step(server)


def test_a_second_card_is_refused_and_of_many_at_once_one_is_made(server: Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: server.ask("POST", CARD, json={"data": n}), range(8)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"card_exists"}
    assert answers[server.json("GET", CARD)].status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"5", ""),
        (b'{"data": nope}', ""),
        (b"\xff", ""),
        (b"{}", "data"),
        (b'{"schema": "x"}', "data"),
        (b'{"data": null}', "data"),
        (b'{"data": NaN}', "data"),
        (b'{"data": {"a": [1e400]}}', "data"),
        (b'{"data": -Infinity}', "data"),
        (b'{"data": 1, "schema": 5}', "schema"),
        (b'{"data": 1, "schema": ["x"]}', "schema"),
        (b'{"data": 1, "schema": "a\\u0000b"}', "schema"),
        (b'{"data": 1, "schema": "a\\nb"}', "schema"),
        (b'{"data": 1, "schema": "' + b"x" * 2001 + b'"}', "schema"),
        (b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}", ""),
        (b'{"data": ' + b"9" * 5000 + b"}", ""),
        (b'{"data": "\\ud800"}', ""),
    ],
)
def test_what_is_no_card_is_a_400_that_says_where(server: Server, body: bytes, field: str) -> None:
    answer = server.ask("POST", CARD, content=body)

    assert answer.status_code == 400, answer.text
    assert [error["field"] for error in answer.json().get("errors", [])] == [field]
    assert server.ask("GET", CARD).status_code == 404


def test_a_card_has_at_most_100_kilobytes(server: Server) -> None:
    frame = len(json.dumps({"data": ""}).encode())
    small, large = ({"data": "x" * (100 * 1024 - frame + more)} for more in (0, 1))

    assert server.ask("POST", CARD, content=json.dumps(large)).status_code == 413
    assert server.ask("GET", CARD).status_code == 404
    assert server.ask("POST", CARD, content=json.dumps(small)).status_code == 200


@pytest.mark.parametrize(
    ("numbers", "status"),
    [("2/1/1", 404), ("1/2/1", 404), ("1/1/2", 404), ("0/0/0", 404), ("x/1/1", 400), ("1/x/1", 400), ("1/1/x", 400)],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_step_that_is_not_there(server: Server, method: str, numbers: str, status: int) -> None:
    answer = server.ask(method, f"/api/repos/{SLUG}/cards/{numbers}", json={"data": 1})

    assert (answer.status_code, "Traceback" in server.tail()) == (status, False)


def test_everybody_who_reads_sees_it_and_administrators_change_it(server: Server) -> None:
    body = {"data": 1}
    with server.visitor() as anyone, server.account("stranger") as stranger, server.account("writer") as writer:
        server.json("PUT", f"/api/repos/{SLUG}/collaborators/writer", json={"write": True})
        for method, statuses in (("POST", [401, 404, 403]), ("DELETE", [401, 404, 403]), ("GET", [401, 404, 404])):
            asked = [client.request(method, CARD, json=body).status_code for client in (anyone, stranger, writer)]
            assert asked == statuses, method
        server.json("POST", CARD, json=body)
        assert writer.get(CARD).json() == 1
        assert anyone.get(CARD).status_code == 401
