"""What cannot be published is refused with the names of the fields, and who may not is told so before all else."""

import json
from typing import Any

import httpx2
import pytest

from app.buildinfo.document import BODY
from tests.buildinfo.project import STARTED, Project, module

pytestmark = pytest.mark.postgres


def refused(project: Project, content: bytes, status: int = 400) -> list[str]:
    answer = project.ask("PUT", "build", content=content)
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    found: list[str] = [error["message"] for error in answer.json()["errors"]]
    assert all(error["status"] == status for error in answer.json()["errors"])
    return found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the body is empty; JSON is due"),
        (b"{", "the body is not JSON: see line 1, column 2"),
        (b"[]", "the body must be a JSON object"),
        (b"null", "the body must be a JSON object"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "the body is JSON that nests too deep; at most 100 levels are read"),
        (b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", "the body is not JSON: see line 1, column 1025"),
        (b'{"name": "\xff"}', "the body is not JSON: see line 1, column 1"),
    ],
)
def test_a_body_that_is_no_build_info_is_refused(project: Project, content: bytes, message: str) -> None:
    [said] = refused(project, content)

    assert said.split(" column")[0] == message.split(" column")[0]


WRONG: list[tuple[str, Any, str]] = [
    ("name", None, "name: is missing or blank"),
    ("name", "  ", "name: is missing or blank"),
    ("name", 7, "name: must be a text"),
    ("name", "a\0b", "name: has a NUL"),
    ("name", "..", "name: is '..', which would name another folder"),
    ("name", "/" * 90, "name: has 270 bytes in the name of a file; at most 255"),
    ("number", None, "number: is missing or blank"),
    ("number", "", "number: is missing or blank"),
    ("number", True, "number: must be a text"),
    ("number", ["1"], "number: must be a text"),
    ("number", "1" * 240, "number: has 240 bytes in the name of a file; at most 234"),
    ("started", None, "started: is missing or blank"),
    ("started", " ", "started: is missing or blank"),
    ("started", 12, "started: must be a text"),
    ("started", "yesterday", "started: 'yesterday' is no time"),
    ("started", "2024-13-01T00:00:00Z", "is no time from 1970 to 9999"),
    ("started", "1969-12-31T23:59:59Z", "is no time from 1970 to 9999"),
    ("version", 1, "version: must be a text"),
    ("type", [], "type: must be a text"),
    ("url", {}, "url: must be a text"),
    ("principal", 1, "principal: must be a text"),
    ("artifactoryPrincipal", 1, "artifactoryPrincipal: must be a text"),
    ("vcsRevision", 1, "vcsRevision: must be a text"),
    ("vcsUrl", False, "vcsUrl: must be a text"),
    ("agent", "x", "agent: must be an object"),
    ("buildAgent", [], "buildAgent: must be an object"),
    ("issues", [], "issues: must be an object"),
    ("licenseControl", 1, "licenseControl: must be an object"),
    ("properties", [], "properties: must be an object"),
    ("durationMillis", "long", "durationMillis: must be a whole number"),
    ("durationMillis", 1.5, "durationMillis: must be a whole number"),
    ("durationMillis", True, "durationMillis: must be a whole number"),
    ("vcs", {}, "vcs: must be a list"),
    ("vcs", ["x"], "vcs[0]: must be an object"),
    ("vcs", [{"url": 1}], "vcs[0].url: must be a text"),
    ("buildDependencies", {}, "buildDependencies: must be a list"),
    ("modules", {}, "modules: must be a list"),
    ("modules", "x", "modules: must be a list"),
    ("modules", ["x"], "modules[0]: must be an object"),
    ("modules", [{"id": 1}], "modules[0].id: must be a text"),
    ("modules", [{"type": 1}], "modules[0].type: must be a text"),
    ("modules", [{"properties": "x"}], "modules[0].properties: must be an object"),
    ("modules", [{"excludedArtifacts": {}}], "modules[0].excludedArtifacts: must be a list"),
    ("modules", [{"artifacts": {}}], "modules[0].artifacts: must be a list"),
    ("modules", [{}, {"artifacts": [{}, 1]}], "modules[1].artifacts[1]: must be an object"),
    ("modules", [{"artifacts": [{"name": 1}]}], "modules[0].artifacts[0].name: must be a text"),
    ("modules", [{"artifacts": [{"sha1": 1}]}], "modules[0].artifacts[0].sha1: must be a text"),
    ("modules", [{"artifacts": [{"path": "a\0"}]}], "modules[0].artifacts[0].path: has a NUL"),
    ("modules", [{"artifacts": [{"originalDeploymentRepo": 1}]}], "originalDeploymentRepo: must be a text"),
    ("modules", [{"dependencies": 1}], "modules[0].dependencies: must be a list"),
    ("modules", [{"dependencies": [{"id": 1}]}], "modules[0].dependencies[0].id: must be a text"),
    ("modules", [{"dependencies": [{"scopes": "x"}]}], "scopes: must be a list of texts"),
    ("modules", [{"dependencies": [{"scopes": [{}]}]}], "modules[0].dependencies[0].scopes.0: must be a text"),
    ("modules", [{"dependencies": [{"requestedBy": 1}]}], "requestedBy: must be a list"),
    ("statuses", {}, "statuses: must be a list"),
    ("statuses", [{"status": 1}], "statuses[0].status: must be a text"),
    ("statuses", [{"timestamp": "never"}], "statuses[0].timestamp: 'never' is no time"),
    ("statuses", [{"timestamp": []}], "statuses[0].timestamp: must be a time"),
    ("buildRetention", 1, "buildRetention: must be an object"),
    ("buildRetention", {"count": "many"}, "buildRetention.count: must be a whole number"),
    ("buildRetention", {"count": -2}, "buildRetention.count: must be -1 for no limit"),
    ("buildRetention", {"minimumBuildDate": "x"}, "buildRetention.minimumBuildDate: 'x' is no time"),
    ("buildRetention", {"minimumBuildDate": {}}, "buildRetention.minimumBuildDate: must be a time"),
    ("buildRetention", {"buildNumbersNotToBeDiscarded": "1"}, "must be a list of texts"),
    ("buildRetention", {"deleteBuildArtifacts": "perhaps"}, "deleteBuildArtifacts: must be true or false"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "words"), WRONG)
