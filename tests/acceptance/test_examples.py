"""The examples of the API's description, sent by a real shell with a real curl to a real server."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import TOKEN, Server

PIPELINE = """
kind: pipeline
type: exec
name: hello
clone: {disable: true}
steps: [{name: hello, commands: [echo hello $VERSION]}]
"""
#: The commit that an example names, in whose place a test puts a commit that is there.
COMMIT = "eddc4cb5fc792866da099684f99d448a2c87fe8e"
#: Makes of every call one that prints the status, and writes the body to a file.
SHELL = 'set -eu; curl() { command curl -sS -o "$BODY" -w \'%{http_code}\' "$@"; }\n'
#: Examples in the order in which they are sent, each with the status of its answer.
SENT = {
    **dict.fromkeys(["builds.show", "builds.list_builds", "builds.show_latest", "logs.show"], 200),
    **dict.fromkeys(["builds.promote", "builds.promote_named", "builds.create", "builds.list_deployments"], 200),
    **dict.fromkeys(["secrets.create", "secrets.show", "secrets.list_secrets", "secrets.update"], 200),
    "secrets.delete": 204,
    **dict.fromkeys(["cron.create", "cron.show", "repos.hook", "builds.receive_push"], 200),
    **dict.fromkeys(["accounts.show", "accounts.create", "accounts.create_token", "templates.create"], 200),
    **dict.fromkeys(["artifact_repositories.create", "search.aql", "server.docs"], 200),
}


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of a running server."""

    server: Server
    document: Any
    commit: str
    folder: Path

    def operation(self, name: str) -> Any:
        """The operation of this name."""
        methods = [one for each in self.document["paths"].values() for one in each.values()]
        (found,) = [one for one in methods if one["operationId"] == name]
        return found

    def send(self, name: str) -> tuple[int, bytes]:
        """Send the example of an operation as it stands there; the status and the body of the answer."""
        text = self.operation(name)["x-codeSamples"][0]["source"].replace(COMMIT, self.commit)
        key = self.server.json("GET", f"/api/repos/{SLUG}/hook")["key"]
        variables = {"GANTRY_SERVER": self.server.url, "GANTRY_TOKEN": TOKEN, "GANTRY_HOOK_KEY": key}
        body = self.folder / name
        env = {"PATH": os.environ["PATH"], "BODY": str(body), **variables}
        done = subprocess.run(["bash", "-c", SHELL + text], env=env, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return int(done.stdout), body.read_bytes() if body.exists() else b""


@pytest.fixture(scope="module")
def examples(begin: Begin, tmp_path_factory: pytest.TempPathFactory) -> Examples:
    server, repository = begin(PIPELINE)
    commit = repository.commit({"more": "1"}, "Change something")
    return Examples(server, server.json("GET", "/openapi.json"), commit, tmp_path_factory.mktemp("bodies"))


def test_examples_do_what_they_say_when_they_are_pasted_into_a_shell(examples: Examples) -> None:
    told: dict[str, tuple[int, bytes]] = {}
    for name, status in SENT.items():
        told[name] = examples.send(name)
        assert told[name][0] == status, f"{name}: {told[name][1].decode()}"

    promoted = json.loads(told["builds.promote"][1])
    assert (promoted["event"], promoted["deploy_to"], promoted["parent"]) == ("promote", "production", 1)
    assert promoted["params"] == {"VERSION": "1.2.3"}
    assert json.loads(told["builds.promote_named"][1])["deploy_to"] == "production"
    assert json.loads(told["builds.receive_push"][1])["after"] == examples.commit
    assert json.loads(told["secrets.show"][1])["name"] == "deploy_key"
    assert b"hello" in told["logs.show"][1]


def test_the_answers_to_examples_fit_what_is_described(examples: Examples) -> None:
    for name in ("builds.show", "builds.list_builds", "accounts.show", "secrets.list_secrets", "logs.show"):
        _, answer = examples.send(name)
        schema = examples.operation(name)["responses"]["200"]["content"]["application/json"]["schema"]
        with_components = {**schema, "components": examples.document["components"]}
        jsonschema_rs.validator_for(with_components).validate(json.loads(answer))
