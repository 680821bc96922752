"""Who is calling: what is shown first decides, and nothing that was forged is believed (contract drone-rest 1.1)."""

import re
from collections.abc import AsyncIterator, Iterable

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope as Head

from app.accounts import auth, proofs, store
from app.accounts.auth import Claim
from app.accounts.model import Token
from app.accounts.seen import INTERVAL, Seen
from app.db.connect import Database
from app.db.tx import Tx, run
from app.web.needs import SCOPES, Scope, StoredNeeds
from app.web.route import Endpoint
from tests.accounts import farside
from tests.accounts.farside import KEY, NOW, OWN, shown
from tests.web.asgi import serving

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Somebody(StoredNeeds["auth.Caller | None"]):
    """Whoever calls, and nobody too."""

    async def asked(self, request: Request[auth.State]) -> Tx[auth.Caller | None]:
        return auth.caller_of(await auth.claim(request))


async def whoami(_: Request[auth.State], caller: auth.Caller | None) -> Response:
    return PlainTextResponse(caller.user.login if caller else "nobody")


async def account(_: Request[auth.State], caller: auth.Caller) -> Response:
    return PlainTextResponse(caller.user.login)


@pytest.fixture
async def client(db: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """Accounts `a`, `b`, `c` with tokens of the same letter, and `root`, who is an administrator."""
    for login in ("a", "b", "c"):
        await db.write(store.create(login, token=login, now=NOW))
    await db.write(store.create("root", token="root", now=NOW, admin=True))
    routes = [
        *(Endpoint(method, "/who", whoami, needs=Somebody("Anybody.")) for method in METHODS),
        Endpoint("GET", "/account", account, needs=auth.ACCOUNT),
        Endpoint("GET", "/administration", account, needs=auth.SYSTEM),
    ]
    async with serving(routes, **farside.state(db)) as made:
        yield made


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("headers", "query", "form", "cookie", "expected"),
    [
        pytest.param({}, "", "", False, "nobody", id="nothing"),
        pytest.param({"Authorization": "Bearer a"}, "", "", False, "a", id="header"),
        pytest.param({"Authorization": "a"}, "", "", False, "a", id="header-without-a-scheme"),
        pytest.param({}, "b", "", False, "b", id="query"),
        pytest.param({}, "Bearer%20b", "", False, "b", id="query-with-a-scheme"),
        pytest.param({}, "", "", True, "c", id="cookie"),
        pytest.param({"Authorization": "Bearer a"}, "b", "b", True, "a", id="header-before-all"),
        pytest.param({}, "b", "", True, "b", id="query-before-cookie"),
        pytest.param({"Authorization": ""}, "", "", True, "c", id="an-empty-header-is-none"),
    ],
)
async def test_what_is_shown_first_decides(
    db: Database,
    client: httpx2.AsyncClient,
    method: str,
    headers: dict[str, str],
    query: str,
    form: str,
    cookie: bool,
    expected: str,
) -> None:
    path = f"/who?access_token={query}" if query else "/who"
    headers = headers | (shown(await farside.begin(db, "c")) | OWN if cookie else {})

    answer = await client.request(method, path, headers=headers, data={"access_token": form} if form else None)

    assert (answer.status_code, answer.text) == (200, expected)


@pytest.mark.parametrize("method", METHODS)
async def test_a_form_beats_the_query_where_there_are_forms(client: httpx2.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/who?access_token=a", data={"access_token": "b"})

    assert answer.text == ("b" if method in ("POST", "PUT", "PATCH") else "a")


async def test_a_json_body_is_no_form(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/who", json={"access_token": "a"})).text == "nobody"


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "wrong", "bearer a", "Basic a", "Bearer  a", "Bearer Bearer a", "Bearer A", "a b"]
)
async def test_a_token_that_is_not_known_is_refused_and_nothing_else_is_tried(
    db: Database, client: httpx2.AsyncClient, header: str
) -> None:
    cookie = shown(await farside.begin(db, "c"))
    answer = await client.get("/who?access_token=a", headers={"Authorization": header} | cookie)

    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


async def test_an_unknown_token_in_the_query_is_refused_too(db: Database, client: httpx2.AsyncClient) -> None:
    cookie = shown(await farside.begin(db, "c"))
    assert (await client.get("/who?access_token=wrong", headers=cookie)).status_code == 401


@pytest.mark.parametrize("value", ["deleted", ".", "..", "a.b.c", "%00", "x" * 4000, "é", "Bearer a"])
async def test_a_cookie_that_nobody_was_given_makes_nobody(client: httpx2.AsyncClient, value: str) -> None:
    answer = await client.get("/who", headers={b"Cookie": f"{auth.COOKIE}={value}".encode()})

    assert (answer.status_code, answer.text) == (200, "nobody")


async def test_a_session_opens_its_account_until_it_is_over(db: Database, client: httpx2.AsyncClient) -> None:
    fresh, over = [await farside.begin(db, "a", expires=expires) for expires in (NOW + 1, NOW)]
    other_key = await farside.begin(db, "a", key=b"another key")

    answers = [await client.get("/who", headers=shown(cookie)) for cookie in (fresh, over, other_key, fresh[:-1])]

    assert [answer.text for answer in answers] == ["a", "nobody", "nobody", "nobody"]


