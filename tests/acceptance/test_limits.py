"""A server whose settings say whose pages may ask, how often anybody may, and who reads its numbers."""

import time
from collections.abc import Iterator

import pytest

from tests.acceptance.server import TOKEN, Server

ORIGIN = "https://ui.example.com"
PUBLIC = "https://ci.example.com/gantry"
#: Requests a minute, few enough to be used up in a moment.
RATE = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"cors_origins": f"{ORIGIN} http://localhost:3000", "rate_limit": str(RATE), "url": PUBLIC}
    folder = tmp_path_factory.mktemp("limits")
    with Server(folder / "server", metrics_anonymous="true", **settings) as server:
        yield server


def test_pages_of_a_listed_origin_may_ask_and_read(server: Server) -> None:
    ask = {"Origin": ORIGIN, "Access-Control-Request-Method": "DELETE"}
    preflight = server.ask("OPTIONS", "/api/queue", headers=ask)
    answer = server.ask("GET", "/api/repos", headers={"Origin": ORIGIN})
    stranger = server.ask("GET", "/api/repos", headers={"Origin": "https://evil.example.com"})

    assert (preflight.status_code, preflight.content) == (204, b"")
    assert "DELETE" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-max-age"] == "300"
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "Link" in answer.headers["access-control-expose-headers"]
    assert answer.links["first"]["url"] == f"{PUBLIC}/api/repos"
    assert "access-control-allow-origin" not in stranger.headers
    assert [reply.headers["vary"] for reply in (preflight, answer, stranger)] == ["Origin"] * 3


def test_every_answer_tells_browsers_what_not_to_do(server: Server) -> None:
    for path in ("/api/user", "/healthz", "/nowhere", "/version"):
        headers = server.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["strict-transport-security"] == "max-age=31536000"


def test_everybody_may_read_the_numbers_when_the_settings_say_so(server: Server) -> None:
    with server.visitor() as anyone:
        answer = anyone.get("/metrics")

    assert answer.status_code == 200
    assert "drone_build_count 0.0" in answer.text
    assert "gantry_queue_paused 0.0" in answer.text
    assert "gantry_event_readers 0.0" in answer.text


def test_too_many_parameters_are_refused(server: Server) -> None:
    answer = server.ask("GET", "/api/repos?" + "a&" * 20_000)

    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_parameters")


def test_too_many_headers_are_refused(server: Server) -> None:
    status, answer = server.ask_plainly("GET", "/api/user", b"", **{f"X-{number}": "" for number in range(95)})
    assert (status, answer["login"]) == (200, "octocat")

    status, answer = server.ask_plainly("GET", "/api/user", b"", **{f"X-{number}": "" for number in range(200)})
    assert (status, answer["code"]) == (431, "too_large")


def test_who_asks_too_often_is_told_when_to_come_back_and_others_are_not(server: Server) -> None:
    other = server.account("other")
    assert other.get("/api/user").status_code == 200

    began = time.monotonic()
    ways = [{"Authorization": f"Bearer {TOKEN}"}, {"Authorization": TOKEN}]
    with server.visitor() as client:
        answers = [client.get("/api/user", headers=ways[number % 2]) for number in range(RATE * 2)]
        query = client.get(f"/api/user?access_token={TOKEN}")
    spent = time.monotonic() - began

    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert len(refused) >= RATE - RATE * spent / 60 - 1
    assert query.status_code == 429
    assert refused[-1].json()["code"] == "rate_limited"
    assert 1 <= int(refused[-1].headers["retry-after"]) <= 60
    assert refused[-1].headers["cache-control"] == "no-cache, private, max-age=0"
    assert other.get("/api/user").status_code == 200
    other.close()
    for path in ("/healthz", "/readyz"):
        assert {server.ask("GET", path).status_code for _ in range(RATE)} == {200}
