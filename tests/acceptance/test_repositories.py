"""Repositories over HTTP: settings, owner, switched off and on, repaired, and deleted without a trace."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.acceptance.server import Server, sleeping
from tests.scm.repository import Repository

PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps: [{name: a, commands: ["echo hello"]}]
"""
ENDLESS = PIPELINE.replace("echo hello", "echo begun; sleep 987")
SLUG = "octocat/hello-world"
REPO = f"/api/repos/{SLUG}"
SWITCHES = (
    "protected", "ignore_forks", "ignore_pull_requests", "auto_cancel_pull_requests", "auto_cancel_pushes",
    "auto_cancel_running",
)  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository(tmp_path_factory.mktemp("git") / "hello-world")
    made.commit({".drone.yml": PIPELINE})
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, repository: Repository) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("repositories")
    with Server(folder / "server", git_roots=str(repository.path.parent)) as server:
        server.register(repository.url, SLUG)
        server.finished(SLUG, server.push(SLUG, repository.git("rev-parse", "HEAD")).json()["number"])
        yield server


def changed(before: Any, after: Any) -> dict[str, Any]:
    """What differs, but for the time of the change; the version must have grown by one."""
    assert after["version"] == before["version"] + 1
    return {key: after[key] for key in after if after[key] != before.get(key) and key not in ("version", "updated")}


def plain(server: Server, slug: str = SLUG) -> Any:
    """The repository as lists show it."""
    return {key: value for key, value in server.json("GET", f"/api/repos/{slug}").items() if key != "permissions"}


def test_settings_are_changed_as_recorded(server: Server) -> None:
    given = {"timeout": 90, "visibility": "public", "config_path": "ci.yml", "ignore_forks": True, "throttle": 2}
    before = plain(server)

    first = server.json("PATCH", REPO, json=given)
    back = server.json("PATCH", REPO, json={key: before.get(key, 0) for key in given})

    assert changed(before, first) == given | {"private": False}
    assert first["updated"] >= before["updated"]
    assert "permissions" not in first
    assert changed(before | {"version": first["version"]}, back) == {}


def test_null_and_what_is_absent_is_left_alone(server: Server) -> None:
    before = plain(server)
    sent = {"timeout": 45, "visibility": "private", **dict.fromkeys(SWITCHES)}  # as Drone's client does

    assert changed(before, server.json("PATCH", REPO, json=sent)) == {"timeout": 45}
    assert changed(plain(server), server.json("PATCH", REPO, json={})) == {}
    assert server.json("PATCH", REPO, json={"TIMEOUT": 60, "unknown": 1, "active": False, "slug": "a/b"})["active"]


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_switched(server: Server, name: str) -> None:
    assert server.json("PATCH", REPO, json={name: True})[name] is True
    assert server.json("PATCH", REPO, json={name: False})[name] is False


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"visibility": "weird"}, ["visibility"]),
        ({"visibility": "Public"}, ["visibility"]),
        ({"visibility": ""}, ["visibility"]),
        ({"config_path": "../x"}, ["config_path"]),
        ({"config_path": ""}, ["config_path"]),
        ({"config_path": "a\nb"}, ["config_path"]),
        ({"config_path": "x" * 501}, ["config_path"]),
        ({"timeout": "long"}, ["timeout"]),
        ({"timeout": 0}, ["timeout"]),
        ({"timeout": -5}, ["timeout"]),
        ({"timeout": 1.5}, ["timeout"]),
        ({"timeout": 10**30}, ["timeout"]),
        ({"throttle": -1}, ["throttle"]),
        ({"throttle": 2**63}, ["throttle"]),
        ({"counter": -1}, ["counter"]),
        ({"counter": 2**63}, ["counter"]),
        ({"counter": 0}, ["counter"]),
        ({"protected": "yes"}, ["protected"]),
        ({"trusted": 1, "ignore_forks": [], "timeout": 0}, ["ignore_forks", "timeout", "trusted"]),
        ([{"timeout": 1}], [""]),
    ],
)
def test_bad_settings_are_refused_by_field_and_nothing_is_changed(server: Server, body: Any, fields: list[str]) -> None:
    before = plain(server)

    answer = server.ask("PATCH", REPO, json=body)

    assert answer.status_code == 400
    assert sorted(error["field"] for error in answer.json()["errors"]) == fields
    assert plain(server) == before


