"""Accounts, tokens, rights and secrets: what is kept, what is shown, what is refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository

VALUE = "a-secret-value-that-shows-nowhere"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("accounts")
    repository = Repository(folder / "hello-world")
    with Server(folder / "server", git_roots=str(folder)) as server:
        server.register(repository.url, default_branch="main")
        yield server


def test_nothing_on_the_disk_holds_a_token_or_a_secret(server: Server) -> None:
    made = server.json("POST", "/api/users", json={"login": "kim", "machine": True})
    chosen = server.json("POST", "/api/users", json={"login": "lee", "token": "chosen-by-an-administrator"})
    server.json("POST", "/api/repos/octocat/hello-world/secrets", json={"name": "key", "data": VALUE})
    signer = server.json("GET", "/api/repos/octocat/hello-world/hook")["key"]
    server.ask("GET", f"/api/user?access_token={made['token']}")
    server.ask("POST", "/api/user/token", data={"access_token": made["token"]})

    hidden = [made["token"], TOKEN, chosen["token"], VALUE, signer]

    assert chosen["token"] == "chosen-by-an-administrator"
    files = [path for path in [*server.data.rglob("*"), server.log] if path.is_file()]
    database = set() if postgres.SERVER else {"gantry.sqlite", "gantry.sqlite-wal"}
    assert database | {"server.log"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert not [text for text in hidden if text.encode() in content], path


def test_what_only_the_server_may_read_is_only_its_own(server: Server) -> None:
    for path in [server.data, *server.data.iterdir(), *(server.data / "keys").iterdir()]:
        if path.is_dir() or path.parent.name == "keys":
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_token_is_shown_when_it_is_made_and_never_again(server: Server) -> None:
    with server.account("ada") as ada:
        old = ada.headers["Authorization"].removeprefix("Bearer ")
        kept = ada.post("/api/user/token")
        fresh = ada.post("/api/user/token?rotate=true").json()

        assert kept.status_code == 200
        assert "token" not in kept.json()
        assert fresh["token"] != old
        assert ada.get("/api/user").status_code == 401
        ada.headers["Authorization"] = fresh["token"]
        assert "token" not in ada.get("/api/user").json()
        assert "token" not in ada.post("/api/user/token", params={"rotate": "yes"}).json()
        assert ada.post("/api/user/token", data={"rotate": "true"}).json()["token"] != fresh["token"]
        assert ada.get("/api/user").status_code == 401


def test_two_rotations_at_one_moment_leave_one_token(server: Server) -> None:
    with server.account("twice") as twice, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: twice.post("/api/user/token?rotate=true"), range(8)))

    assert {answer.status_code for answer in answers} <= {200, 401}
    tokens = [answer.json()["token"] for answer in answers if answer.status_code == 200]
    with server.visitor() as anyone:
        good = [t for t in tokens if anyone.get("/api/user", headers={"Authorization": t}).status_code == 200]
    assert len(good) == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"login": "ada lovelace"}, 400, "login"),
        ({"login": ""}, 400, "login"),
        ({"login": "a" * 51}, 400, "login"),
        ({"login": "x\0"}, 400, "login"),
        ({"login": 7}, 400, "login"),
        ({}, 400, "login"),
        ({"login": "good", "admin": "yes"}, 400, "admin"),
        ({"login": "good", "machine": 1}, 400, "machine"),
        ({"login": "good", "token": "short"}, 400, "token"),
        ({"login": "good", "token": "with a space in the middle"}, 400, "token"),
        ({"login": "good", "token": "x" * 501}, 400, "token"),
        ({"login": "good", "token": "not-ascii-enough-é"}, 400, "token"),
        ({"login": "good", "email": ["x"]}, 400, "email"),
        ({"login": "good", "email": "a\0b"}, 400, "email"),
        ({"login": "good", "email": "x" * 10_000}, 400, "email"),
    ],
)
def test_a_bad_account_is_refused_by_field(server: Server, body: Any, status: int, field: str) -> None:
    answer = server.ask("POST", "/api/users", json=body)

    assert answer.status_code == status
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_all_that_is_wrong_with_a_body_is_told_at_once(server: Server) -> None:
    answer = server.ask("POST", "/api/users", json={"login": "", "admin": 1, "machine": [], "token": "x"})

    assert sorted(error["field"] for error in answer.json()["errors"]) == ["admin", "login", "machine", "token"]


def test_logins_and_tokens_are_taken_once_in_any_letter_case(server: Server) -> None:
    with server.account("Grace"):
        again = server.ask("POST", "/api/users", json={"login": "gRACE"})
        stolen = server.ask("POST", "/api/users", json={"login": "thief", "token": TOKEN})

    assert (again.status_code, again.json()["code"]) == (409, "user_exists")
    assert (stolen.status_code, stolen.json()["code"]) == (409, "token_taken")
    assert TOKEN not in stolen.text


@pytest.mark.parametrize(
    ("given", "rights"),
    [
        ({"read": True}, (True, False, False)),
        ({"write": True}, (True, True, False)),
        ({"admin": True, "read": False}, (True, True, True)),
        ({}, (False, False, False)),
        ({"READ": True, "write": None, "other": 1}, (True, False, False)),
    ],
)
def test_rights_are_given_and_shown_and_taken(server: Server, given: Any, rights: tuple[bool, bool, bool]) -> None:
    path = "/api/repos/octocat/hello-world/collaborators/Mallory"
    server.ask("POST", "/api/users", json={"login": "mallory"})
    expected = dict(zip(("read", "write", "admin"), rights, strict=True))

    assert server.json("PUT", path, json=given) == expected
    listed = {row["login"]: row for row in server.json("GET", "/api/repos/octocat/hello-world/collaborators")}
    if any(rights):
        assert server.json("GET", path) == expected
        assert expected.items() <= listed["mallory"].items()
    else:
        assert server.ask("GET", path).status_code == 404
        assert "mallory" not in listed
    assert server.ask("DELETE", path).status_code == 204
    assert server.ask("DELETE", path).status_code == 204
    assert server.ask("GET", path).status_code == 404


@pytest.mark.parametrize("body", [{"read": "yes"}, {"write": 1}, [], "admin", None])
def test_wrong_rights_are_refused(server: Server, body: Any) -> None:
    answer = server.ask("PUT", "/api/repos/octocat/hello-world/collaborators/octocat", json=body)

    assert answer.status_code == 400
    assert server.json("GET", "/api/repos/octocat/hello-world/collaborators/octocat")["admin"] is True


def test_rights_of_nobody_are_a_404_that_names_him(server: Server) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = server.ask(method, "/api/repos/octocat/hello-world/collaborators/who", json={})
        assert (answer.status_code, answer.json()["message"]) == (404, "user who not found")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"namespace": "a/b"}, "namespace"),
        ({"namespace": ".."}, "namespace"),
        ({"name": "a b"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"visibility": "secret"}, "visibility"),
        ({"git_http_url": "file:///etc"}, "git_http_url"),
        ({"git_http_url": "http://example.com/x.git"}, "git_http_url"),
        ({"git_http_url": "https://user:hunter2@example.com/x.git"}, "git_http_url"),
        ({"git_http_url": "ext::sh -c date"}, "git_http_url"),
        ({"git_http_url": "--upload-pack=date"}, "git_http_url"),
        ({"git_http_url": ""}, "git_http_url"),
        ({"git_http_url": None}, "git_http_url"),
        ({"default_branch": "-x"}, "default_branch"),
        ({"default_branch": "a b"}, "default_branch"),
        ({"default_branch": "a\0b"}, "default_branch"),
        ({"config_path": "../.drone.yml"}, "config_path"),
        ({"config_path": "/etc/passwd"}, "config_path"),
        ({"config_path": "a//b"}, "config_path"),
        ({"config_path": ""}, "config_path"),
        ({"config_path": "a\nb"}, "config_path"),
        ({"config_path": "x" * 501}, "config_path"),
    ],
)
def test_a_bad_repository_is_refused_by_field(server: Server, changes: Any, field: str) -> None:
    url = f"file://{server.folder.parent}/hello-world"
    body = {"namespace": "octocat", "name": "other", "git_http_url": url, "default_branch": "main"} | changes

    answer = server.ask("POST", "/api/repos", json=body)

    assert answer.status_code == 400, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert "hunter2" not in answer.text
    assert server.ask("GET", "/api/repos/octocat/other").status_code == 404


def test_all_that_is_wrong_with_a_repository_is_told_at_once(server: Server) -> None:
    body = {"namespace": "", "name": "..", "git_http_url": "ftp://x/y", "default_branch": "a..b"}

    fields = [error["field"] for error in server.ask("POST", "/api/repos", json=body).json()["errors"]]

    assert fields == ["namespace", "name", "default_branch", "git_http_url"]


def test_a_repository_that_leads_nowhere_cannot_be_asked_for_its_branch(server: Server, tmp_path: Path) -> None:
    body = {"namespace": "octocat", "name": "void", "git_http_url": f"file://{server.folder.parent}/void"}

    answer = server.ask("POST", "/api/repos", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "repository_unreachable")


def test_of_many_that_register_one_name_one_succeeds(server: Server) -> None:
    url = f"file://{server.folder.parent}/hello-world"
    body = {"namespace": "octocat", "name": "popular", "git_http_url": url, "default_branch": "main"}

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: server.ask("POST", "/api/repos", json=body), range(8)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 7]
    repo = server.json("GET", "/api/repos/octocat/popular")
    assert repo["permissions"] == {"read": True, "write": True, "admin": True}
    assert (repo["active"], repo["config_path"], repo["visibility"]) == (True, ".drone.yml", "private")
