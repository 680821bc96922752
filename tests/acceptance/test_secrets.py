"""Secrets of a repository and of a namespace: kept, changed, shared, and shown to nobody but the steps they are for."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from app.pipeline.inline import decrypt
from tests.acceptance.conftest import SLUG
from tests.acceptance.server import Server
from tests.scm.repository import Repository

OF_REPO, OF_NAMESPACE = f"/api/repos/{SLUG}/secrets", "/api/secrets/octocat"
BOTH = pytest.mark.parametrize("path", [OF_REPO, OF_NAMESPACE], ids=["repository", "namespace"])
BUILDS = f"/api/repos/{SLUG}/builds"
#: Values that the steps of the test get, by the secret's name; they end up nowhere else.
VALUES = {
    "own": "value-of-the-repository",
    "shared": "value-of-the-namespace",
    "both": "value-that-wins",
    "BOTH": "value-that-loses",
    "open": "value-for-pull-requests",
    "inline": "value-in-the-file",
}
#: What the step prints of each variable: how long it is.
ALL = {name: len(VALUES[name.lower()]) for name in ("OWN", "SHARED", "BOTH", "OPEN", "INLINE")}
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps:
- name: show
  environment:
    OWN: {from_secret: own}
    SHARED: {from_secret: SHARED}
    BOTH: {from_secret: both}
    OPEN: {from_secret: open}
    INLINE: {from_secret: inline}
  commands:
  - echo "$OWN" "$SHARED" "$BOTH" "$OPEN" "$INLINE"; sleep "0$WAIT"
""" + "".join(f'  - echo "<{name} $(printf %s "${name}" | wc -c)>"\n' for name in ALL)
#: Calls of runners are logged at debug level.
RUNNERS = "the-secret-of-the-runners"
#: The command, logging all that is logged.
VERBOSE = """
import logging
from app import cli, log
log.configure.__defaults__ = ("", logging.DEBUG)
cli.main()
"""


class VerboseServer(Server):
    """A server that keeps nothing to itself."""

    program = (sys.executable, "-X", "dev", "-c", VERBOSE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Repository]]:
    """A server at debug level with a public repository."""
    folder = tmp_path_factory.mktemp("secrets")
    repository = Repository(folder / "hello-world")
    repository.commit({".drone.yml": PIPELINE})
    with VerboseServer(folder / "server", git_roots=str(folder), rpc_secret=RUNNERS) as server:
        server.register(repository.url, SLUG, visibility="public")
        yield server, repository


@pytest.fixture
def server(site: tuple[Server, Repository]) -> Iterator[Server]:
    """The server, without secrets again afterwards."""
    yield site[0]
    for secret in site[0].json("GET", "/api/secrets"):
        site[0].ask("DELETE", f"/api/secrets/{secret['namespace']}/{secret['name']}")
    for secret in site[0].json("GET", OF_REPO):
        site[0].ask("DELETE", f"{OF_REPO}/{secret['name']}")


def test_secrets_of_a_repository_are_answered_as_drone_does(server: Server) -> None:
    repo_id = server.json("GET", f"/api/repos/{SLUG}")["id"]
    body = {"name": "docker_password", "data": "pw", "pull_request": True}
    made = server.json("POST", OF_REPO, json=body)
    expected = {"id": made["id"], "repo_id": repo_id, "name": "docker_password", "pull_request": True}
    one = f"{OF_REPO}/docker_password"

    assert [made, server.json("GET", one), server.json("GET", OF_REPO)] == [expected, expected, [expected]]
    closed = server.json("PATCH", one, json={"data": "pw2", "pull_request": False})
    assert closed == {"id": made["id"], "repo_id": repo_id, "name": "docker_password"}
    assert server.json("PATCH", one, json={"name": "docker_password", "data": "5678"}) == closed
    deleted = server.ask("DELETE", one)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert server.json("GET", OF_REPO) == []


def test_secrets_of_a_namespace_are_answered_as_drone_does(server: Server) -> None:
    made = server.json("POST", OF_NAMESPACE, json={"name": "org_token", "data": "x", "pull_request": True})
    expected = {"id": made["id"], "namespace": "octocat", "name": "org_token", "pull_request": True}
    one = f"{OF_NAMESPACE}/org_token"

    assert made == server.json("GET", one) == expected
    assert server.json("GET", OF_NAMESPACE) == server.json("GET", "/api/secrets") == [expected]
    for method in ("PATCH", "POST"):
        assert server.json(method, one, json={"data": "y"}) == expected
    assert server.ask("DELETE", one).status_code == 204
    assert server.json("GET", OF_NAMESPACE) == server.json("GET", "/api/secrets") == []