def test_a_visibility_that_is_none_is_told_which_there_are(server: Server) -> None:
    message = server.ask("PATCH", REPO, json={"visibility": "weird"}).json()["message"]

    assert all(word in message for word in ("visibility", "public", "private", "internal"))


def test_what_only_the_servers_administrators_may_set_is_ignored_from_others(server: Server) -> None:
    with server.account("keeper") as keeper, server.account("writer") as writer:
        for login, right in (("keeper", "admin"), ("writer", "write")):
            server.json("PUT", f"{REPO}/collaborators/{login}", json={right: True})
        before = plain(server)
        given = {"trusted": True, "timeout": 5, "throttle": 9, "counter": 500, "ignore_forks": True}

        after = keeper.patch(REPO, json=given).json()
        low = keeper.patch(REPO, json={"counter": 0, "ignore_forks": False})

        assert changed(before, after) == {"ignore_forks": True}
        assert (low.status_code, low.json()["ignore_forks"]) == (200, False)
        assert {writer.patch(REPO, json=given).status_code for _ in range(2)} == {403}


def test_all_of_this_is_for_administrators_of_the_repository(server: Server) -> None:
    asked = [
        ("PATCH", ""),
        ("POST", ""),
        ("DELETE", ""),
        ("DELETE", "?remove=true"),
        ("POST", "/chown"),
        ("POST", "/repair"),
    ]
    before = plain(server)
    with server.account("stranger") as stranger, server.account("reader") as reader, server.visitor() as nobody:
        server.json("PUT", f"{REPO}/collaborators/reader", json={"read": True})
        for method, rest in asked:
            found = [c.request(method, REPO + rest, json={}).status_code for c in (nobody, stranger, reader)]
            assert found == [401, 404, 403], (method, rest)
            assert server.ask(method, f"/api/repos/octocat/nothing{rest}", json={}).status_code == 404

    assert plain(server) == before


def test_a_repository_is_switched_off_and_on(server: Server, repository: Repository) -> None:
    before, sha = plain(server), repository.git("rev-parse", "HEAD")

    off = server.json("DELETE", REPO)
    ignored = server.push(SLUG, sha)
    promoted = server.finished(SLUG, server.promote(SLUG)["number"])
    with server.account("keeper2") as keeper:
        server.json("PUT", f"{REPO}/collaborators/keeper2", json={"admin": True})
        on = keeper.post(REPO).json()
        assert on["user_id"] == keeper.get("/api/user").json()["id"]
    built = server.push(SLUG, sha).json()
    server.finished(SLUG, built["number"])
    back = server.json("POST", f"{REPO}/chown")

    assert changed(before, off) == {"active": False}
    assert ignored.status_code == 200
    assert ignored.json()["message"] == f"the repository is disabled: gantry repo enable {SLUG}"
    assert promoted["status"] == "success"
    assert (on["active"], back["user_id"]) == (True, before["user_id"])
    assert built["number"] == promoted["number"] + 1
    assert server.json("DELETE", REPO)["active"] is server.json("DELETE", REPO)["active"] is False
    assert server.json("POST", REPO)["active"] is server.json("POST", REPO)["active"] is True


def test_a_repair_takes_the_default_branch_of_the_host(server: Server, repository: Repository) -> None:
    before = plain(server)
    repository.git("branch", "trunk")
    repository.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    try:
        repaired = server.json("POST", f"{REPO}/repair")
        assert changed(before | {"synced": repaired["synced"]}, repaired) == {"default_branch": "trunk"}
    finally:
        repository.git("symbolic-ref", "HEAD", "refs/heads/main")
    assert server.json("POST", f"{REPO}/repair")["default_branch"] == "main"


