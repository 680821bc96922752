"""What browsers are told, whose pages may ask, and how often anybody may."""

from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Scope

from app.errors import Forbidden
from app.web.limit import Budgets
from app.web.policy import Policy
from app.web.route import Endpoint
from tests.web.asgi import serving

ORIGIN = "https://ui.example.com"
ASK = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
CROSS = Policy(api="/api", origins=frozenset({ORIGIN.encode(), b"http://localhost:3000"}))


async def show(request: Request) -> Response:
    return PlainTextResponse("shown")


async def page(request: Request) -> Response:
    own = request.query_params.get("own")
    return HTMLResponse("<p>a page", headers={"Content-Security-Policy": own} if own else None)


async def refuse(request: Request) -> Response:
    raise Forbidden("not you")


async def open_to_all(request: Request) -> Response:
    return PlainTextResponse("badge", headers={"Access-Control-Allow-Origin": "*"})


ROUTES = [
    Endpoint("GET", "/api/thing", show),
    Endpoint("POST", "/api/thing", show),
    Endpoint("GET", "/api/refused", refuse),
    Endpoint("GET", "/api/badge", open_to_all),
    Endpoint("GET", "/page", page),
    Endpoint("GET", "/healthz", show),
    Endpoint("GET", "/rpc/v2/ping", show),
    Endpoint("GET", "/readyz", show),
]


def cors(answer: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", ["/api/thing", "/page", "/nowhere", "/api/refused"])
async def test_browsers_are_kept_from_guessing_framing_and_telling(path: str) -> None:
    async with serving(ROUTES) as client:
        headers = (await client.get(path)).headers

    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "strict-transport-security" not in headers


async def test_https_is_remembered_where_the_server_speaks_it() -> None:
    async with serving(ROUTES, policy=Policy(https=True)) as client:
        assert (await client.get("/page")).headers["strict-transport-security"] == "max-age=31536000"


async def test_a_page_may_use_this_server_and_nothing_else_unless_it_says_so_itself() -> None:
    async with serving(ROUTES) as client:
        strict = (await client.get("/page")).headers["content-security-policy"]
        own = (await client.get("/page?own=script-src 'sha256-x'")).headers.get_list("content-security-policy")
        none = (await client.get("/api/thing")).headers

    assert strict.startswith("default-src 'none'; ")
    assert "unsafe" not in strict
    assert own == ["script-src 'sha256-x'"]
    assert "content-security-policy" not in none


@pytest.mark.parametrize("path", ["/api/thing", "/api/refused", "/api/nothing", "/page"])
async def test_without_origins_no_page_from_elsewhere_may_ask(path: str) -> None:
    async with serving(ROUTES) as client:
        answers = [await client.get(path, headers={"Origin": ORIGIN}), await client.options(path, headers=ASK)]

    for answer in answers:
        assert cors(answer) == {}
        assert "vary" not in answer.headers
    assert answers[1].status_code in (404, 405)


@pytest.mark.parametrize("path", ["/api/thing", "/api/refused", "/api/nothing"])
async def test_a_page_from_a_listed_origin_may_read_every_answer_of_the_api(path: str) -> None:
    async with serving(ROUTES, policy=CROSS) as client:
        answer = await client.get(path, headers={"Origin": ORIGIN})

    assert cors(answer) == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "Link, Retry-After, X-Request-ID",
    }
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        ORIGIN + "/",
        ORIGIN.upper(),
        ORIGIN + ":443",
        "null",
        "*",
        "",
        "http://ui.example.com",
    ],
)
async def test_no_other_origin_may_though_caches_learn_that_it_matters(origin: str) -> None:
    async with serving(ROUTES, policy=CROSS) as client:
        answer = await client.get("/api/thing", headers={"Origin": origin})
        preflight = await client.options("/api/thing", headers=ASK | {"Origin": origin})

    assert cors(answer) == cors(preflight) == {}
    assert answer.headers["vary"] == preflight.headers["vary"] == "Origin"
    assert (answer.status_code, preflight.status_code) == (200, 405)


async def test_outside_the_api_there_is_nothing_for_other_pages() -> None:
    async with serving(ROUTES, policy=CROSS) as client:
        answer = await client.get("/page", headers={"Origin": ORIGIN})

    assert cors(answer) == {}
    assert "vary" not in answer.headers


@pytest.mark.parametrize("path", ["/api/thing", "/api/refused", "/api/nothing"])
async def test_a_preflight_is_answered_before_anything_is_looked_at(path: str) -> None:
    async with serving(ROUTES, policy=CROSS) as client:
        answer = await client.options(path, headers=ASK)

    assert (answer.status_code, answer.content) == (204, b"")
    assert cors(answer) == {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "Link, Retry-After, X-Request-ID",
        "access-control-allow-methods": "GET, POST, PATCH, PUT, DELETE, OPTIONS",
        "access-control-allow-headers": "Accept, Authorization, Content-Type, X-CSRF-Token",
        "access-control-max-age": "300",
    }
    assert answer.headers["vary"] == "Origin"