@BOTH
def test_what_is_said_is_changed_and_put_says_all_of_it(server: Server, path: str) -> None:
    server.json("POST", path, json={"name": "Token", "data": "x", "pull_request": True, "pull_request_push": True})
    both = {"pull_request": True, "pull_request_push": True}
    one = f"{path}/tOKEN"

    def flags(method: str, body: Any) -> Any:
        answer = server.json(method, one, json=body)
        assert answer["name"] == "Token"
        return {name: value for name, value in answer.items() if name.startswith("pull")}

    assert flags("PATCH", {}) == flags("PATCH", {"pull_request": None, "name": "other", "id": 7}) == both
    assert flags("PATCH", {"PULL_REQUEST": False}) == {"pull_request_push": True}
    assert flags("PATCH", {"pull_request": True}) == both
    assert flags("PUT", {"pull_request_push": True}) == {"pull_request_push": True}
    assert flags("PUT", {"pull_request": True, "data": "y"}) == {"pull_request": True}
    assert flags("PUT", {"data": "y"}) == {}


@BOTH
def test_what_is_not_there_is_not_found_by_name(server: Server, path: str) -> None:
    for method in ("GET", "PATCH", "PUT", "DELETE", *(["POST"] if path == OF_NAMESPACE else [])):
        for name in ("nope", "n%00pe", "n%2Fpe", "%ED%A0%80", "☃", "x" * 3000):
            answer = server.ask(method, f"{path}/{name}", json={"data": "x"})
            assert answer.status_code in (404, 400), answer.text
        named = server.ask(method, f"{path}/nope", json={"data": "x"})
        assert (named.status_code, named.json()["message"]) == (404, "secret nope not found")


@BOTH
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "a/b", "data": "x"}, ["name"]),
        ({"name": "a b", "data": "x"}, ["name"]),
        ({"name": "a\nb", "data": "x"}, ["name"]),
        ({"name": "☃", "data": "x"}, ["name"]),
        ({"name": "..", "data": "x"}, ["name"]),
        ({"name": "x" * 201, "data": "x"}, ["name"]),
        ({"name": ["x"], "data": {"hush": "hush-hush"}, "pull_request": "yes"}, ["data", "name", "pull_request"]),
        ({"data": "hush-hush\0"}, ["data", "name"]),
        ({"name": "x", "data": ""}, ["data"]),
        ({"name": "x", "data": "hush-hush", "pull_request_push": 1}, ["pull_request_push"]),
        ({"name": "x"}, ["data"]),
    ],
)
def test_a_bad_secret_is_refused_by_field_without_its_value(
    server: Server, path: str, body: Any, fields: list[str]
) -> None:
    answer = server.ask("POST", path, json=body)

    assert (answer.status_code, sorted(error["field"] for error in answer.json()["errors"])) == (400, fields)
    assert "hush-hush" not in answer.text
    assert server.json("GET", path) == []


@BOTH
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    "body", ['{"data": ""}', '{"data": "a\\u0000"}', '{"data": 5}', '{"pull_request": "no"}', "[]", '"x"', "{", ""]
)
def test_a_bad_change_is_refused_and_changes_nothing(server: Server, path: str, method: str, body: str) -> None:
    made = server.json("POST", path, json={"name": "token", "data": "x", "pull_request": True})

    assert server.ask(method, f"{path}/token", content=body).status_code == 400
    assert server.ask(method, f"{path}/nope", content=body).status_code == 400
    assert server.json("GET", f"{path}/token") == made


@BOTH
def test_a_name_is_taken_in_any_letter_case_and_made_once(server: Server, path: str) -> None:
    names = ["Token", "token", "TOKEN", "tokeN"] * 2
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda name: server.ask("POST", path, json={"name": name, "data": "x"}), names))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"secret_exists"}
    assert len(server.json("GET", path)) == 1


@BOTH
def test_lists_are_in_order_of_names(server: Server, path: str) -> None:
    for name in ("b", "C", "a", "D", "_", "1"):
        server.json("POST", path, json={"name": name, "data": "x"})

    listed = [secret["name"] for secret in server.json("GET", path)]

    assert [name for name in listed if name.isalpha()] == ["a", "b", "C", "D"]
    assert [secret["name"] for secret in server.json("GET", path + "/")] == listed


