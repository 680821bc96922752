"""Whose client a request is: only trusted proxies are believed, and only as far as they can know."""

from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.web.connected import address
from app.web.policy import Policy
from app.web.proxies import Proxies
from app.web.route import Endpoint
from tests.web.asgi import serving

PROXIES = Proxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


def unwrapped(host: str, *headers: tuple[str, str]) -> tuple[str, str]:
    """Client and scheme."""
    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope: dict[str, Any] = {"type": "http", "client": (host, 5), "scheme": "http", "headers": raw}
    PROXIES.unwrap(scope)
    return scope["client"][0], scope["scheme"]


@pytest.mark.parametrize("host", ["192.0.2.1", "fe80::1", "", "unix"])
def test_a_stranger_may_say_what_it_likes(host: str) -> None:
    headers = ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("forwarded", "for=1.2.3.4;proto=https")

    assert unwrapped(host, *headers) == (host, "http")


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("1.1.1.1, 192.0.2.1", "192.0.2.1"),
        ("1.1.1.1, 192.0.2.1, 10.0.0.9", "192.0.2.1"),
        ("10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("1.1.1.1, unknown", "10.0.0.1"),
        ("1.1.1.1, garbage, 10.0.0.9", "10.0.0.9"),
        ("", "10.0.0.1"),
        (" , ,", "10.0.0.1"),
        ("9" * 20_000, "10.0.0.1"),
        ("1.1.1.1, " * 2000 + "192.0.2.1", "192.0.2.1"),
    ],
)
def test_the_client_is_the_last_address_that_no_trusted_proxy_has(said: str, client: str) -> None:
    assert unwrapped("10.0.0.1", ("x-forwarded-for", said))[0] == client


def test_a_proxy_may_have_its_address_in_either_form_and_add_headers_of_its_own() -> None:
    headers = ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "192.0.2.1")

    assert unwrapped("::ffff:10.0.0.1", *headers)[0] == "192.0.2.1"
    assert unwrapped("fd00::1", *headers)[0] == "192.0.2.1"


@pytest.mark.parametrize(
    ("said", "client", "scheme"),
    [
        ("for=192.0.2.1", "192.0.2.1", "http"),
        ("for=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1", "https"),
        ('For="[2001:db8::1]:4711"; Proto=HTTPS', "2001:db8::1", "https"),
        ("for=1.1.1.1;proto=http, for=192.0.2.1;proto=https, for=10.0.0.9;proto=http", "192.0.2.1", "https"),
        ('for=1.1.1.1, for="_hidden"', "10.0.0.1", "http"),
        ('for=1.1.1.1, by="a,b;for=1.1.1.2";for=192.0.2.1', "192.0.2.1", "http"),
        ("for=192.0.2.1;proto=gopher", "192.0.2.1", "http"),
        ('"' * 9999, "10.0.0.1", "http"),
        ("=;,=" * 999, "10.0.0.1", "http"),
    ],
)
def test_the_standard_header_says_the_same(said: str, client: str, scheme: str) -> None:
    assert unwrapped("10.0.0.1", ("forwarded", said)) == (client, scheme)


def test_headers_that_name_different_clients_do_not_count() -> None:
    both = ("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1;proto=https")
    forged = ("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=1.1.1.1;proto=https")

    assert unwrapped("10.0.0.1", *both) == ("192.0.2.1", "https")
    assert unwrapped("10.0.0.1", *forged) == ("10.0.0.1", "http")


@pytest.mark.parametrize(
    ("said", "scheme"), [("https", "https"), ("http, https", "https"), ("HTTPS", "https"), ("x", "http")]
)
def test_the_scheme_is_what_the_nearest_proxy_says(said: str, scheme: str) -> None:
    assert unwrapped("10.0.0.1", ("x-forwarded-proto", said)) == ("10.0.0.1", scheme)


def test_without_proxies_nobody_is_one() -> None:
    assert "10.0.0.1" not in Proxies()
    assert "10.0.0.1" in PROXIES


async def test_handlers_see_the_client() -> None:
    async def who(request: Request) -> Response:
        return PlainTextResponse(f"{request.url.scheme} {address(request)}")

    policy = Policy(proxies=Proxies([ip_network("127.0.0.1")]))
    async with serving([Endpoint("GET", "/who", who)], policy=policy) as client:
        answer = await client.get("/who", headers={"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"})

    assert answer.text == "https 192.0.2.1"