async def test_options_that_are_no_preflight_are_a_wrong_method() -> None:
    async with serving(ROUTES, policy=CROSS) as client:
        assert (await client.options("/api/thing", headers={"Origin": ORIGIN})).status_code == 405


async def test_what_is_open_to_all_stays_so() -> None:
    async with serving(ROUTES, policy=CROSS) as client:
        answer = await client.get("/api/badge", headers={"Origin": ORIGIN})

    assert answer.headers.get_list("access-control-allow-origin") == ["*"]
    assert "access-control-allow-credentials" not in answer.headers


class Watch:
    """Nanoseconds, moved by hand."""

    time = 0

    def __call__(self) -> int:
        return self.time


def caller(scope: Scope) -> str:
    """The token as it is shown."""
    return next((value.decode() for name, value in scope["headers"] if name == b"authorization"), "")


class Accounts:
    """Which account each token opens, and how often that was asked."""

    def __init__(self) -> None:
        self.ids = {"ada": 1, "ada too": 1, "bob": 2}
        self.asked = 0

    async def find(self, scope: Scope) -> int:
        self.asked += 1
        return self.ids.get(caller(scope), 0)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def limited(watch: Watch, accounts: Accounts) -> Policy:
    """Three requests a minute."""
    return Policy(
        api="/api",
        origins=CROSS.origins,
        budgets=Budgets(3, watch),
        who=caller,
        account=accounts.find,
        unlimited=frozenset({"/healthz", "/readyz"}),
        unlimited_under=("/rpc/",),
    )


async def statuses(client: httpx2.AsyncClient, count: int, path: str = "/api/thing", **headers: Any) -> list[int]:
    return [(await client.get(path, headers=headers)).status_code for _ in range(count)]


async def test_who_asks_too_often_is_told_when_to_come_back(limited: Policy, watch: Watch) -> None:
    async with serving(ROUTES, policy=limited) as client:
        assert await statuses(client, 3) == [200] * 3
        refused = await client.get("/api/thing", headers={"Origin": ORIGIN})
        watch.time += 20_000_000_000
        assert await statuses(client, 2) == [200, 429]

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "20")
    assert refused.json() == {"message": "too many requests; try again in 20 s", "code": "rate_limited"}
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert refused.headers["x-request-id"]


async def test_each_account_counts_alone_whatever_strangers_of_its_address_do(limited: Policy) -> None:
    async with serving(ROUTES, policy=limited) as client:
        assert await statuses(client, 4) == [200, 200, 200, 429]
        assert await statuses(client, 2, authorization="invented") == [429, 429]
        assert await statuses(client, 4, authorization="ada") == [200, 200, 200, 429]
        assert await statuses(client, 4, authorization="bob") == [200, 200, 200, 429]


async def test_all_tokens_of_an_account_have_one_budget(limited: Policy) -> None:
    async with serving(ROUTES, policy=limited) as client:
        assert await statuses(client, 2, authorization="ada") == [200, 200]
        assert await statuses(client, 2, authorization="ada too") == [200, 429]
        assert await statuses(client, 1, authorization="ada") == [429]
        assert await statuses(client, 1, authorization="bob") == [200]


async def test_the_account_of_a_token_is_asked_once_a_minute_so_that_a_deleted_token_is_a_strangers(
    limited: Policy, watch: Watch, accounts: Accounts
) -> None:
    async with serving(ROUTES, policy=limited) as client:
        assert await statuses(client, 4, authorization="ada") == [200, 200, 200, 429]
        assert accounts.asked == 1
        del accounts.ids["ada"]
        watch.time += 40_000_000_000
        assert await statuses(client, 3, authorization="ada") == [200, 200, 429]
        watch.time += 20_000_000_000
        assert await statuses(client, 4, authorization="ada") == [200, 200, 200, 429]
        assert await statuses(client, 1) == [429]
        assert await statuses(client, 1, authorization="ada too") == [200]


async def test_invented_tokens_do_not_help(limited: Policy) -> None:
    async with serving(ROUTES, policy=limited) as client:
        found = [await statuses(client, 1, authorization=f"token-{number}") for number in range(5)]

    assert found == [[200], [200], [200], [429], [429]]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/rpc/v2/ping"])
async def test_runners_and_whoever_watches_the_server_may_always_ask(limited: Policy, path: str) -> None:
    async with serving(ROUTES, policy=limited) as client:
        assert await statuses(client, 4) == [200, 200, 200, 429]
        assert await statuses(client, 10, path) == [200] * 10


async def test_a_preflight_does_not_count(limited: Policy) -> None:
    async with serving(ROUTES, policy=limited) as client:
        for _ in range(10):
            assert (await client.options("/api/thing", headers=ASK)).status_code == 204
        assert await statuses(client, 3) == [200] * 3