@pytest.mark.parametrize("namespace", ["a%2Fb", "..", "a b", "x" * 101, "☃", "a%00b"])
def test_a_namespace_that_cannot_be_one_gets_no_secret(server: Server, namespace: str) -> None:
    path = "/api/secrets/%2E%2E" if namespace == ".." else f"/api/secrets/{namespace}"
    status, answer = server.ask_plainly("POST", httpx2.URL(path).raw_path.decode(), b'{"name": "x", "data": "y"}')

    assert status in (400, 404)
    if status == 400:
        assert [error["field"] for error in answer["errors"]] == ["namespace"]
    assert server.json("GET", "/api/secrets") == []


def test_who_may_see_and_change_what(server: Server) -> None:
    """By path and method: anonymous, without rights, reader, writer, administrator of all repositories."""
    body = {"name": "x", "data": "y"}
    rights: list[Any] = [None, {"read": True}, {"write": True}, {"admin": True}]
    with ExitStack() as stack:
        people = [stack.enter_context(server.visitor())]
        for number, given in enumerate(rights):
            people.append(stack.enter_context(server.account(f"person{number}")))
            if given:
                server.json("PUT", f"/api/repos/{SLUG}/collaborators/person{number}", json=given)

        def asked(method: str, path: str) -> list[int]:
            return [person.request(method, path, json=body).status_code for person in people]

        assert asked("GET", OF_REPO) == [401, 404, 403, 200, 200]
        assert asked("POST", OF_REPO) == [401, 404, 403, 200, 409]
        for method in ("PATCH", "PUT", "GET", "DELETE"):
            expected = [401, 404, 403, 204, 404] if method == "DELETE" else [401, 404, 403, 200, 200]
            assert asked(method, f"{OF_REPO}/x") == expected, method
        for path in (f"/api/repos/{SLUG}/encrypt", f"/api/repos/{SLUG}/encrypt/secret"):
            assert asked("POST", path) == [401, 404, 403, 200, 200]

        assert asked("GET", OF_NAMESPACE) == [401, 403, 403, 200, 200]
        assert asked("POST", OF_NAMESPACE) == [401, 403, 403, 403, 200]
        for method in ("PATCH", "PUT", "POST", "GET", "DELETE"):
            allowed = {"GET": [200, 200], "DELETE": [403, 204]}.get(method, [403, 200])
            assert asked(method, f"{OF_NAMESPACE}/x") == [401, 403, 403, *allowed], method
        assert asked("GET", "/api/secrets") == [401, 403, 403, 403, 403]
        assert asked("POST", "/api/secrets/person1") == [401, 403, 200, 403, 403]


@pytest.mark.parametrize("path", [f"/api/repos/{SLUG}/encrypt", f"/api/repos/{SLUG}/encrypt/secret"])
@pytest.mark.parametrize("text", ["s3cret", "", "☃\n" * 1000])
def test_a_value_is_encrypted_afresh_each_time(server: Server, path: str, text: str) -> None:
    answers = [server.json("POST", path, json={"name": "x", "data": text, "pull_request": 5}) for _ in range(2)]

    assert answers[0].keys() == {"data"}
    assert answers[0] != answers[1]
    assert decrypt(answers[0]["data"], "0" * 32) == ""


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"data": 5}', b'{"data": "hush-hush\\u0000"}', b"\xff"])
def test_what_cannot_be_encrypted_is_a_400(server: Server, body: bytes) -> None:
    answer = server.ask("POST", f"/api/repos/{SLUG}/encrypt", content=body)

    assert (answer.status_code, "hush-hush" in answer.text) == (400, False)


def _keep(server: Server) -> None:
    """The secrets of VALUES, those of the namespace first."""
    for name in ("shared", "BOTH", "own", "both", "open"):
        path = OF_NAMESPACE if name in ("shared", "BOTH") else OF_REPO
        server.json("POST", path, json={"name": name, "data": "soon something else"})
        changes = {"data": VALUES[name], "pull_request": name in ("open", "BOTH")}
        server.json("PATCH", f"{path}/{name}", json=changes)


def _write(site: tuple[Server, Repository]) -> str:
    """Commit a pipeline file with an encrypted value; the commit."""
    server, repository = site
    data = server.json("POST", f"/api/repos/{SLUG}/encrypt", json={"data": VALUES["inline"]})["data"]
    document = f"---\nkind: secret\nname: inline\ndata: {data}\n"
    return repository.commit({".drone.yml": PIPELINE + document})


