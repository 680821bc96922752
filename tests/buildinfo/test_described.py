"""The operations of the vendor's description of its build API: requests and answers fit its schemas.

Where another rule holds (contract artifactory-build 7), the test says so.
"""

import json
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest

from tests.buildinfo.project import STARTED, Project, artifact, module, when

pytestmark = pytest.mark.postgres

DESCRIPTION = json.loads((Path(__file__).parents[2] / "fixtures" / "jfrog" / "build-integration.json").read_text())
WHOLE = {
    "version": "1.0.1",
    "name": "my-application",
    "number": "123",
    "started": "2024-03-09T14:05:06Z",
    "type": "GENERIC",
    "agent": {"name": "Jenkins", "version": "2.401"},
    "buildAgent": {"name": "MAVEN", "version": "3"},
    "durationMillis": 12,
    "principal": "ada",
    "url": "http://ci.example.test/1",
    "vcsRevision": "abc",
    "vcsUrl": "http://git.example.test/a.git",
    "modules": [
        module(
            artifact("a.jar", b"a", type="jar"),
            id="org:m:1",
            dependencies=[{"id": "org:d:1", "type": "jar", "scopes": ["compile"], "sha1": "1" * 40, "md5": "2" * 32}],
        )
    ],
    "properties": {"buildInfo.env.HOME": "/root"},
    "buildDependencies": [{"name": "other", "number": "1", "started": STARTED}],
}


def check(value: Any, schema: str) -> None:
    jsonschema_rs.validate({"$ref": f"#/$defs/{schema}", "$defs": DESCRIPTION["$defs"]}, value)


class Caller:
    """Calls operations by their names, and holds requests and answers against their schemas."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.called: dict[str, set[str]] = {}

    def call(
        self, operation: str, status: int, client: httpx2.Client | None = None, body: Any = None, **said: Any
    ) -> httpx2.Response:
        row = DESCRIPTION["operations"][operation]
        path = row["path"].format(**{word: value for word, value in said.items() if f"{{{word}}}" in row["path"]})
        query = {word: value for word, value in said.items() if f"{{{word}}}" not in row["path"]}
        assert set(query) <= set(row.get("query", ()))
        if "body" in row and status < 400:
            check(body, row["body"])
        options = {"json": body} if "body" in row else {}
        answer = self.project.ask(row["method"], path.removeprefix("/api/"), client, params=query, **options)
        assert answer.status_code == status, f"{operation}: {answer.status_code} {answer.text}"
        schema = row["answers"][str(status)]
        if schema:
            check(answer.json(), schema)
        self.called.setdefault(operation, set()).add(str(status))
        return answer


def test_each_operation_takes_and_gives_what_the_description_says(project: Project) -> None:
    caller = Caller(project)
    of: dict[str, Any] = {"buildName": "my-application"}
    run = {**of, "buildNumber": "123"}
    wrong: dict[str, dict[str, Any]] = {
        "getBuildRuns": of,
        "deleteBuild": of,
        "getBuildInfo": run,
        "renameBuild": {**of, "to": "b"},
        "getBuildDiff": {**run, "otherNumber": "122"},
        "getBuildRetention": of,
    }
    for operation, missing in wrong.items():
        caller.call(operation, 404, **missing)

    caller.call("listBuilds", 200)
    caller.call("publishBuildInfo", 204, body=WHOLE)
    caller.call("publishBuildInfo", 204, body={**WHOLE, "number": "122", "started": when(1)})
    caller.call("publishBuildInfo", 400, body={**WHOLE, "started": "once"})
    nobody = project.account(f"{project.key}-nobody")
    caller.call("publishBuildInfo", 403, body=WHOLE, client=nobody)
    assert caller.call("listBuilds", 200).json()["builds"][0]["uri"] == "/my-application"
    caller.call("getBuildRuns", 200, **of)
    info = caller.call("getBuildInfo", 200, **run, started="2024-03-09T14:05:06Z").json()["buildInfo"]
    sent = {**WHOLE, "started": "2024-03-09T14:05:06.000+0000"}  # decided: the form that the command line parses
    assert {key: info[key] for key in sent if key != "modules"} == {k: v for k, v in sent.items() if k != "modules"}
    caller.call("getBuildDiff", 200, **run, otherNumber="122")
    policy = {
        "count": 100,
        "minimumBuildDate": "2014-09-30T12:00:19Z",
        "buildNumbersNotToBeDiscarded": ["1.0.0"],
        "deleteBuildArtifacts": False,
    }
    applied = caller.call("setBuildRetention", 200, **of, body=policy)
    check(applied.json(), "BuildRetentionConfig")
    caller.call("setBuildRetention", 400, **of, body={"count": "many"})
    kept = caller.call("getBuildRetention", 200, **of).json()
    assert kept == {**policy, "minimumBuildDate": "2014-09-30T12:00:19.000+0000"}
    caller.call("renameBuild", 200, **of, to="renamed")
    caller.call("deleteBuild", 200, buildName="renamed", deleteAll="0", buildNumbers="122", artifacts="0")
    caller.call("deleteBuild", 200, buildName="renamed", deleteAll="1")

    stranger = project.stranger()
    for operation, row in DESCRIPTION["operations"].items():
        words = {"buildName": "a", "buildNumber": "1"}
        said: dict[str, Any] = {word: value for word, value in words.items() if f"{{{word}}}" in row["path"]}
        caller.call(operation, 401, client=stranger, body={}, **said)
    assert caller.called == {name: set(row["answers"]) for name, row in DESCRIPTION["operations"].items()}


def test_a_version_is_not_needed(project: Project) -> None:
    body = {key: value for key, value in WHOLE.items() if key != "version"}  # decided: the command line sends none

    assert project.ask("PUT", "build", json=body).status_code == 204
    assert project.info("my-application", "123")["version"] == "1.0.1"
