"""Who is calling: what is shown first decides, and nothing that was forged is believed (contract drone-rest 1.1)."""

import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from app.accounts import auth, store
from app.accounts.auth import COOKIE, Claim, make_cookie, read_cookie
from app.db.connect import Database
from app.db.tx import run
from app.web.route import Endpoint
from tests.web.asgi import serving

NOW = 1_700_000_000
KEY = b"a key for cookies"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


async def whoami(request: Request[auth.State]) -> Response:
    user = await request.state["db"].read(auth.user_of(await auth.claim(request)))
    return PlainTextResponse(user.login if user else "nobody")


async def account(_: Request[auth.State], caller: auth.Caller) -> Response:
    return PlainTextResponse(caller.user.login)


@pytest.fixture
async def client(db: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """Accounts `a`, `b`, `c` with tokens of the same letter, and `root`, who is an administrator."""
    for login in ("a", "b", "c"):
        await db.write(store.create(login, token=login, now=NOW))
    await db.write(store.create("root", token="root", now=NOW, admin=True))
    routes = [
        *(Endpoint(method, "/who", whoami) for method in METHODS),
        Endpoint("GET", "/account", account, needs=auth.ACCOUNT),
        Endpoint("GET", "/administration", account, needs=auth.SYSTEM),
    ]
    async with serving(routes, db=db, cookie_key=KEY, now=lambda: NOW) as made:
        yield made


def cookie(login: str, *, key: bytes = KEY, expires: int = NOW + 60) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={make_cookie(login, key, expires)}"}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("headers", "query", "form", "expected"),
    [
        pytest.param({}, "", "", "nobody", id="nothing"),
        pytest.param({"Authorization": "Bearer a"}, "", "", "a", id="header"),
        pytest.param({"Authorization": "a"}, "", "", "a", id="header-without-a-scheme"),
        pytest.param({}, "b", "", "b", id="query"),
        pytest.param({}, "Bearer%20b", "", "b", id="query-with-a-scheme"),
        pytest.param(cookie("c"), "", "", "c", id="cookie"),
        pytest.param(cookie("C"), "", "", "c", id="cookie-in-another-letter-case"),
        pytest.param({"Authorization": "Bearer a"} | cookie("c"), "b", "b", "a", id="header-before-all"),
        pytest.param(cookie("c"), "b", "", "b", id="query-before-cookie"),
        pytest.param({"Authorization": ""} | cookie("c"), "", "", "c", id="an-empty-header-is-none"),
    ],
)
async def test_what_is_shown_first_decides(
    client: httpx2.AsyncClient, method: str, headers: dict[str, str], query: str, form: str, expected: str
) -> None:
    path = f"/who?access_token={query}" if query else "/who"

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
    client: httpx2.AsyncClient, header: str
) -> None:
    answer = await client.get("/who?access_token=a", headers={"Authorization": header} | cookie("c"))

    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