def _lengths(server: Server, build: Any) -> dict[str, int]:
    """How long each variable of the step was."""
    assert server.finished(SLUG, build["number"])["status"] == "success"
    shown = server.output(SLUG, build["number"])
    assert not [value for value in VALUES.values() if value in shown]
    lines = [line.strip("<>").split() for line in shown.splitlines() if line.startswith("<")]
    return {name: int(length) for name, length in lines}


def test_a_step_sees_its_values_and_its_log_does_not(site: tuple[Server, Repository], server: Server) -> None:
    sha = _write(site)
    _keep(server)

    build = server.push(SLUG, sha).json()

    assert _lengths(server, build) == ALL
    named = " ".join(f"[secret:{name}]" for name in ("own", "shared", "both", "open", "inline"))
    assert named in server.output(SLUG, build["number"])


def test_a_pull_request_sees_what_is_meant_for_it(site: tuple[Server, Repository], server: Server) -> None:
    sha = _write(site)
    _keep(server)
    hidden = dict.fromkeys(ALL, 0) | {"OPEN": ALL["OPEN"], "BOTH": len(VALUES["BOTH"])}

    build = server.push(SLUG, sha, ref="refs/pull/7/head").json()
    assert build["event"] == "pull_request"
    assert _lengths(server, build) == hidden | {"INLINE": ALL["INLINE"]}

    server.execute(f"UPDATE builds SET source_repo = 'eve/fork' WHERE id = {build['id']}")
    fork = server.json("POST", f"{BUILDS}/{build['number']}")
    assert (fork["event"], fork["source_repo"]) == ("pull_request", "eve/fork")
    assert _lengths(server, fork) == hidden


def test_no_value_shows_anywhere(site: tuple[Server, Repository], server: Server) -> None:
    sha = _write(site)
    _keep(server)
    heard: list[str] = []
    with ThreadPoolExecutor(1) as thread:
        listening = thread.submit(_listen, server, heard)
        server.until(lambda: heard, "the stream is open")
        build = server.json("POST", BUILDS, params={"commit": sha, "WAIT": "1"})
        server.finished(SLUG, build["number"])
        server.json("POST", f"{BUILDS}/{build['number']}", params={"debug": "true"})
        server.finished(SLUG, build["number"] + 1)
        listening.result()
    value = VALUES["own"]
    refused = [
        server.ask("POST", OF_REPO, json={"name": "own", "data": value}),
        server.ask("POST", OF_REPO, json={"name": "not a name", "data": value}),
        server.ask("PATCH", f"{OF_REPO}/nope", json={"data": value}),
        server.ask("PUT", f"{OF_REPO}/own", content=json.dumps({"data": value})[:-1]),
        server.ask("PUT", f"{OF_REPO}/own", json={"data": [value], "pull_request": value}),
        server.ask("POST", f"{OF_NAMESPACE}/nope", json={"data": value}),
        server.ask("POST", f"/api/repos/{SLUG}/encrypt", json={"data": value, "name": value}),
    ]
    assert [answer.status_code for answer in refused] == [409, 400, 404, 400, 400, 404, 200]
    numbers = [build["number"], build["number"] + 1]
    shown = [answer.text for answer in refused] + heard
    paths = [OF_REPO, OF_NAMESPACE, "/api/secrets", BUILDS, f"/api/repos/{SLUG}", "/api/user/builds", "/metrics"]
    paths += [f"{BUILDS}/{n}" for n in numbers] + [f"{BUILDS}/{n}/logs/1/1" for n in numbers]
    shown += [server.ask("GET", path).text for path in paths]
    assert server.ask("POST", "/rpc/v2/ping", headers={"X-Drone-Token": RUNNERS}).status_code == 200
    kept = [path.read_bytes().decode(errors="replace") for path in server.data.rglob("*") if path.is_file()]
    log = server.log.read_text()

    assert '"level":"debug"' in log
    assert [text.count("[secret:own]") > 0 for text in heard] == [False, True, True]
    assert "Traceback" not in log
    for text in [*shown, *kept, log]:
        assert not [value for value in VALUES.values() if value in text], text[:2000]


def _listen(server: Server, heard: list[str]) -> None:
    """The live log of the next build's step, as a stream and as a list."""
    number = server.json("GET", f"/api/repos/{SLUG}")["counter"] + 1
    heard.append("")
    server.until(lambda: server.ask("GET", f"{BUILDS}/{number}/logs/1/1").status_code == 200, "the step has a log")
    heard.append(server.ask("GET", f"/api/stream/{SLUG}/{number}/1/1").text)
    heard.append(server.ask("GET", f"{BUILDS}/{number}/logs/1/1").text)
