"""A browser logs in with a token, is somebody until it logs out, and nobody else gets in (contract drone-rest 3.7)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from app.accounts import auth, session, store
from app.db.connect import Database
from app.db.tx import run
from app.moments import Recorders
from app.web.reply import Text
from app.web.route import Endpoint
from tests.web.asgi import serving

NOW = 1_700_000_000
KEY = b"a key for cookies"


async def whoami(request: Request[auth.State]) -> Text:
    user = await request.state["db"].read(auth.user_of(await auth.claim(request)))
    return Text(user.login if user else "nobody")


@pytest.fixture
def public_url() -> str:
    return "http://gantry.test"


@pytest.fixture
async def client(db: Database, public_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser, before which there are the accounts `ann` (a person), `bot` (a machine) and `off` (not active)."""
    await db.write(store.create("ann", token="ann-token", now=NOW))
    await db.write(store.create("bot", token="bot-token", now=NOW, machine=True))
    await db.write(store.create("off", token="off-token", now=NOW))
    await db.write(run("UPDATE users SET active = false WHERE login = 'off'"))
    routes = [*session.routes, Endpoint("GET", "/who", whoami)]
    state: dict[str, Any] = {"cookie_key": KEY, "now": lambda: NOW, "public_url": public_url, "recorders": Recorders()}
    async with serving(routes, db=db, admission=None, **state) as made:
        yield made


async def log_in(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    return await client.post("/login", data={"access_token": token})


async def test_a_token_makes_a_session(client: httpx2.AsyncClient) -> None:
    answer = await log_in(client, "ann-token")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await client.get("/who")).text == "ann"


async def test_no_script_reads_the_cookie_and_no_other_site_sends_it(client: httpx2.AsyncClient) -> None:
    cookie = (await log_in(client, "ann-token")).headers["set-cookie"]

    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "ann-token" not in cookie


@pytest.mark.parametrize("public_url", ["https://gantry.test"])
async def test_behind_https_the_cookie_travels_by_https_alone(client: httpx2.AsyncClient) -> None:
    assert "Secure" in (await log_in(client, "ann-token")).headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "wrong", "bot-token", "off-token", "ann-token\0", "é" * 10_000])
async def test_what_is_no_token_of_an_active_person_makes_none(client: httpx2.AsyncClient, token: str) -> None:
    answer = await log_in(client, token)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login?failed=true")
    assert "set-cookie" not in answer.headers
    assert "not the token" in (await client.get("/login?failed=true")).text


async def test_a_cookie_makes_no_new_one(client: httpx2.AsyncClient) -> None:
    await log_in(client, "ann-token")

    assert (await client.post("/login")).headers["location"] == "/login?failed=true"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_logging_out_ends_the_session(client: httpx2.AsyncClient, method: str) -> None:
    await log_in(client, "ann-token")
    answer = await client.request(method, "/logout")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert (await client.get("/who")).text == "nobody"


async def test_the_page_asks_for_a_token_and_says_nothing_of_a_failure(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/login")).text

    assert 'name="access_token"' in page
    assert "not the token" not in page
