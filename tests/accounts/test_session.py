"""A browser logs in with a token, is somebody until it logs out, and nobody else gets in (contract drone-rest 3.7)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from app.accounts import api, auth, proofs, session, store
from app.accounts.model import Session, Token
from app.db.connect import Database
from app.db.tx import many, run
from app.errors import Unauthorized
from app.ui.pages import sign_in
from app.web.needs import Scope
from app.web.reply import Text
from app.web.route import Endpoint
from tests.accounts import farside
from tests.accounts.farside import NOW, OWN
from tests.web.asgi import serving


async def whoami(_: Request[auth.State], caller: auth.Caller) -> Text:
    return Text(caller.user.login)


@pytest.fixture
def public_url() -> str:
    return "http://gantry.test"


@pytest.fixture
def clock() -> list[int]:
    return [NOW]


@pytest.fixture
async def client(db: Database, public_url: str, clock: list[int]) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser, before which there are the accounts `ann` (a person), `bot` (a machine) and `off` (not active)."""
    await db.write(store.create("ann", token="ann-token", now=NOW))
    await db.write(store.create("bot", token="bot-token", now=NOW, machine=True))
    await db.write(store.create("off", token="off-token", now=NOW))
    await db.write(run("UPDATE users SET active = false WHERE login = 'off'"))
    routes = [*sign_in.routes, *session.routes, *api.routes, Endpoint("GET", "/who", whoami, needs=auth.ACCOUNT)]
    state = farside.state(db, public_url=public_url, admission=None, now=lambda: clock[0])
    async with serving(routes, **state) as made:
        made.headers.update(OWN)
        yield made


async def log_in(client: httpx2.AsyncClient, token: str, **headers: str) -> httpx2.Response:
    return await client.post("/login", data={"access_token": token}, headers=headers)


async def sessions(client: httpx2.AsyncClient, **headers: str) -> list[Any]:
    found: list[Any] = (await client.get("/api/user/sessions", headers=headers)).json()
    return found


async def test_a_token_makes_a_session(client: httpx2.AsyncClient) -> None:
    answer = await log_in(client, "ann-token")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await client.get("/who")).text == "ann"


async def test_no_script_reads_the_cookie_and_no_other_site_sends_it(client: httpx2.AsyncClient) -> None:
    cookie = (await log_in(client, "ann-token")).headers["set-cookie"]

    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "ann-token" not in cookie


async def test_the_database_does_not_hold_the_cookie(db: Database, client: httpx2.AsyncClient) -> None:
    await log_in(client, "ann-token")

    rows = [list(row) for row in await db.read(many("SELECT * FROM sessions"))]

    assert len(rows) == 1
    assert client.cookies[auth.COOKIE] not in repr(rows)


@pytest.mark.parametrize("public_url", ["https://gantry.test"])
async def test_behind_https_the_cookie_travels_by_https_alone(client: httpx2.AsyncClient) -> None:
    assert "Secure" in (await log_in(client, "ann-token")).headers["set-cookie"]


@pytest.mark.parametrize("token", ["", "wrong", "bot-token", "off-token", "ann-token\0", "é" * 10_000])
async def test_what_is_no_token_of_an_active_person_makes_none(client: httpx2.AsyncClient, token: str) -> None:
    answer = await log_in(client, token)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login?failed=true")
    assert "set-cookie" not in answer.headers
    assert "no token that" in (await client.get("/login?failed=true")).text


@pytest.mark.parametrize(
    ("scope", "repos", "expires"),
    [("read", {}, 0), ("promote", {}, 0), ("admin", {1: "o/r"}, 0), ("admin", {}, NOW)],
)
async def test_a_lesser_token_makes_none_as_a_session_is_good_for_everything(
    db: Database, client: httpx2.AsyncClient, scope: Scope, repos: dict[int, str], expires: int
) -> None:
    ann = await db.read(store.find("ann"))
    token = Token(0, ann.id, "lesser", scope, repos, NOW, expires)
    await db.write(proofs.add_token(token, proofs.hash_token("lesser")))

    assert (await log_in(client, "lesser")).headers["location"] == "/login?failed=true"


async def test_a_session_ends_with_its_token(db: Database, client: httpx2.AsyncClient, clock: list[int]) -> None:
    ann = await db.read(store.find("ann"))
    token = Token(0, ann.id, "short", "admin", {}, NOW, NOW + 50)
    await db.write(proofs.add_token(token, proofs.hash_token("short")))

    assert "Max-Age=50" in (await log_in(client, "short")).headers["set-cookie"]
    clock[0] += 49
    assert (await client.get("/who")).text == "ann"
    clock[0] += 1
    assert (await client.get("/who")).status_code == 401

    clock[0] = NOW
    await db.write(proofs.delete_token(ann.id, "short"))
    assert (await client.get("/who")).status_code == 401


async def test_a_cookie_makes_no_new_one(client: httpx2.AsyncClient) -> None:
    await log_in(client, "ann-token")

    assert (await client.post("/login")).headers["location"] == "/login?failed=true"


async def test_logging_out_ends_the_session_and_not_only_the_cookie(client: httpx2.AsyncClient) -> None:
    await log_in(client, "ann-token")
    cookie = client.cookies[auth.COOKIE]
    page = await client.get("/logout")
    assert 'action="/logout"' in page.text
    assert (await client.get("/who")).text == "ann"

    answer = await client.post("/logout")

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    client.cookies.set(auth.COOKIE, cookie)
    assert (await client.get("/who")).status_code == 401
    assert (await client.post("/logout")).status_code == 200


