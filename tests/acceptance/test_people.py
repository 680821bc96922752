"""Accounts, groups and tokens as clients of Artifactory ask for them (contract artifactory-storage 1.1)."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from pyartifactory import Artifactory
from pyartifactory.models import Group, NewUser, User
from pydantic import SecretStr

from tests.acceptance.server import TOKEN, Server

SECURITY = "/artifactory/api/security"
TOKENS = "/access/api/v1/tokens"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("people")) as made:
        yield made


@pytest.fixture
def client(server: Server) -> Artifactory:
    return Artifactory(f"{server.url}/artifactory", ("octocat", SecretStr(TOKEN)))


def person(server: Server, **more: Any) -> tuple[str, str]:
    """Login and password of a new account."""
    login, password = f"p{uuid4().hex[:8]}", uuid4().hex
    answer = server.client.put(f"{SECURITY}/users/{login}", json={"password": password, "email": "a@b.org", **more})
    assert answer.status_code == 201
    return login, password


def by(server: Server, login: str, password: str) -> httpx2.Client:
    return httpx2.Client(base_url=server.url, auth=(login, password))


def bearer(server: Server, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"})


def claims(token: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def test_the_command_line_gets_a_jwt_for_its_password(server: Server) -> None:
    login, password = person(server)
    form = "expires_in=3600&refreshable=true&scope=member-of-groups%3A%2A&username=" + login
    with by(server, login, password) as mine:
        answer = mine.post(
            f"{SECURITY}/token", content=form, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
    body = answer.json()

    assert answer.status_code == 200
    assert (body["expires_in"], body["token_type"], body["scope"]) == (3600, "Bearer", "member-of-groups:* api:*")
    assert claims(body["access_token"])["sub"].endswith(f"/users/{login}")
    assert claims(body["access_token"])["exp"] - claims(body["access_token"])["iat"] == 3600
    with bearer(server, body["access_token"]) as issued:
        assert issued.get("/api/user").json()["login"] == login


def test_a_refresh_token_is_good_once_and_ends_the_old_token(server: Server) -> None:
    login, password = person(server)
    with by(server, login, password) as mine:
        old = mine.post(TOKENS, json={"expires_in": 60, "refreshable": True}).json()
    form = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"], "access_token": old["access_token"]}
    with httpx2.Client(base_url=server.url) as stranger:
        new = stranger.post(f"{SECURITY}/token", data=form)
        again = stranger.post(f"{SECURITY}/token", data=form)

    assert (new.status_code, new.json()["expires_in"], again.status_code) == (200, 60, 401)
    assert new.json()["refresh_token"] != old["refresh_token"]
    with bearer(server, old["access_token"]) as before, bearer(server, new.json()["access_token"]) as after:
        assert (before.get("/api/user").status_code, after.get("/api/user").status_code) == (401, 200)


def test_an_expired_token_in_the_head_does_not_hinder_a_refresh(server: Server) -> None:
    login, password = person(server)
    with by(server, login, password) as mine:
        old = mine.post(TOKENS, json={"expires_in": 60, "refreshable": "true"}).json()
    with bearer(server, "eyJ.over.x") as late:
        answer = late.post(TOKENS, data={"grant_type": "refresh_token", "refresh_token": old["refresh_token"]})

    assert answer.status_code == 200


def test_nobody_gets_a_token_for_another_or_for_more(server: Server) -> None:
    login, password = person(server)
    with by(server, login, password) as mine:
        reading = mine.post(TOKENS, data={"scope": "read"}).json()["access_token"]
        refused = [
            mine.post(TOKENS, data={"username": "octocat"}),
            mine.post(TOKENS, data={"scope": "applied-permissions/admin"}),
        ]
    with bearer(server, reading) as lesser:
        refused += [lesser.post(TOKENS, data={"scope": "admin"}), lesser.post(TOKENS, data={"scope": "deploy"})]
        same = lesser.post(TOKENS, data={"expires_in": "0"})

    assert [answer.status_code for answer in refused] == [403] * 4
    assert (same.status_code, same.json()["scope"]) == (200, "read")
    assert same.json()["expires_in"] <= 3600


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"scope": "everything"}, "scope"),
        ({"expires_in": "soon"}, "expires_in"),
        ({"expires_in": "-1"}, "expires_in"),
        ({"expires_in": "9" * 30}, "expires_in"),
        ({"username": "nobody-of-that-name"}, "username"),
    ],
)
def test_what_is_wrong_with_a_request_for_a_token_is_named(server: Server, said: dict[str, str], field: str) -> None:
    answer = server.client.post(TOKENS, data=said)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith(field)


def test_an_administrator_issues_and_revokes_tokens_of_others(server: Server) -> None:
    login, _ = person(server)
    made = server.client.post(TOKENS, json={"username": login, "expires_in": 0, "scope": "deploy"}).json()
    listed = {token["token_id"]: token for token in server.client.get(TOKENS).json()["tokens"]}
    with bearer(server, made["access_token"]) as theirs:
        assert theirs.get("/api/user").json()["login"] == login
        assert [token["token_id"] for token in theirs.get(TOKENS).json()["tokens"]] == [made["token_id"]]

        assert "expires_in" not in made
        assert listed[made["token_id"]]["subject"].endswith(f"/users/{login}")
        assert server.client.get(f"{TOKENS}/{made['token_id']}").json()["scope"] == "deploy"
        assert server.client.delete(f"{TOKENS}/{made['token_id']}").status_code == 200
        assert theirs.get("/api/user").status_code == 401
    assert server.client.delete(f"{TOKENS}/{made['token_id']}").status_code == 404
    verbs = [row["verb"] for row in server.client.get("/api/audit", params={"verb": "token.delete"}).json()]
    assert "token.delete" in verbs


def test_nobody_sees_or_revokes_tokens_of_another(server: Server) -> None:
    login, password = person(server)
    token_id = server.client.post(TOKENS, json={}).json()["token_id"]
    with by(server, login, password) as mine:
        assert mine.get(TOKENS).json() == {"tokens": []}
        assert mine.get(f"{TOKENS}/{token_id}").status_code == 404
        assert mine.delete(f"{TOKENS}/{token_id}").status_code == 404


def test_a_token_revokes_none_that_is_good_for_more(server: Server) -> None:
    login, password = person(server)
    with by(server, login, password) as mine:
        small, other, large = (mine.post(TOKENS, json={"scope": scope}).json() for scope in ("read", "read", "deploy"))
        with bearer(server, small["access_token"]) as client:
            refused = client.delete(f"{TOKENS}/{large['token_id']}")
            also = client.post(f"{SECURITY}/token/revoke", data={"token_id": large["token_id"]})
            equal = client.delete(f"{TOKENS}/{other['token_id']}")
            itself = client.delete(f"{TOKENS}/{small['token_id']}")

        assert (refused.status_code, also.status_code, equal.status_code, itself.status_code) == (403, 403, 200, 200)
        assert "the scope deploy is needed" in refused.json()["errors"][0]["message"]
        assert [token["token_id"] for token in mine.get(TOKENS).json()["tokens"]] == [large["token_id"]]


def test_a_token_with_an_end_gets_no_refresh_token(server: Server) -> None:
    """Else it would have no end."""
    login, password = person(server)
    with by(server, login, password) as mine:
        first = mine.post(TOKENS, json={"scope": "deploy", "expires_in": 60}).json()
    with bearer(server, first["access_token"]) as client:
        second = client.post(TOKENS, json={"refreshable": True, "expires_in": 3600}).json()

    assert "refresh_token" not in second
    assert second["expires_in"] <= 60


@pytest.mark.parametrize("name", ["jwt-x", "JWT-x", "api-key"])
def test_a_named_token_does_not_look_like_one_that_was_issued(server: Server, name: str) -> None:
    login, password = person(server)
    with by(server, login, password) as mine:
        answer = mine.post("/api/user/tokens", json={"name": name, "scope": "read"})

    assert answer.status_code == 400
    assert "which the server itself uses" in answer.json()["errors"][0]["message"]


def test_an_encrypted_password_is_good_as_a_password(server: Server, client: Artifactory) -> None:
    answer = server.client.get(f"{SECURITY}/encryptedPassword", headers={"Accept": "text/plain"})

    assert answer.status_code == 200
    with by(server, "octocat", answer.text) as mine:
        assert mine.get("/artifactory/api/security/users").status_code == 200
    assert client.security.get_encrypted_password().password.get_secret_value() == answer.text


def test_users_through_a_client(client: Artifactory, server: Server) -> None:
    login = f"u{uuid4().hex[:8]}"
    made = client.users.create(NewUser(name=login, password=SecretStr("a password"), email="u@example.org"))

    assert (made.name, made.email, made.admin, made.groups) == (login, "u@example.org", False, [])
    assert login in [user.name for user in client.users.list()]
    client.groups.create(Group(name=f"of-{login}", description="d"))
    changed = client.users.update(User(name=login, email="v@example.org", groups=[f"of-{login}"], admin=True))
    assert (changed.email, changed.groups, changed.admin) == ("v@example.org", [f"of-{login}"], True)
    client.users.unlock(login)
    with by(server, login, "a password") as mine:
        assert mine.get("/api/user").status_code == 200
    client.users.delete(login)
    assert login not in [user.name for user in client.users.list()]


def test_groups_through_a_client(client: Artifactory, server: Server) -> None:
    login, _ = person(server)
    name = f"g{uuid4().hex[:8]}"
    made = client.groups.create(Group(name=name, description="who deploys", userNames=[login]))

    assert (made.description, made.userNames, made.autoJoin) == ("who deploys", [login], False)
    assert client.users.get(login).groups == [name]
    assert client.groups.update(Group(name=name, description="other", userNames=[])).userNames == []
    assert name in [group.name for group in client.groups.list()]
    client.groups.delete(name)
    assert client.users.get(login).groups == []


def test_new_accounts_join_the_groups_that_say_so(client: Artifactory, server: Server) -> None:
    name = f"g{uuid4().hex[:8]}"
    client.groups.create(Group(name=name, autoJoin=True))
    login, _ = person(server)
    other = f"p{uuid4().hex[:8]}"
    server.client.post("/api/users", json={"login": other})

    for account in (login, other):
        assert name in (client.users.get(account).groups or [])
    client.groups.delete(name)


def test_groups_and_passwords_of_an_account_are_recorded(client: Artifactory, server: Server) -> None:
    first, second = (f"g{uuid4().hex[:8]}" for _ in range(2))
    for name in (first, second, second):
        server.client.put(f"{SECURITY}/groups/{name}", json={})
    login, _ = person(server, groups=[first])
    server.client.post(f"{SECURITY}/users/{login}", json={"groups": [second], "password": uuid4().hex})
    server.client.post(f"{SECURITY}/users/{login}", json={"email": "b@b.org"})

    assert recorded(server, login) == [
        ("account.create", {}, {"login": login, "email": "a@b.org", "active": True}),
        ("account.update", {}, {"groups": [first]}),
        ("account.rotate", {}, {}),
        ("account.update", {"groups": [first]}, {"groups": [second]}),
        ("account.update", {"email": "a@b.org"}, {"email": "b@b.org"}),
    ]
    assert [verb for verb, _, _ in recorded(server, f"#groups/{second}")] == ["group.create", "group.update"]


def recorded(server: Server, about: str) -> list[tuple[str, Any, Any]]:
    """What was recorded of an object, the oldest first: verb, before, after."""
    rows = server.client.get("/api/audit", params={"subject": about}).json()
    return [(row["verb"], row["before"], row["after"]) for row in reversed(rows)]


@pytest.mark.parametrize(
    ("said", "status", "word"),
    [
        ({"userNames": ["nobody-1", "nobody-2"]}, 400, "nobody-2"),
        ({"userNames": "octocat"}, 400, "userNames"),
        ({"autoJoin": 7}, 400, "autoJoin"),
        ({"adminPrivileges": True}, 400, "adminPrivileges"),
        ({"name": "another"}, 409, "name"),
        ([], 400, "object"),
    ],
)
def test_what_is_wrong_with_a_group_is_named(server: Server, said: Any, status: int, word: str) -> None:
    answer = server.client.put(f"{SECURITY}/groups/wrong", json=said)

    assert answer.status_code == status
    assert word in json.dumps(answer.json())
    assert server.client.get(f"{SECURITY}/groups/wrong").status_code == 404


@pytest.mark.parametrize(
    ("said", "word"),
    [({"password": "short"}, "password"), ({"email": 7}, "email"), ({"groups": ["no-such"]}, "no-such")],
)
def test_what_is_wrong_with_an_account_is_named(server: Server, said: dict[str, Any], word: str) -> None:
    answer = server.client.put(f"{SECURITY}/users/wrong", json=said)

    assert answer.status_code == 400
    assert word in answer.json()["errors"][0]["message"]
    assert server.client.get(f"{SECURITY}/users/wrong").status_code == 404


def test_tokens_and_api_keys_through_a_client(client: Artifactory, server: Server) -> None:
    login, password = person(server)
    theirs = Artifactory(f"{server.url}/artifactory", (login, SecretStr(password)))
    token = client.security.create_access_token(login, refreshable=True)
    key = theirs.security.create_api_key().apiKey.get_secret_value()

    with bearer(server, token.access_token) as mine:
        assert mine.get("/api/user").json()["login"] == login
    assert token.refresh_token
    assert client.security.revoke_access_token(token.access_token)
    assert theirs.security.get_api_key().apiKey.get_secret_value() == key
    with httpx2.Client(base_url=server.url, headers={"X-JFrog-Art-Api": key}) as mine:
        assert mine.get("/api/user").json()["login"] == login
        new = theirs.security.regenerate_api_key().apiKey.get_secret_value()
        verbs = [verb for verb, _, _ in recorded(server, f"{login}#tokens/api-key")]
        assert verbs == ["token.create", "token.delete", "token.create"]
        assert mine.get("/api/user").status_code == 401
    assert (key[:5], len(key), new != key) == ("AKCp8", 73, True)
    client.security.revoke_user_api_key(login)
    with by(server, login, password) as mine:
        assert mine.get(f"{SECURITY}/apiKey").status_code == 404


def test_who_is_no_administrator_manages_nobody(server: Server) -> None:
    login, password = person(server)
    with by(server, login, password) as mine:
        answers = [
            mine.get(f"{SECURITY}/users"),
            mine.put(f"{SECURITY}/users/other", json={"password": "long enough"}),
            mine.delete(f"{SECURITY}/users/octocat"),
            mine.put(f"{SECURITY}/groups/other", json={}),
        ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert httpx2.get(f"{server.url}{SECURITY}/users").status_code == 401
