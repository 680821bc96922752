"""Accounts over HTTP: changed, renewed, removed, and always one left who administers the server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("users")
    repository = Repository(folder / "hello-world")
    with Server(folder / "server", git_roots=str(folder)) as server:
        server.register(repository.url, default_branch="main", visibility="public")
        yield server


def put_rights(server: Server, slug: str, login: str, right: str) -> None:
    server.json("PUT", f"/api/repos/{slug}/collaborators/{login}", json={right: True})


def test_what_drones_client_sends_for_a_new_account_makes_one(server: Server) -> None:
    empty = {"email": "", "avatar_url": "", "token": "", "active": False, "admin": False, "machine": False}
    numbers = dict.fromkeys(("id", "synced", "created", "updated", "last_login"), 0)

    made = server.json("POST", "/api/users", json={"login": "bob", "syncing": False, **empty, **numbers})

    shown = server.json("GET", "/api/users/bob")
    assert made == shown | {"token": made["token"]}
    assert (shown["active"], shown["admin"], shown["machine"]) == (True, False, False)
    assert len(made["token"]) == 32
    assert server.ask("DELETE", "/api/users/bob").status_code == 204
    gone = server.ask("DELETE", "/api/users/bob")
    assert (gone.status_code, gone.json()["message"]) == (404, "user bob not found")


def test_an_account_is_changed_as_recorded(server: Server) -> None:
    with server.account("alice", machine=True):
        before = server.json("GET", "/api/users/alice")

    after = [server.json("PATCH", "/api/users/alice", json={"admin": admin}) for admin in (True, False)]

    unlike = [{key for key in before if one[key] != before[key]} - {"updated"} for one in after]
    assert unlike == [{"admin"}, set()]


@pytest.mark.parametrize("name", ["Carol", "carol", "CAROL", "{id}"])
def test_an_account_is_named_by_login_or_id(server: Server, name: str) -> None:
    carol = server.ask("POST", "/api/users", json={"login": "Carol"})
    shown = server.json("GET", "/api/users/Carol")
    path = f"/api/users/{name.format(id=shown['id'])}"

    assert carol.status_code in (200, 409)
    assert server.json("GET", path) == shown
    assert server.json("GET", path + "/") == shown
    assert server.json("GET", path + "/repos") == []
    assert server.json("PATCH", path, json={"email": "c@example.com"})["email"] == "c@example.com"
    assert server.json("PATCH", path, json={"admin": None})["email"] == "c@example.com"
    assert server.json("PATCH", path, json={"EMAIL": ""})["email"] == ""


@pytest.mark.parametrize("name", ["nobody", "0", "99999", "9" * 30, "-1", "%00", "..%2f", "%F0%9F%A6%80", "a%20b", "'"])
def test_an_account_that_is_not_there_is_not_found(server: Server, name: str) -> None:
    for method, rest in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/token/rotate"), ("GET", "/repos")):
        status, body = server.ask_plainly(method, f"/api/users/{name}{rest}", b"{}")
        assert status in (404, 400 if name == "%00" else 404), (method, rest, body)
        assert "not found" in body["message"].lower() or status == 400


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"admin": "yes"}, ["admin"]),
        ({"active": 1, "admin": []}, ["active", "admin"]),
        ({"email": 5}, ["email"]),
        ({"email": "a\nb"}, ["email"]),
        ({"email": "x" * 251}, ["email"]),
        ([], [""]),
        (7, [""]),
    ],
)
def test_a_bad_change_is_refused_by_field(server: Server, body: Any, fields: list[str]) -> None:
    answer = server.ask("PATCH", "/api/users/octocat", json=body)

    assert answer.status_code == 400
    assert sorted(error["field"] for error in answer.json()["errors"]) == fields


@pytest.mark.parametrize("content", [b"", b"{", b'{"admin":', b"\xff", b"null"])
def test_a_change_that_is_no_object_is_refused(server: Server, content: bytes) -> None:
    for path in ("/api/users/octocat", "/api/user"):
        assert server.ask("PATCH", path, content=content).status_code == 400
    assert server.json("GET", "/api/user")["admin"] is True


def test_one_changes_ones_own_email_and_nothing_else(server: Server) -> None:
    with server.account("dave") as dave:
        given = {"email": "dave@example.com", "admin": True, "active": False, "login": "root"}
        changed = dave.patch("/api/user", json=given)
        kept = dave.patch("/api/user", json={})
        bad = dave.patch("/api/user", json={"email": "x" * 300})
        cleared = dave.patch("/api/user", json={"email": ""})

    assert (changed.status_code, changed.json()["email"]) == (200, "dave@example.com")
    assert (changed.json()["login"], changed.json()["admin"], changed.json()["active"]) == ("dave", False, True)
    assert kept.json()["email"] == "dave@example.com"
    assert (bad.status_code, cleared.json()["email"]) == (400, "")


def test_an_administrator_renews_the_token_of_another(server: Server) -> None:
    with server.account("erin") as erin:
        fresh = server.json("POST", "/api/users/ERIN/token/rotate")

        assert erin.get("/api/user").status_code == 401
        erin.headers["Authorization"] = f"Bearer {fresh['token']}"
        assert erin.get("/api/user").json() == {key: value for key, value in fresh.items() if key != "token"}


def test_all_of_this_is_for_administrators(server: Server) -> None:
    asked = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/token/rotate"), ("GET", "/repos")]
    with server.account("frank") as frank, server.visitor() as nobody:
        for method, rest in asked:
            for name in ("octocat", "frank", "who"):
                path = f"/api/users/{name}{rest}"
                statuses = [client.request(method, path, json={}).status_code for client in (nobody, frank)]
                assert statuses == [401, 403], (method, path)
        for method, path in (("PATCH", "/api/user"), ("POST", "/api/user/repos"), ("GET", "/api/user/remote/repos")):
            assert nobody.request(method, path, json={}).status_code == 401

    assert server.json("GET", "/api/users/frank")["active"] is True


def test_an_inactive_account_may_nothing_and_owns_nothing(server: Server) -> None:
    with server.account("grace", admin=True) as grace, server.account("heidi") as heidi:
        slug = server.register(f"file://{server.folder.parent}/hello-world", "grace/tool", default_branch="main")
        put_rights(server, slug, "grace", "admin")
        assert grace.post(f"/api/repos/{slug}/chown").json()["user_id"] == grace.get("/api/user").json()["id"]
        put_rights(server, slug, "heidi", "admin")
        server.ask("DELETE", f"/api/repos/{slug}/collaborators/octocat")

        left = server.json("PATCH", "/api/users/grace", json={"active": False, "admin": True})

        assert (left["active"], left["admin"]) == (False, False)
        assert {grace.get(path).status_code for path in ("/api/user", "/api/users", f"/api/repos/{slug}")} == {403}
        assert server.json("GET", f"/api/repos/{slug}")["user_id"] == heidi.get("/api/user").json()["id"]
        back = server.json("PATCH", "/api/users/grace", json={"active": True})
        assert (back["active"], back["admin"]) == (True, False)
        assert grace.get("/api/user").status_code == 200
        assert server.ask("DELETE", "/api/users/heidi").status_code == 204
        assert heidi.get("/api/user").status_code == 401
        assert server.json("GET", f"/api/repos/{slug}")["user_id"] == server.json("GET", "/api/users/grace")["id"]
        assert server.ask("DELETE", "/api/users/grace").status_code == 204
        assert server.json("GET", f"/api/repos/{slug}")["user_id"] == 0


def test_an_account_that_comes_back_has_no_rights_of_the_old_one(server: Server) -> None:
    with server.account("ivan"):
        put_rights(server, "octocat/hello-world", "ivan", "admin")
    server.ask("DELETE", "/api/users/ivan")

    with server.account("ivan") as ivan:
        assert server.ask("GET", "/api/repos/octocat/hello-world/collaborators/ivan").status_code == 404
        assert ivan.get("/api/repos/octocat/hello-world/hook").status_code == 404


def test_repositories_of_an_account_are_those_it_has_rights_in(server: Server) -> None:
    url = f"file://{server.folder.parent}/hello-world"
    with server.account("judy") as judy:
        for slug, right in (("judy/b", "read"), ("judy/a", "admin")):
            server.register(url, slug, default_branch="main")
            put_rights(server, slug, "judy", right)

        mine = judy.get("/api/user/repos").json()
        assert [repo["slug"] for repo in mine] == ["judy/a", "judy/b"]
        assert server.json("GET", "/api/users/judy/repos") == mine
        assert judy.post("/api/user/repos").json() == mine
        assert judy.post("/api/user/repos?async=false").json() == mine
        later = judy.post("/api/user/repos?async=true")
        assert (later.status_code, later.content) == (204, b"")


def test_what_the_host_tells_of_repositories_is_what_is_registered(server: Server) -> None:
    url = f"file://{server.folder.parent}/hello-world"
    server.register(url, "kim/secret", default_branch="main")
    path = "/api/user/remote/repos"
    with server.account("kim") as kim, server.visitor() as nobody:
        assert kim.get(path).json() == []
        assert kim.get(f"{path}/kim/secret").status_code == kim.get(f"{path}/kim/nothing").status_code == 404
        public = kim.get(f"{path}/octocat/hello-world").json()
        assert public["permissions"] == {"read": True, "write": False, "admin": False}
        assert nobody.get(f"{path}/octocat/hello-world").status_code == 401
        put_rights(server, "kim/secret", "kim", "write")
        mine = kim.get(f"{path}/kim/secret").json()
        assert (mine["slug"], mine["permissions"]["write"]) == ("kim/secret", True)
        server.ask("DELETE", "/api/repos/kim/secret/collaborators/octocat")
        assert server.json("GET", f"{path}/kim/secret")["permissions"] == dict.fromkeys(
            ("read", "write", "admin"), True
        )


def test_the_last_administrator_stays(server: Server) -> None:
    for user in server.json("GET", "/api/users"):
        if user["admin"] and user["login"] != "octocat":
            server.json("PATCH", f"/api/users/{user['login']}", json={"admin": False})
    refused = [
        server.ask("PATCH", "/api/users/octocat", json={"admin": False}),
        server.ask("PATCH", "/api/users/octocat", json={"active": False, "email": "x"}),
        server.ask("DELETE", "/api/users/octocat"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(409, "last_administrator")}
    assert server.json("GET", "/api/user")["email"] == ""


def test_of_two_administrators_who_remove_each_other_one_stays(server: Server) -> None:
    with (
        server.visitor({"Authorization": f"Bearer {TOKEN}"}) as octocat,
        server.account("mallory", admin=True) as other,
    ):

        def ask(asked: tuple[httpx2.Client, str]) -> int:
            client, login = asked
            return client.patch(f"/api/users/{login}", json={"admin": False}).status_code

        with ThreadPoolExecutor(2) as threads:
            statuses = list(threads.map(ask, [(octocat, "mallory"), (other, "octocat")]))

        assert statuses.count(200) == 1
        assert set(statuses) <= {200, 403, 409}
        if octocat.get("/api/users").status_code == 403:
            other.patch("/api/users/octocat", json={"admin": True})
        octocat.patch("/api/users/mallory", json={"admin": False})
        assert [user["login"] for user in octocat.get("/api/users").json() if user["admin"]] == ["octocat"]