FOREIGN = [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site", "Origin": "http://evil.gantry.test"}]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_page_from_elsewhere_logs_nobody_in_or_out(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    before = await log_in(client, "ann-token", **headers)
    assert (before.status_code, "set-cookie" in before.headers) == (403, False)
    await log_in(client, "ann-token")

    with_cookie = await client.post("/logout", headers=headers)
    cookie = client.cookies.pop(auth.COOKIE)
    without = await client.post("/logout", headers=headers)
    client.cookies.set(auth.COOKIE, cookie)

    assert [(answer.status_code, "set-cookie" in answer.headers) for answer in (with_cookie, without)] == [
        (403, False),
        (403, False),
    ]
    assert (await client.get("/who")).text == "ann"


async def test_a_program_that_shows_its_token_in_the_header_may_log_in_from_anywhere(
    client: httpx2.AsyncClient,
) -> None:
    del client.headers["Sec-Fetch-Site"]

    assert (await client.post("/login", headers={"Authorization": "Bearer ann-token"})).headers["location"] == "/"
    assert (await log_in(client, "ann-token")).status_code == 403


async def test_who_logs_in_again_has_one_session(client: httpx2.AsyncClient) -> None:
    await log_in(client, "ann-token")
    first = client.cookies[auth.COOKIE]
    await log_in(client, "ann-token")

    assert client.cookies[auth.COOKIE] != first
    assert len(await sessions(client)) == 1


async def test_sessions_are_told_of_newest_first_and_only_to_their_own_account(
    db: Database, client: httpx2.AsyncClient, clock: list[int]
) -> None:
    await farside.begin(db, "ann", expires=NOW + 1)
    await farside.begin(db, "bot")
    clock[0] += 1
    await log_in(client, "ann-token", **{"User-Agent": "Fire\x07fox" + "x" * 1000})

    (found,) = await sessions(client)
    shown_by_token = await sessions(client, Authorization="ann-token")

    assert found == {
        "id": found["id"],
        "created": NOW + 1,
        "last_seen": NOW + 1,
        "expires": NOW + 1 + 720 * 3600,
        "browser": ("Firefox" + "x" * 1000)[:250],
        "address": "127.0.0.1",
        "current": True,
    }
    assert shown_by_token == [found | {"current": False}]


async def test_sessions_are_ended_one_by_one_or_all_at_once(db: Database, client: httpx2.AsyncClient) -> None:
    for _ in range(3):
        await farside.begin(db, "ann")
    await farside.begin(db, "bot")
    (bots,) = await sessions(client, Authorization="bot-token")
    await log_in(client, "ann-token")
    own, second, *_ = [one["id"] for one in await sessions(client)]

    for path, status in ((second, 204), (second, 404), (bots["id"], 404), ("x", 400), (2**63, 400)):
        assert (await client.delete(f"/api/user/sessions/{path}")).status_code == status
    assert (await sessions(client))[0]["id"] == own
    assert len(await sessions(client)) == 3
    assert (await client.delete("/api/user/sessions")).status_code == 204

    assert (await client.get("/who")).status_code == 401
    assert await sessions(client, Authorization="ann-token") == []
    assert await sessions(client, Authorization="bot-token") == [bots]


async def test_an_account_has_so_many_sessions_and_the_oldest_gives_way(
    db: Database, client: httpx2.AsyncClient
) -> None:
    ann = await db.read(store.find("ann"))
    for _ in range(proofs.MOST_SESSIONS):
        await farside.begin(db, "ann")
    oldest = (await db.read(proofs.list_sessions(ann.id, NOW)))[-1]

    await log_in(client, "ann-token")

    left = await db.read(proofs.list_sessions(ann.id, NOW))
    assert (len(left), oldest in left) == (proofs.MOST_SESSIONS, False)


@pytest.mark.parametrize("change", ["/api/user/token?rotate=true", "/api/users/ann/token/rotate"])
async def test_whoever_rotates_logs_all_browsers_out(db: Database, client: httpx2.AsyncClient, change: str) -> None:
    await db.write(run("UPDATE users SET admin = TRUE WHERE login = 'ann'"))
    await log_in(client, "ann-token")

    assert (await client.post(change)).status_code == 200

    assert (await client.get("/who")).status_code == 401


async def test_of_a_log_in_and_a_rotation_at_one_moment_no_session_is_left_over(
    db: Database, client: httpx2.AsyncClient
) -> None:
    ann = await db.read(store.find("ann"))
    (token,) = await db.read(proofs.list_tokens(ann.id))
    late = Session(0, ann.id, token.id, NOW, NOW, NOW + 60)
    await db.write(store.set_token(ann.id, "the next", NOW))

    with pytest.raises(Unauthorized):
        await db.write(proofs.begin_session(late, "a hash", replaces="", now=NOW))

    assert await db.read(proofs.list_sessions(ann.id, NOW)) == []


async def test_the_page_asks_for_a_token_and_says_nothing_of_a_failure(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/login")).text

    assert 'name="access_token"' in page
    assert "no token that" not in page


@pytest.mark.parametrize("path", ["/login", "/logout"])
async def test_the_forms_of_the_pages_tell_their_own_origin(client: httpx2.AsyncClient, path: str) -> None:
    assert '<meta name="referrer" content="same-origin">' in (await client.get(path)).text
