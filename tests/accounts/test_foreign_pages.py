"""A cookie acts for pages of this server: a browser adds the cookie to requests of other pages, too."""

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.accounts import auth, store
from app.db.connect import Database
from app.web.route import Endpoint
from tests.accounts import farside
from tests.accounts.farside import NOW, shown
from tests.web.asgi import serving


async def account(_: Request[auth.State], caller: auth.Caller) -> Response:
    return PlainTextResponse(caller.user.login)


#: How browsers tell of the page that sends a request, and whether it is one of ours.
PAGES = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "same-site", "Origin": "http://gantry.test"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.test"}, False),
    ({"Sec-Fetch-Site": "none"}, False),
    ({"Sec-Fetch-Site": ""}, False),
    ({"Sec-Fetch-Site": "same-origin, cross-site"}, False),
    ({"Origin": "http://gantry.test"}, True),
    ({"Origin": "https://ci.example.com", "Host": "other.test"}, True),
    ({"Origin": "http://gantry.test:80"}, False),
    ({"Origin": "https://gantry.test"}, False),
    ({"Origin": "http://gantry.test.evil.test"}, False),
    ({"Origin": "http://evil.test"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Origin": "http://", "Host": ""}, False),
    ({"Referer": "http://gantry.test/login"}, False),
    ({}, False),
    ({"Origin": "http://listed.test", "Sec-Fetch-Site": "cross-site"}, True),
    ({"Origin": "http://listed.test"}, True),
]


@pytest.mark.parametrize(("headers", "ours"), PAGES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_cookie_changes_something_for_our_own_pages_alone(
    db: Database, method: str, headers: dict[str, str], ours: bool
) -> None:
    await db.write(store.create("a", token="a", now=NOW))
    cookie = shown(await farside.begin(db, "a"))
    https = "ci.example.com" in headers.get("Origin", "")
    url = "https://ci.example.com:443/" if https else "http://gantry.test"
    routes = [Endpoint(method, "/row", account, needs=auth.ACCOUNT)]
    state = farside.state(db, public_url=url, cors_origins=frozenset({"http://listed.test"}))
    async with serving(routes, **state) as made:
        with_cookie = await made.request(method, "/row", headers=headers | cookie)
        with_token = await made.request(method, "/row", headers=headers | cookie | {"Authorization": "a"})

    assert (with_cookie.status_code, with_token.status_code) == (200 if ours else 403, 200)
    if not ours:
        assert with_cookie.json()["code"] == "foreign_page"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ({"Origin": "http://gantry.test"}, 200),
        ({"Origin": "http://listed.test", "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 200),
        ({"Origin": "http://evil.test", "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_page_of_another_origin_reads_nothing_with_a_cookie(
    db: Database, headers: dict[str, str], status: int
) -> None:
    await db.write(store.create("a", token="a", now=NOW))
    cookie = shown(await farside.begin(db, "a"))
    routes = [Endpoint("GET", "/row", account, needs=auth.ACCOUNT)]
    async with serving(routes, **farside.state(db, cors_origins=frozenset({"http://listed.test"}))) as made:
        statuses = [(await made.request(way, "/row", headers=headers | cookie)).status_code for way in ("GET", "HEAD")]

    assert statuses == [status, status]
