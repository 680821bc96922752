"""Who may do what: every kind of caller at every kind of repository, by every way to say who one is."""

import base64
import hmac
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest

from tests.acceptance.conftest import Begin
from tests.acceptance.server import TOKEN, Server
from tests.accounts.farside import OWN

PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps: [{name: step, commands: [exit 0]}]
"""
VISIBILITIES = ("public", "internal", "private")
#: Status of a read, a write and an admin route, by caller and visibility (contract drone-rest 1.2).
MATRIX: dict[str, tuple[list[int], list[int], list[int]]] = {
    "nobody": ([200, 401, 401], [401] * 3, [401] * 3),
    "stranger": ([200, 200, 404], [404] * 3, [404] * 3),
    "barred": ([200, 200, 404], [404] * 3, [404] * 3),
    "reader": ([200] * 3, [403] * 3, [403] * 3),
    "writer": ([200] * 3, [400] * 3, [403] * 3),
    "keeper": ([200] * 3, [400] * 3, [400] * 3),
    "octocat": ([200] * 3, [400] * 3, [400] * 3),
    "inactive": ([403] * 3, [403] * 3, [403] * 3),
    "wrong": ([401] * 3, [401] * 3, [401] * 3),
}
#: What each caller is told who asks for the names of those with rights, whatever the visibility.
NAMES = {
    "nobody": 401, "wrong": 401, "inactive": 403, "stranger": 404, "barred": 404,
    "reader": 200, "writer": 200, "keeper": 200, "octocat": 200,
}  # fmt: skip
RIGHTS = {
    "barred": {"read": False},
    "reader": {"read": True},
    "writer": {"write": True},
    "keeper": {"admin": True},
    "inactive": {"admin": True},
}


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    server, repository = begin(PIPELINE)
    for visibility in VISIBILITIES:
        slug = server.register(repository.url, f"octocat/{visibility}", visibility=visibility)
        server.push(slug, repository.git("rev-parse", "HEAD"))
        server.finished(slug, 1)
    return server


@pytest.fixture(scope="module")
def callers(server: Server) -> Iterator[Mapping[str, httpx2.Client]]:
    made = {login: server.account(login) for login in ("stranger", *RIGHTS)}
    for login, rights in RIGHTS.items():
        for visibility in VISIBILITIES:
            server.json("PUT", f"/api/repos/octocat/{visibility}/collaborators/{login}", json=rights)
    server.execute("UPDATE users SET active = FALSE WHERE login = 'inactive'")
    made |= {"nobody": server.visitor(), "wrong": server.visitor({"Authorization": "Bearer wrong"})}
    yield made | {"octocat": server.client}
    for client in made.values():
        client.close()


READS = [
    "", "/builds", "/builds/1", "/builds/latest", "/builds/branches", "/builds/pulls", "/builds/deployments",
    "/builds/1/logs/1/1",
]  # fmt: skip
#: Reads that the visibility of a repository does not open.
GRANTED = ["/collaborators", "/collaborators/octocat"]
#: Each is refused with a 400 once the caller may write.
WRITES = [
    ("POST", "/builds/x/promote"), ("POST", "/builds/x/rollback"), ("POST", "/builds/x"), ("DELETE", "/builds/x"),
    ("POST", "/builds?1=2"), ("POST", "/secrets"),
]  # fmt: skip
ADMINS = [("POST", "/builds/x/approve/1"), ("POST", "/builds/x/decline/1"), ("PUT", "/collaborators/octocat")]


@pytest.mark.parametrize("visibility", VISIBILITIES)
@pytest.mark.parametrize("caller", MATRIX)
def test_the_access_matrix_holds(
    server: Server, callers: Mapping[str, httpx2.Client], caller: str, visibility: str
) -> None:
    read, write, admin = (statuses[VISIBILITIES.index(visibility)] for statuses in MATRIX[caller])
    path = f"/api/repos/octocat/{visibility}"

    found = {("GET", route): callers[caller].get(path + route).status_code for route in READS}
    found |= {("GET", route): callers[caller].get(path + route).status_code for route in GRANTED}
    found |= {(verb, route): callers[caller].request(verb, path + route).status_code for verb, route in WRITES + ADMINS}
    found |= {("GET", "cc.xml"): callers[caller].get(f"/api/badges/octocat/{visibility}/cc.xml").status_code}
    found |= {("GET", "hook"): callers[caller].get(path + "/hook").status_code}
    found |= {("GET", "secrets"): callers[caller].get(path + "/secrets").status_code}

    expected = {("GET", route): read for route in [*READS, "cc.xml"]}
    expected |= {("GET", route): NAMES[caller] for route in GRANTED}
    expected |= dict.fromkeys(WRITES, write) | dict.fromkeys(ADMINS, admin)
    expected |= {("GET", "hook"): 200 if admin == 400 else admin, ("GET", "secrets"): 200 if write == 400 else write}
    assert found == expected


@pytest.mark.parametrize("visibility", VISIBILITIES)
@pytest.mark.parametrize("caller", MATRIX)
def test_streams_are_read_routes(callers: Mapping[str, httpx2.Client], caller: str, visibility: str) -> None:
    read = MATRIX[caller][0][VISIBILITIES.index(visibility)]
    for path in (f"/api/stream/octocat/{visibility}", f"/api/stream/octocat/{visibility}/1/1/1"):
        with callers[caller].stream("GET", path) as answer:
            assert answer.status_code == read


def test_what_is_unknown_looks_like_what_may_not_be_seen(callers: Mapping[str, httpx2.Client]) -> None:
    for path in ("/api/repos/octocat/{}", "/api/repos/octocat/{}/builds/1", "/api/stream/octocat/{}"):
        hidden, unknown = (callers["stranger"].get(path.format(name)) for name in ("private", "nothing"))
        assert (hidden.status_code, hidden.content) == (unknown.status_code, unknown.content)
        assert callers["nobody"].get(path.format("nothing")).status_code == 401


@pytest.mark.parametrize("method_path", ["GET /api/users", "GET /api/repos", "POST /api/users", "POST /api/repos"])
def test_the_servers_own_routes_are_for_administrators(callers: Mapping[str, httpx2.Client], method_path: str) -> None:
    method, path = method_path.split()
    statuses = {name: callers[name].request(method, path, json={}).status_code for name in ("nobody", "keeper")}

    assert statuses == {"nobody": 401, "keeper": 403}


def test_metrics_are_for_administrators_and_machines(server: Server, callers: Mapping[str, httpx2.Client]) -> None:
    with server.account("robot", machine=True) as robot:
        statuses = [client.get("/metrics").status_code for client in (callers["nobody"], callers["keeper"], robot)]

    assert statuses == [401, 403, 200]


@pytest.mark.parametrize(
    ("way", "status"),
    [
        pytest.param({"headers": {"Authorization": f"Bearer {TOKEN}"}}, 200, id="bearer"),
        pytest.param({"headers": {"Authorization": TOKEN}}, 200, id="bare"),
        pytest.param({"headers": {"Authorization": f"bearer {TOKEN}"}}, 401, id="lower-case"),
        pytest.param({"headers": {"Authorization": f"Bearer  {TOKEN}"}}, 401, id="two-spaces"),
        pytest.param({"headers": {"Authorization": f"Basic {TOKEN}"}}, 401, id="basic"),
        pytest.param({"headers": {"Authorization": f"Bearer Bearer {TOKEN}"}}, 401, id="bearer-twice"),
        pytest.param({"headers": {"Authorization": "Bearer"}}, 401, id="no-token"),
        pytest.param({"headers": {"Authorization": ""}}, 401, id="empty-is-nobody"),
        pytest.param({"headers": {"Authorization": "Bearer \xff"}}, 401, id="latin-1"),
        pytest.param({"params": {"access_token": TOKEN}}, 200, id="query"),
        pytest.param({"params": {"access_token": f"Bearer {TOKEN}"}}, 200, id="query-with-bearer"),
        pytest.param({"params": {"access_token": "wrong"}}, 401, id="wrong-query"),
        pytest.param({"data": {"access_token": TOKEN}}, 200, id="form"),
        pytest.param({"data": {"access_token": "wrong"}}, 401, id="wrong-form"),
        pytest.param(
            {"data": {"access_token": TOKEN}, "params": {"access_token": "wrong"}}, 200, id="form-beats-query"
        ),
        pytest.param({"data": {"access_token": "x"}, "params": {"access_token": TOKEN}}, 401, id="also-a-wrong-one"),
        pytest.param(
            {"headers": {"Authorization": "Bearer wrong"}, "params": {"access_token": TOKEN}},
            401,
            id="header-beats-all",
        ),
        pytest.param({"content": b'{"access_token": "' + TOKEN.encode() + b'"}'}, 401, id="json-is-no-form"),
    ],
)
def test_a_token_is_found_in_three_places_and_a_wrong_one_is_not_overlooked(
    server: Server, way: dict[str, Any], status: int
) -> None:
    headers = {name: value.encode("latin-1") for name, value in way.pop("headers", {}).items()}
    answer = httpx2.post(f"{server.url}/api/user/token", headers=headers, **way)

    assert answer.status_code == status
    assert ("login" in answer.json()) == (status == 200)


@pytest.mark.parametrize(
    "where", [{"headers": {"Authorization": "Bearer wrong"}}, {"params": {"access_token": "wrong"}}]
)
def test_a_wrong_token_is_a_401_even_where_nobody_needs_one(server: Server, where: Any) -> None:
    answer = httpx2.get(f"{server.url}/api/repos/octocat/public", **where)

    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


def test_a_cookie_counts_while_it_is_one_that_was_given(server: Server) -> None:
    with server.visitor(OWN) as browser:
        assert browser.post("/login", data={"access_token": TOKEN}).status_code == 303
        good = browser.cookies["_session_"]
    payload = base64.urlsafe_b64encode(b"octocat").decode() + f".{int(time.time()) + 1000}"
    key = (server.data / "keys" / "cookie").read_bytes()
    signed_login = f"{payload}.{hmac.new(key, payload.encode(), 'sha256').hexdigest()}"
    forged = [
        good[:-1], good + "0", good.swapcase(), signed_login, TOKEN, f"Bearer {TOKEN}",
        "..", ".", "x", "a.b.c", "é.1.2", "%00", good + ".", "." + good,
    ]  # fmt: skip

    def ask(cookie: str, path: str = "/api/user") -> int:
        return httpx2.get(server.url + path, headers={b"Cookie": f"_session_={cookie}".encode()}).status_code

    assert ask(good) == 200
    assert {ask(cookie) for cookie in forged} == {401}
    assert {ask(cookie, "/api/repos/octocat/public") for cookie in forged} == {200}

    answer = httpx2.get(f"{server.url}/api/user?access_token=wrong", headers={"Cookie": f"_session_={good}"})
    assert answer.status_code == 401


def test_an_inactive_account_may_nothing(callers: Mapping[str, httpx2.Client]) -> None:
    for path in ("/api/user", "/api/user/repos", "/api/user/builds", "/api/repos", "/metrics"):
        assert callers["inactive"].get(path).status_code == 403