def test_a_field_of_a_wrong_type_is_named(project: Project, field: str, value: Any, words: str) -> None:
    body = {"name": "app", "number": "1", "started": STARTED, field: value}

    said = refused(project, json.dumps(body).encode())

    assert len(said) == 1
    assert words in said[0]
    assert project.numbers("app") == []


def test_all_that_is_wrong_is_listed_at_once(project: Project) -> None:
    said = refused(project, json.dumps({"modules": [{"id": 1}], "url": 1}).encode())

    assert [words.partition(":")[0] for words in said] == ["name", "number", "started", "url", "modules[0].id"]
    many = json.dumps({"name": "a", "number": "1", "started": STARTED, "modules": [1] * 1000}).encode()
    assert len(refused(project, many)) == 20


def test_limits_have_names(project: Project) -> None:
    assert "at most" in refused(project, b"{" + b" " * BODY + b"}", 413)[0]
    base = {"name": "app", "number": "1", "started": STARTED}
    entries = [{"name": "a"}] * 200_001
    assert "200000" in refused(project, json.dumps({**base, "modules": [module(*entries)]}).encode(), 413)[0]
    assert "20000" in refused(project, json.dumps({**base, "modules": [{}] * 20_001}).encode(), 413)[0]


@pytest.mark.parametrize("key", ["no/such", "..", "a b", "x" * 60])
def test_a_project_that_cannot_be_is_refused(project: Project, key: str) -> None:
    body = {"name": "app", "number": "1", "started": STARTED}

    for method, path in (("PUT", "build"), ("GET", "build"), ("GET", "build/app/1")):
        answer = project.ask(method, path, params={"project": key}, json=body)
        assert answer.status_code == 400
        assert "is no key of a project" in answer.json()["errors"][0]["message"]


def test_a_repository_of_artifacts_takes_no_build_info(project: Project) -> None:
    project.file(project.repo, "a", b"a")
    body = {"name": "app", "number": "1", "started": STARTED}

    taken = project.ask("PUT", "build", json=body)
    unknown = project.ask("PUT", "build", params={"buildRepo": "nowhere"}, json=body)

    assert taken.status_code == 400
    assert "is a repository of artifacts" in taken.json()["errors"][0]["message"]
    assert unknown.status_code == 404


def test_a_time_of_a_query_may_be_any_form(project: Project) -> None:
    project.publish("app", "1")
    for text in ("2024-03-09T15:05:06.7 0100", "2024-03-09T14:05:06.700Z", "1709993106700"):
        assert project.ask("GET", "build/app/1", params={"started": text}).status_code == 200
    wrong = project.ask("GET", "build/app/1", params={"started": "once"})
    assert wrong.json()["errors"][0]["message"].startswith("started: 'once' is no time")