def test_a_repository_out_of_reach_cannot_be_repaired(server: Server, repository: Repository) -> None:
    slug = server.register(f"{repository.url}-gone", "octocat/gone", default_branch="main")

    answer = server.ask("POST", f"/api/repos/{slug}/repair")

    assert (answer.status_code, answer.json()["code"]) == (422, "repository_unreachable")
    assert plain(server, slug)["default_branch"] == "main"


def test_numbers_leap_forward_and_never_back(server: Server, repository: Repository) -> None:
    slug = server.register(repository.url, "octocat/leaps", visibility="public")
    badge = f"/api/badges/{slug}/cc.xml"
    assert server.ask("GET", badge).status_code == 404
    first = server.push(slug, repository.git("rev-parse", "HEAD")).json()["number"]
    server.finished(slug, first)

    assert server.json("PATCH", f"/api/repos/{slug}", json={"counter": 100})["counter"] == 100
    low = server.ask("PATCH", f"/api/repos/{slug}", json={"counter": 99})
    assert (low.status_code, low.json()["code"]) == (400, "counter_goes_back")
    assert "100" in low.json()["message"]
    assert f'lastBuildLabel="{first}"' in server.ask("GET", badge).text
    latest = {repo["slug"]: repo for repo in server.json("GET", "/api/user/repos?latest=true")}
    assert latest[slug]["build"]["number"] == first
    assert server.promote(slug)["number"] == 101
    server.finished(slug, 101)
    feed = [repo["build"]["number"] for repo in server.json("GET", "/api/user/builds") if repo["slug"] == slug]
    assert feed == [101, first]


def traces(server: Server, repo_id: int) -> list[str]:
    """Mirrors of a repository in the data folder, and logs of all."""
    logs = [path.name for path in (server.data / "logs").rglob("*.*")]
    return sorted(logs + [path.name for path in (server.data / "mirrors").glob(f"{repo_id}.*")])


def test_a_repository_is_deleted_without_a_trace_while_it_runs(server: Server, repository: Repository) -> None:
    sha = repository.commit({"endless.yml": ENDLESS})
    slug = server.register(repository.url, "octocat/doomed", config_path="endless.yml")
    path, before = f"/api/repos/{slug}", traces(server, 0)
    server.json("POST", f"{path}/secrets", json={"name": "key", "data": "value"})
    for _ in range(4):  # more than the runner takes at once
        server.push(slug, sha)
    server.running(slug, 1, shows="begun")
    repo_id = plain(server, slug)["id"]
    assert f"{repo_id}.git" in traces(server, repo_id)

    with server.client.stream("GET", f"/api/stream/{slug}/1/1/1") as following:
        removed = server.json("DELETE", f"{path}?remove=true")
        assert following.read().endswith(b"event: error\ndata: eof\n\n")

    assert (removed["slug"], removed["active"], removed["counter"]) == (slug, False, 4)
    for rest in ("", "/builds", "/builds/1", "/secrets"):
        assert server.ask("GET", path + rest).status_code == 404
    assert server.ask("DELETE", f"{path}?remove=true").status_code == 404
    server.until(lambda: not sleeping("987"), "the steps are ended")
    server.until(lambda: traces(server, repo_id) == before, "nothing is left of it")
    assert not re.search(r"\b(ERROR|Traceback)\b", server.log.read_text())
    again = server.register(repository.url, slug)
    number = server.push(slug, sha).json()["number"]
    assert (again, number) == (slug, 5)
    assert server.finished(slug, number)["status"] == "success"
    assert server.json("GET", f"{path}/secrets") == []


def test_of_many_who_delete_at_one_moment_one_does(server: Server, repository: Repository) -> None:
    slug = server.register(repository.url, "octocat/popular", default_branch="main")

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: server.ask("DELETE", f"/api/repos/{slug}?remove=true"), range(6)))

    assert sorted(answer.status_code for answer in answers) == [200, *[404] * 5]


@pytest.mark.parametrize("value", ["false", "1", "", "TRUE"])
def test_only_the_word_true_deletes(server: Server, value: str) -> None:
    assert server.json("DELETE", f"{REPO}?remove={value}")["active"] is False
    assert server.json("POST", REPO)["active"] is True
