"""Requests of the real `jf` about repositories and the server, as they were recorded, in their order."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.server import Server
from tests.artifacts.conftest import REPOSITORIES

pytestmark = pytest.mark.postgres

RECORDED = json.loads((Path(__file__).parents[2] / "fixtures/jfrog/files.json").read_text())
JSON = {"Content-Type": "application/json"}


def recorded(start: str) -> list[Any]:
    """The requests of the commands that begin so."""
    return [sent for command in RECORDED if command["command"].startswith(start) for sent in command["requests"]]


@pytest.fixture(scope="module", autouse=True)
def created(server: Server) -> None:
    """The recorded commands that make repositories were carried out."""
    for sent in recorded("jf rt repo-create"):
        answer = server.ask(
            sent["method"], sent["path"], content=sent["body"], headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == sent["status"], answer.text
        assert answer.text.split() == sent["answer"].split()


def test_all_that_the_command_sent_comes_back(server: Server) -> None:
    for sent in recorded("jf rt repo-create"):
        found = server.json("GET", sent["path"])
        wanted = json.loads(sent["body"])
        assert {name: found[name] for name in wanted} == wanted
    assert len(server.json("GET", REPOSITORIES)) == 6


def test_the_commands_that_ask_for_the_server_get_what_they_read(server: Server) -> None:
    [ping, *_] = recorded("jf rt ping")
    version = next(sent for sent in recorded("jf rt s ") if sent["path"].endswith("/version"))

    assert server.ask("GET", ping["path"]).text == ping["answer"]
    wanted, found = json.loads(version["answer"]), server.json("GET", version["path"])
    assert (found["version"], found.keys()) == (wanted["version"], wanted.keys())


def test_a_repository_is_updated_and_deleted_as_the_command_does(server: Server) -> None:
    """`jf rt repo-update` and `repo-delete` send what `repo-create` sends, with POST and DELETE."""
    path = f"{REPOSITORIES}/stage-local"
    sent = {"rclass": "local", "key": "stage-local", "packageType": "generic", "environments": ["STAGE", "QA"]}

    assert server.ask("POST", path, json=sent).status_code == 200
    assert server.json("GET", path)["environments"] == ["STAGE", "QA"]
    assert server.ask("DELETE", path).status_code == 200
    assert server.ask("GET", path).status_code == 400
