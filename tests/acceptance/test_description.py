"""The API's description holds: whatever is asked, no answer is a failure of the server or not described."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository

#: What one finds on the server; what is asked of it half of the time.
REAL = {
    "owner": "octocat",
    "namespace": "octocat",
    "name": "hello-world",
    "number": 1,
    "stage": 1,
    "step": 1,
    "login": "kim",
    "user": "kim",
    "secret": "key",
    "template": "deploy.yaml",
    "cron": "nightly",
    "repository": "libs",
    "path": "libs",
    "address": "libs",
    "target": "developers",
    "group": "deployers",
    "project": "apps",
    "environment": "QA",
    "kind": "user",
    "build": "hello-world",
    "run": "hello-world/1",
    "version": "1.0",
    "pair": "releases",
}
#: Streams do not end, and are read in a test of their own.
ENDLESS = r"^/api/stream(/\{owner\}/\{name\})?$"
#: What would end the rest of the test; it is asked of what is not there.
FATAL = {
    "DELETE /api/repos/{owner}/{name}",
    "DELETE /artifactory/api/repositories/{repository}",
    "DELETE /artifactory/{address}",
    "DELETE /lifecycle/api/v2/release_bundle/records/{name}/{version}",
}
PIPELINE = """
kind: pipeline
type: docker
name: deploy
steps: [{name: a, image: alpine, commands: [true]}]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("description")
    repository = Repository(folder / "hello-world")
    sha = repository.commit({".drone.yml": PIPELINE}, "Add the pipeline")
    with Server(folder / "server", git_roots=str(folder), runner_capacity="0") as server:
        server.register(repository.url, visibility="public")
        server.json("POST", "/api/repos/octocat/hello-world/secrets", json={"name": "key", "data": "hush"})
        server.json("POST", "/api/users", json={"login": "kim"})
        server.json("POST", "/api/secrets/octocat", json={"name": "key", "data": "hush"})
        server.json("POST", "/api/templates/octocat", json={"name": "deploy.yaml", "data": PIPELINE})
        artifacts(server)
        job = {"name": "nightly", "expr": "@daily", "branch": "main"}
        server.json("POST", "/api/repos/octocat/hello-world/cron", json=job)
        assert server.push("octocat/hello-world", sha).json()["number"] == 1
        yield server


def artifacts(server: Server) -> None:
    """What the calls of Artifactory's clients find."""
    api = "/artifactory/api"
    run = {"name": "hello-world", "number": "1", "started": "2026-01-31T12:00:00.000+0000", "modules": []}
    file = {"source_type": "artifacts", "source": {"artifacts": [{"path": "libs/a.txt"}]}}
    version = {"release_bundle_name": "hello-world", "release_bundle_version": "1.0", **file}
    grants = {"repositories": ["libs"], "actions": {"users": {"kim": ["read"]}, "groups": {}}}
    for method, path, body in (
        ("PUT", f"{api}/repositories/libs", {"rclass": "local", "environments": ["DEV"]}),
        ("PUT", "/artifactory/libs/a.txt", {}),
        ("PUT", f"{api}/security/groups/deployers", {}),
        ("POST", f"{api}/v2/security/permissions/developers", {"name": "developers", "repo": grants}),
        ("POST", "/access/api/v1/projects", {"project_key": "apps", "display_name": "Apps"}),
        ("POST", "/access/api/v1/environments", {"name": "QA"}),
        ("PUT", f"{api}/build", run),
        ("POST", f"{api}/security/keypair", {"pairName": "releases"}),
        ("POST", "/lifecycle/api/v2/release_bundle?async=false", version),
        ("POST", "/lifecycle/api/v2/promotion/records/hello-world/1.0?async=false", {"environment": "DEV"}),
    ):
        assert server.client.request(method, path, json=body).is_success, path


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Connections that last, and nothing of the machine's."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_every_answer_is_described_and_none_is_a_failure(server: Server, session: requests.Session) -> None:
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json").exclude(path_regex=ENDLESS)
    failures = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        for mode in modes(operation):
            try:
                exercise(operation, mode, session)
            except BaseExceptionGroup as group:
                failures.append(f"{operation.label}: {group.exceptions[0]}")

    assert not failures, "\n\n".join(failures)


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def modes(operation: Any) -> list[GenerationMode]:
    """How an operation is called: also wrongly, if what it reads can be wrong. Every text of a path is a text."""
    read = [*operation.body, *operation.iter_parameters()]
    words = [part for part in read if part.location is ParameterLocation.PATH]
    if len(words) == len(read) and all(word.definition["schema"] == {"type": "string"} for word in words):
        return [GenerationMode.POSITIVE]
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


def exercise(operation: Any, mode: GenerationMode, session: requests.Session) -> None:
    """Call an operation in many ways."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=3, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
    def call(case: Any) -> None:
        aim(case)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=30, session=session)

    call()


def aim(case: Any) -> None:
    """Ask for what is there, but for one name at the most, which may be anything."""
    case.query.pop("rotate", None)
    if case.operation.label in FATAL:
        return
    names = sorted(case.path_parameters)
    odd = dict(enumerate(names)).get(len(str(case.path_parameters)) % (3 * len(names) or 1))
    case.path_parameters = {n: v if n == odd else REAL.get(n, v) for n, v in case.path_parameters.items()}
