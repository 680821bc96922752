"""Calls of hosts: certificates, redirects, limits of calls, pages, and what messages show."""

import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme

from app.errors import Unavailable, Unreadable
from app.scm.api import Api
from app.scm.client import Call, Client
from app.scm.forge import Credential, Later, Refused
from tests.scm.fakes.serving import Asked, Far, Problem, call, serving

NOW = 1_700_000_000


class Small(Far):
    """Answers as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.headers: dict[str, str] = {}
        self.status, self.told = 200, b"[]"

    @call("GET", "list")
    def items(self, asked: Asked) -> Any:
        raise Problem(self.status, self.told, self.headers)

    @call("GET", "from/{number}")
    def moved(self, asked: Asked) -> Any:
        number = int(asked.params["number"])
        if not number:
            return ["arrived"]
        raise Problem(301, b"", {"location": f"/from/{number - 1}?a=b"})

    @call("POST", "made")
    def made(self, asked: Asked) -> Any:
        raise Problem(self.status, b"", {"location": "/made/elsewhere"})

    @call("POST", "made/elsewhere")
    def elsewhere(self, asked: Asked) -> Any:
        return 201, asked.json


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Place:
    far: Small
    client: Client
    clock: Clock = field(default_factory=Clock)

    def call(self, path: str, method: str = "GET", **more: Any) -> Call:
        return Call(method, f"{self.far.url}/{path}", **more)

    def api(self) -> Api:
        return Api(self.client, f"{self.far.url}/", lambda shown: {"authorization": f"Bearer {shown.secret}"})


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    far, clock = Small(), Clock()
    client = Client("forge", timeout=10, pause=0.001, clock=clock)
    with serving(far):
        yield Place(far, client, clock)
        await client.close()


async def test_redirects_within_the_server_are_followed(place: Place) -> None:
    answer = await place.client.send(place.call("from/3", query={"page": "1"}))

    assert answer.content == b'["arrived"]'
    assert [asked.query for asked in place.far.requests] == [{"page": "1"}, *[{"a": "b"}] * 3]


async def test_redirects_without_end_are_not(place: Place) -> None:
    with pytest.raises(Unreadable, match="more than 4 redirects"):
        await place.client.send(place.call("from/9"))


async def test_a_call_that_makes_a_thing_is_redirected_only_with_its_body(place: Place) -> None:
    place.far.status = 307
    assert (await place.client.send(place.call("made", "POST", json={"a": 1}))).content == b'{"a":1}'

    place.far.status = 301
    with pytest.raises(Unreadable, match="renamed"):
        await place.client.send(place.call("made", "POST", json={"a": 1}))


@pytest.mark.parametrize(
    ("status", "headers", "said", "seconds"),
    [
        (429, {"retry-after": "7"}, "", 7),
        (429, {"retry-after": formatdate(NOW + 20, usegmt=True)}, "", 20),
        (429, {"retry-after": formatdate(NOW - 20, usegmt=True)}, "", 1),
        (429, {"retry-after": "soon"}, "", 60),
        (429, {}, "", 60),
        (429, {"retry-after": "9" * 40}, "", 86_400),
        (403, {"retry-after": "7"}, "", 7),
        (503, {"retry-after": "7"}, "", 7),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW + 90)}, "", 90),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "nonsense"}, "", 60),
        (403, {}, '{"message":"You have exceeded a secondary rate limit"}', 60),
    ],
)
async def test_a_limit_of_calls_names_the_time_of_the_next(
    place: Place, status: int, headers: dict[str, str], said: str, seconds: float
) -> None:
    place.far.status, place.far.headers, place.far.told = status, headers, said.encode()

    with pytest.raises(Later) as caught:
        await place.client.send(place.call("list"))

    assert caught.value.seconds == seconds
    assert len(place.far.requests) == 1


async def test_after_the_last_call_that_is_left_no_call_is_made_until_the_host_s_time(place: Place) -> None:
    place.far.headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW + 90)}
    await place.client.send(place.call("list"))

    with pytest.raises(Later) as caught:
        await place.client.send(place.call("list"))
    assert caught.value.seconds == 90
    place.clock.now += 91
    await place.client.send(place.call("list"))

    assert len(place.far.requests) == 2


async def test_a_limit_of_calls_without_a_token_keeps_nobody_from_logging_in(place: Place) -> None:
    place.far.status, place.far.headers = 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW + 3600)}
    with pytest.raises(Later):
        await place.client.send(place.call("list"))
    place.far.status, place.far.headers = 201, {}
    with pytest.raises(Later):
        await place.client.send(place.call("list"))

    form = {"grant_type": "authorization_code", "code": "c"}
    assert (await place.client.send(place.call("made", "POST", form=form))).status == 201


async def test_a_message_shows_what_the_host_says_on_one_line_and_no_secret(place: Place) -> None:
    place.far.status = 422
    place.far.told = b'{"message":"no\\u0000 such\\ntoken s3cret","errors":[{"code":"custom"}]}'

    with pytest.raises(Refused) as caught:
        await place.client.send(place.call("list", secrets=("s3cret", "")))

    assert caught.value.message == 'forge answered 422 to GET /list: no  such token *** [{"code":"custom"}]'
    assert str(caught.value) == caught.value.message


async def test_pages_go_on_by_the_query_of_the_next_one_also_behind_a_proxy(place: Place) -> None:
    place.far.headers = {"link": '<http://inner.example.com/list?page=2>; rel="next", <http://x/>; rel="last"'}
    pages = place.api().pages(Credential("bearer", "t"), "list", list, size="10")

    first = await anext(pages)
    await anext(pages)
    place.far.headers = {"link": '<http://inner.example.com/list?page=1>; rel="first"'}
    rest = [page async for page in pages]

    assert first == []
    assert rest == []  # the second page named itself as the next: the list has ended
    assert [asked.query for asked in place.far.requests] == [{"size": "10"}, {"size": "10", "page": "2"}]


@pytest.mark.parametrize(("seconds", "returns"), [(5, 0), (60, 1)])
async def test_a_host_that_answers_again_after_an_outage_is_told_of(place: Place, seconds: int, returns: int) -> None:
    told = list[str]()
    place.client.on_return = lambda: told.append("back")
    await place.client.send(Call("GET", f"{place.far.url}/list"))
    place.far.status = 502
    for _ in range(2):
        with pytest.raises(Unavailable):
            await place.client.send(Call("GET", f"{place.far.url}/list"))
        place.clock.now += seconds
    place.far.status = 404  # an answer
    with pytest.raises(Refused):
        await place.client.send(Call("GET", f"{place.far.url}/list"))
    place.far.status = 200
    await place.client.send(Call("GET", f"{place.far.url}/list"))

    assert len(told) == returns


@pytest.mark.parametrize("told", [b"", b"<html>", b"null", b"{}", b'{"a":1}', b"[" * 10_000])
async def test_an_answer_of_another_form_is_no_failure_of_ours(place: Place, told: bytes) -> None:
    place.far.told = told

    with pytest.raises(Unavailable) as caught:
        await place.api().get(None, "list", lambda found: found["a"]["b"])

    assert caught.value.code == "host_not_understood"


@pytest.fixture
def secure() -> Iterator[str]:
    """The address of a server whose certificate is of an authority that nobody knows."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            """Nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/list"
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_certificate_that_nobody_vouches_for_is_refused_unless_the_settings_skip_that(secure: str) -> None:
    strict, lax = Client("forge", pause=0.001), Client("forge", skip_verify=True)
    try:
        with pytest.raises(Unavailable, match="certificate"):
            await strict.send(Call("GET", secure))
        assert (await lax.send(Call("GET", secure))).content == b"[]"
    finally:
        await strict.close()
        await lax.close()