@given(st.text(max_size=80))
def test_no_two_cookies_have_one_hash(text: str) -> None:
    assert auth.hash_cookie(text, KEY) != auth.hash_cookie(text + "x", KEY)
    assert auth.hash_cookie(text, KEY) != auth.hash_cookie(text, b"another key")
    assert auth.hash_cookie(text, KEY) != proofs.hash_token(text)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM sessions",
        "DELETE FROM tokens",
        "DELETE FROM users",
        "UPDATE users SET machine = TRUE",
        "UPDATE sessions SET expires = 1",
    ],
)
async def test_a_session_does_not_outlive_what_it_stands_on(db: Database, client: httpx2.AsyncClient, sql: str) -> None:
    cookie = shown(await farside.begin(db, "a"))
    assert (await client.get("/who", headers=cookie)).text == "a"

    await db.write(run(sql))

    assert (await client.get("/who", headers=cookie)).text == "nobody"


async def test_the_next_account_of_a_login_is_not_opened_by_a_session_of_the_last(
    db: Database, client: httpx2.AsyncClient
) -> None:
    cookie = shown(await farside.begin(db, "a"))
    await db.write(store.delete((await db.read(store.find("a"))).id))
    await db.write(store.create("a", token="a", now=NOW))

    assert (await client.get("/who", headers=cookie)).text == "nobody"


async def test_a_rotation_ends_all_sessions_and_setting_the_same_token_again_ends_none(
    db: Database, client: httpx2.AsyncClient
) -> None:
    cookies = [shown(await farside.begin(db, login)) for login in ("a", "a", "b")]
    user = await db.read(store.find("a"))

    async def open_for() -> list[str]:
        return [(await client.get("/who", headers=cookie)).text for cookie in cookies]

    await db.write(store.set_token(user.id, "a", NOW))
    assert await open_for() == ["a", "a", "b"]
    await db.write(store.set_token(user.id, "a fresh one", NOW))
    assert await open_for() == ["nobody", "nobody", "b"]


async def test_an_account_that_comes_back_has_none_of_its_old_sessions(
    db: Database, client: httpx2.AsyncClient
) -> None:
    cookie, user = shown(await farside.begin(db, "a")), await db.read(store.find("a"))

    for active in (False, True):
        await db.write(store.update(user.id, active=active, now=NOW))

    assert (await client.get("/who", headers=cookie)).text == "nobody"


async def give(
    db: Database, login: str, value: str, scope: Scope, repos: Iterable[int] = (), expires: int = 0
) -> Token:
    user = await db.read(store.find(login))
    slugs = {repo_id: f"o/r{repo_id}" for repo_id in repos}
    token = Token(0, user.id, value, scope, slugs, NOW, expires)
    return await db.write(proofs.add_token(token, proofs.hash_token(value)))


@pytest.mark.parametrize("given_scope", SCOPES)
@pytest.mark.parametrize("due", SCOPES)
async def test_a_token_is_good_for_its_scope_and_for_those_below(
    db: Database, client: httpx2.AsyncClient, given_scope: Scope, due: Scope
) -> None:
    await give(db, "root", "lesser", given_scope)
    method = "GET" if due == "read" else "POST"
    routes = [Endpoint(method, "/row", account, needs=auth.SYSTEM, scope=due)]
    async with serving(routes, **farside.state(db)) as made:
        answer = await made.request(method, "/row", headers={"Authorization": "lesser"})

    if SCOPES.index(due) <= SCOPES.index(given_scope):
        assert answer.text == "root"
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_too_small")
        assert answer.json()["message"] == f"this token has the scope {given_scope}; the scope {due} is needed"


async def test_a_token_of_some_repositories_is_good_for_nothing_that_concerns_all(
    db: Database, client: httpx2.AsyncClient
) -> None:
    await give(db, "root", "limited", "admin", repos=[1])

    for path in ("/who", "/account", "/administration"):
        answer = await client.get(path, headers={"Authorization": "limited"})
        assert (answer.status_code, answer.json()["code"]) == (403, "limited_token")


async def test_a_token_expires_to_the_second(db: Database, client: httpx2.AsyncClient) -> None:
    await give(db, "a", "over", "admin", expires=NOW)
    await give(db, "a", "nearly", "admin", expires=NOW + 1)

    over, nearly = [await client.get("/who", headers={"Authorization": name}) for name in ("over", "nearly")]

    assert (over.status_code, over.json()["message"]) == (401, "this token has expired")
    assert nearly.text == "a"