async def test_an_unknown_token_in_the_query_is_refused_too(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/who?access_token=wrong", headers=cookie("c"))).status_code == 401


@pytest.mark.parametrize(
    "value",
    [
        make_cookie("a", b"another key", NOW + 60),
        make_cookie("a", KEY, NOW),
        make_cookie("a", KEY, NOW - 1),
        make_cookie("nobody", KEY, NOW + 60),
        make_cookie("", KEY, NOW + 60),
        make_cookie("a", KEY, NOW + 60)[:-1],
        make_cookie("a", KEY, NOW + 60).replace("YQ==", "Yg=="),
        make_cookie("a", KEY, NOW + 60).replace(str(NOW + 60), str(NOW + 61)),
        "deleted",
        ".",
        "..",
        "a.b.c",
        "%00",
        "x" * 4000,
    ],
)
async def test_a_cookie_that_is_forged_or_over_makes_nobody(client: httpx2.AsyncClient, value: str) -> None:
    answer = await client.get("/who", headers={"Cookie": f"{COOKIE}={value}"})

    assert (answer.status_code, answer.text) == (200, "nobody")


@given(st.text(max_size=40), st.binary(min_size=1, max_size=20), st.integers(0, 2**40))
def test_a_cookie_tells_its_login_until_it_is_over(login: str, key: bytes, expires: int) -> None:
    value = make_cookie(login, key, expires)

    assert read_cookie(value, key, expires - 1) == login
    assert read_cookie(value, key, expires) == ""
    assert read_cookie(value, key + b"x", expires - 1) == ""


@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_cookie(text: str) -> None:
    assert read_cookie(text, KEY, 0) == ""


@pytest.mark.parametrize("text", ["", ".", "YQ==", "YQ==.", "YQ==.soon", "Y.99999999999", "/w==.99999999999", "a.b.c"])
def test_what_was_signed_and_is_no_cookie_is_nobodys(text: str) -> None:
    assert read_cookie(f"{text}.{auth._signature(text, KEY)}", KEY, 0) == ""


@given(st.data())
def test_a_cookie_with_one_character_changed_is_forged(data: st.DataObject) -> None:
    value = make_cookie("octocat", KEY, NOW)
    position = data.draw(st.integers(0, len(value) - 1))
    other = data.draw(st.characters().filter(lambda character: character != value[position]))

    assert read_cookie(value[:position] + other + value[position + 1 :], KEY, 0) == ""


@pytest.mark.parametrize("path", ["/account", "/administration"])
async def test_nobody_is_unauthorized(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=cookie("nobody"))).status_code == 401


async def test_an_administrator_is_needed_where_one_is(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/administration?access_token=a")).status_code == 403
    assert (await client.get("/administration?access_token=root")).text == "root"
    assert (await client.get("/account?access_token=a")).text == "a"


async def test_an_inactive_account_is_refused_however_it_shows_itself(db: Database, client: httpx2.AsyncClient) -> None:
    await db.write(run("UPDATE users SET active = FALSE WHERE login IN ('a', 'root')"))

    answers = [
        await client.get("/who", headers={"Authorization": "Bearer a"}),
        await client.get("/who?access_token=a"),
        await client.get("/who", headers=cookie("a")),
        await client.get("/administration?access_token=root"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert "not active" in answers[0].json()["message"]


def test_a_new_token_is_32_random_letters_and_digits() -> None:
    tokens = {auth.new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9]{32}", token) for token in tokens)


def test_nothing_shown_is_an_empty_claim() -> None:
    assert Claim() == Claim(token_hash="", login="")


def head(query: str = "", **headers: str) -> Scope:
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

    assert {auth.who(way) for way in ways} == {store.hash_token("a-token")}
    assert auth.who(head(**cookie("ada"))) == "ada"


def test_nobody_has_no_name() -> None:
    forged = cookie("ada", key=b"another key")
    for way in (head(), head("x=1"), head(**forged), head("a&" * 5000), head("access_token=")):
        assert auth.who(way) == ""


async def actor(_: Request[auth.State], caller: auth.Caller) -> Response:
    return PlainTextResponse(f"{caller.by.kind} {caller.by.name} {caller.by.way} {caller.by.address}")


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({"Authorization": "Bearer a"}, "", "person a token 127.0.0.1"),
        ({"Authorization": "robot"}, "", "machine robot token 127.0.0.1"),
        (cookie("c"), "", "person c session 127.0.0.1"),
        (cookie("c"), "?access_token=a", "person a token 127.0.0.1"),
    ],
)
async def test_the_record_says_who_came_in_and_how(
    db: Database, client: httpx2.AsyncClient, headers: dict[str, str], query: str, expected: str
) -> None:
    await db.write(store.create("robot", token="robot", now=NOW, machine=True))
    routes = [Endpoint("GET", "/actor", actor, needs=auth.ACCOUNT)]
    async with serving(routes, db=db, cookie_key=KEY, now=lambda: NOW) as made:
        answer = await made.get(f"/actor{query}", headers=headers)

    assert answer.text == expected