CALLS = [
    ("GET", "build", "read"),
    ("GET", "build/app", "read"),
    ("GET", "build/app/1", "read"),
    ("GET", "build/app/1?diff=2", "read"),
    ("GET", "build/diff/app/1?otherNumber=2", "read"),
    ("GET", "build/retention/app", "read"),
    ("GET", "builds/buildArtifacts/app/1/{repo}", "read"),
    ("PUT", "build", "deploy"),
    ("POST", "build/append/app/1", "deploy"),
    ("DELETE", "build/app", "delete"),
    ("POST", "build/delete", "delete"),
    ("POST", "build/rename/app?to=b", "deploy"),
    ("POST", "build/retention/app?async=false", "delete"),
    ("POST", "build/retention/app", "delete"),
]
BODIES: dict[str, Any] = {
    "build": {"name": "app", "number": "1", "started": STARTED},
    "build/append/app/1": [],
    "build/delete": {"buildName": "app", "buildNumbers": ["1"]},
}


def call(project: Project, client: httpx2.Client, method: str, path: str) -> httpx2.Response:
    plain, _, query = path.format(repo=project.repo).partition("?")
    params = dict(pair.split("=") for pair in query.split("&") if pair)
    key = plain if method != "DELETE" else ""
    body = BODIES.get(key, {})
    if plain == "build/delete":
        body = {**body, "project": project.key}
    return project.ask(method, plain, client, params=params, **({"json": body} if method != "GET" else {}))


@pytest.mark.parametrize(("method", "path", "right"), CALLS)
@pytest.mark.parametrize("there", [True, False])
def test_who_lacks_the_right_is_told_so_whether_the_run_is_there_or_not(
    project: Project, method: str, path: str, right: str, there: bool
) -> None:
    if there:
        project.publish("app", "1")
        project.publish("app", "2")
    client = project.account(f"{project.key}-nobody", ("build", project.repo, ["other/**"], ["read", "deploy"]))
    every = {"read", "deploy", "delete"}
    near = project.account(f"{project.key}-near", ("build", project.repo, ["**"], sorted(every - {right})))

    answers = [near] if path == "build" else [client, near]
    for visitor in answers:
        answer = call(project, visitor, method, path)
        assert answer.status_code == 403, answer.text
        assert f"the right {right}" in answer.json()["errors"][0]["message"]
    stranger = call(project, project.stranger(), method, path)
    assert stranger.status_code == 401
    assert project.numbers("app") == (["2", "1"] if there else [])


def test_what_may_not_be_read_is_neither_listed_nor_counted(project: Project) -> None:
    for name, number in (("app", "1"), ("app", "2"), ("hidden", "1")):
        project.publish(name, number)
    client = project.account(f"{project.key}-some", ("build", project.repo, ["app/1-*"], ["read"]))
    whole = project.account(f"{project.key}-app", ("build", project.repo, ["app/**"], ["read"]))

    assert [found["uri"] for found in project.json("build", client=whole)["builds"]] == ["/app"]
    assert [found["uri"] for found in project.json("build", client=client)["builds"]] == ["/app"]
    assert project.json("build/app", client=whole)["buildsNumbers"][1]["uri"] == "/1"
    assert project.ask("GET", "build/app/1", client).status_code == 200
    for path in ("build/app/2", "build/hidden", "build/hidden/1"):
        assert project.ask("GET", path, client).status_code in (403, 404)
    assert project.ask("GET", "build/app/1", client, params={"diff": "2"}).status_code == 403


def test_who_may_publish_only_may_not_replace_what_was_published(project: Project) -> None:
    client = project.account(f"{project.key}-ci", ("build", project.repo, ["**"], ["deploy"]))
    body = {"name": "app", "number": "1", "started": STARTED}

    first = project.ask("PUT", "build", client, json=body)
    second = project.ask("PUT", "build", client, json=body)
    with_policy = project.ask("PUT", "build", client, json={**body, "number": "2", "buildRetention": {"count": 1}})

    assert (first.status_code, second.status_code, with_policy.status_code) == (204, 403, 403)
    assert project.info("app", "1")["artifactoryPrincipal"] == f"{project.key}-ci"
    assert "the right delete is needed on" in second.json()["errors"][0]["message"]
    assert project.numbers("app") == ["1"]


def test_files_that_a_publisher_may_not_read_fill_nothing_in(project: Project) -> None:
    repo = f"{project.key}-dev"
    project.file(repo, "secret/a.jar", b"a", build_name="app", build_number="1")
    client = project.account(f"{project.key}-ci", ("build", project.repo, ["**"], ["read", "deploy"]))
    entry = {"name": "a.jar", "md5": "0cc175b9c0f1b6a831c399e269772661"}
    body = {"name": "app", "number": "1", "started": STARTED, "modules": [module(entry)]}

    assert project.ask("PUT", "build", client, json=body).status_code == 204
    assert project.info("app", "1")["modules"][0]["artifacts"][0]["sha256"] == ""
    assert project.json(f"builds/buildArtifacts/app/1/{project.repo}", client=client) == []