async def test_what_is_seen_again_and_again_is_stored_now_and_then(db: Database) -> None:
    await db.write(store.create("a", token="a", now=NOW))
    clock = [NOW]
    cookie, seen = shown(await farside.begin(db, "a", expires=NOW * 2)), Seen(db)
    user, found = await db.read(store.find("a")), list[tuple[int, int]]()
    routes = [Endpoint("GET", "/account", account, needs=auth.ACCOUNT)]
    async with serving(routes, **farside.state(db, now=lambda: clock[0], seen=seen)) as made:
        for clock[0] in (NOW, NOW + 1, NOW + INTERVAL, NOW + INTERVAL + 1):
            await made.get("/account", headers={"Authorization": "a"})
            await made.get("/account", headers=cookie)
            await seen.store()
            (token,) = await db.read(proofs.list_tokens(user.id))
            (session,) = await db.read(proofs.list_sessions(user.id, NOW))
            found.append((token.used, session.seen))

    assert [used for used, _ in found] == [NOW, NOW, NOW + INTERVAL, NOW + INTERVAL]
    assert [last for _, last in found] == [NOW, NOW, NOW + INTERVAL, NOW + INTERVAL]


@pytest.mark.parametrize("path", ["/account", "/administration"])
async def test_nobody_is_unauthorized(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=shown("no cookie of anybody"))).status_code == 401


async def test_an_administrator_is_needed_where_one_is(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/administration?access_token=a")).status_code == 403
    assert (await client.get("/administration?access_token=root")).text == "root"
    assert (await client.get("/account?access_token=a")).text == "a"


async def test_an_inactive_account_is_refused_however_it_shows_itself(db: Database, client: httpx2.AsyncClient) -> None:
    cookie = shown(await farside.begin(db, "a"))
    await db.write(run("UPDATE users SET active = FALSE WHERE login IN ('a', 'root')"))

    answers = [
        await client.get("/who", headers={"Authorization": "Bearer a"}),
        await client.get("/who?access_token=a"),
        await client.get("/who", headers=cookie),
        await client.get("/administration?access_token=root"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert "not active" in answers[0].json()["message"]


def test_a_new_token_is_32_random_letters_and_digits() -> None:
    tokens = {auth.new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9]{32}", token) for token in tokens)


def test_nothing_shown_is_an_empty_claim() -> None:
    assert Claim() == Claim(token_hash="", session_hash="")


def head(query: str = "", **headers: str) -> Head:
    """The head of a request, as a server gives it."""
    listed = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    state = {"cookie_key": KEY, "now": lambda: NOW}
    return {"type": "http", "method": "POST", "query_string": query.encode(), "headers": listed, "state": state}


def test_a_caller_has_one_name_however_the_token_is_shown() -> None:
    ways = [
        head(Authorization="Bearer a-token"),
        head(Authorization="a-token"),
        head("x=1&access_token=a-token"),
        head("access_token=other", Authorization="a-token"),
        head("access_token=Bearer%20a-token"),
    ]

    assert {auth.who(way) for way in ways} == {proofs.hash_token("a-token")}
    assert auth.who(head(**shown("a cookie"))) == auth.hash_cookie("a cookie", KEY)


def test_nobody_has_no_name() -> None:
    for way in (head(), head("x=1"), head(**shown("")), head("a&" * 5000), head("access_token=")):
        assert auth.who(way) == ""


async def test_all_tokens_and_sessions_of_an_account_lead_to_the_account(
    db: Database, client: httpx2.AsyncClient
) -> None:
    a = await db.read(store.find("a"))
    await db.write(proofs.add_token(Token(0, a.id, "second", created=NOW), proofs.hash_token("second")))
    await db.write(proofs.add_token(Token(0, a.id, "over", created=NOW, expires=NOW), proofs.hash_token("over")))
    session = shown(await farside.begin(db, "a"))

    async def led(head: Head) -> int:
        head["state"]["db"] = db
        return await auth.account_id(head)

    ways = [head(Authorization="Bearer a"), head("access_token=second"), head(**session)]
    assert [await led(way) for way in ways] == [a.id] * 3
    others = [head(), head(Authorization="over"), head(Authorization="invented", **session), head(**shown("forged"))]
    assert [await led(way) for way in others] == [0] * 4
    await db.write(run("UPDATE users SET active = FALSE WHERE login = 'a'"))
    assert [await led(way) for way in ways] == [0] * 3


async def actor(_: Request[auth.State], caller: auth.Caller) -> Response:
    return PlainTextResponse(f"{caller.by.kind} {caller.by.name} {caller.by.way} {caller.by.address}")


@pytest.mark.parametrize(
    ("headers", "query", "cookie", "expected"),
    [
        ({"Authorization": "Bearer a"}, "", False, "person a token 127.0.0.1"),
        ({"Authorization": "robot"}, "", False, "machine robot token 127.0.0.1"),
        ({}, "", True, "person c session 127.0.0.1"),
        ({}, "?access_token=a", True, "person a token 127.0.0.1"),
    ],
)
async def test_the_record_says_who_came_in_and_how(
    db: Database, client: httpx2.AsyncClient, headers: dict[str, str], query: str, cookie: bool, expected: str
) -> None:
    await db.write(store.create("robot", token="robot", now=NOW, machine=True))
    headers = headers | (shown(await farside.begin(db, "c")) if cookie else {})
    routes = [Endpoint("GET", "/actor", actor, needs=auth.ACCOUNT)]
    async with serving(routes, **farside.state(db)) as made:
        answer = await made.get(f"/actor{query}", headers=headers)

    assert answer.text == expected
