"""The server as a neighbour: health, versions, ids, logs, limits, and requests that are none."""

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import TOKEN, Server

BUILDS = f"/api/repos/{SLUG}/builds"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps: [{name: step, commands: ['test "$DRONE_DEPLOY_TO" != bad']}]
"""


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    server, _ = begin(PIPELINE)
    server.promote(SLUG, 1, "bad")
    server.finished(SLUG, 2)
    return server


def _raw(server: Server, *pieces: bytes, shut: bool = False) -> bytes:
    """What comes back for these bytes until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            if shut:
                connection.shutdown(socket.SHUT_WR)
        except (ConnectionResetError, BrokenPipeError):
            pass
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received


def _head(method: str = "GET", path: str = "/healthz", *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", f"Authorization: Bearer {TOKEN}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def test_it_says_that_it_lives_and_is_ready_and_which_it_is(server: Server) -> None:
    with server.visitor() as anyone:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"):
            assert anyone.request(method, "/healthz").status_code == 200
        assert anyone.get("/healthz").text == anyone.get("/readyz").text == "OK"
        version = anyone.get("/version").json()
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", version["version"])


def test_the_page_of_operation_lists_the_metrics_in_their_order(server: Server) -> None:
    page = (Path(__file__).parents[2] / "docs" / "operation.md").read_text()
    told = re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", page.partition("## Monitoring")[2], re.MULTILINE)

    metrics = re.findall(r"^# HELP (\w+) (.*)\.$", server.ask("GET", "/metrics").text, re.MULTILINE)

    assert told == metrics


def test_metrics_count_what_there_is(server: Server) -> None:
    text = server.ask("GET", "/metrics").text

    values = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
    assert {name: float(value) for name, value in values.items()} == {
        "drone_user_count": 1.0,
        "drone_repo_count": 1.0,
        "drone_build_count": float(server.json("GET", f"/api/repos/{SLUG}")["counter"]),
        "drone_pending_builds": 0.0,
        "gantry_blocked_builds": 0.0,
        "drone_running_builds": 0.0,
        "drone_pending_jobs": 0.0,
        "drone_running_jobs": 0.0,
        "gantry_queue_paused": 0.0,
        "gantry_event_readers": 0.0,
        "gantry_log_readers": 0.0,
        "gantry_artifacts_bytes": 0.0,
        "gantry_artifacts_blobs": 0.0,
        "gantry_artifacts_items": 0.0,
        "gantry_artifacts_quota_bytes": 0.0,
        "gantry_artifacts_hashed_bytes_total": 0.0,
        "gantry_artifacts_hashing_seconds_total": 0.0,
        "gantry_artifacts_damaged_total": 0.0,
        "gantry_artifacts_collections_total": 1.0,
        "gantry_artifacts_collected_blobs_total": 0.0,
        "gantry_artifacts_collected_bytes_total": 0.0,
        "gantry_artifacts_collected_orphans_total": 0.0,
        "gantry_build_promotions_total": 0.0,
        "gantry_build_promotions_failed_total": 0.0,
        "gantry_build_promotions_refused_total": 0.0,
        "gantry_build_promotions_seconds_total": 0.0,
        "gantry_bundle_versions": 0.0,
        "gantry_bundle_work": 0.0,
        "gantry_bundle_work_waiting": 0.0,
        "gantry_bundle_work_oldest_seconds": 0.0,
        "gantry_bundle_creations_total": 0.0,
        "gantry_bundle_creations_failed_total": 0.0,
        "gantry_bundle_promotions_total": 0.0,
        "gantry_bundle_promotions_failed_total": 0.0,
        "gantry_bundle_deletions_total": 0.0,
        "gantry_bundle_deletions_failed_total": 0.0,
        "gantry_bundle_work_seconds_total": 0.0,
        **dict.fromkeys(
            [f"gantry_outbox_{what}" for what in ("waiting", "dead", "oldest_seconds", "sent_total", "failed_total")],
            0.0,
        ),
    }


@pytest.mark.parametrize("given", ["abc-123", "A" * 64])
def test_a_request_id_is_echoed_and_logged(server: Server, given: str) -> None:
    answer = server.ask("GET", "/api/user", headers={"X-Request-ID": given})

    assert answer.headers["x-request-id"] == given
    server.until(lambda: f'"request_id":"{given}"' in server.log.read_text(), "the request is in the log")


@pytest.mark.parametrize("given", ["", "x" * 65, 'a"b', "a b", "a\tb", "é", "-", "---"])
def test_an_odd_request_id_is_replaced(server: Server, given: str) -> None:
    answer = server.ask("GET", "/api/user", headers={"X-Request-ID": given.encode()})

    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) >= 16


def test_every_line_of_the_log_is_json_and_holds_no_query_header_or_body(server: Server) -> None:
    marks = {place: f"mark-in-{place}" for place in ("query", "header", "form", "json", "cookie", "token")}
    server.ask("GET", BUILDS, params={"x": marks["query"], "access_token": marks["token"]})
    server.ask("GET", "/api/user", headers={"Authorization": f"Bearer {marks['header']}", "X-Other": marks["header"]})
    server.ask("POST", f"{BUILDS}/1/promote", data={"target": "x", "y": marks["form"]}, params={"Z": marks["query"]})
    server.ask("POST", "/api/users", json={"login": marks["json"], "token": marks["json"], "admin": 5})
    server.ask("GET", "/api/user", headers={"Cookie": f"_session_={marks['cookie']}"})

    lines = [json.loads(line) for line in server.log.read_text().splitlines()]

    assert not [line for line in lines for mark in marks.values() if mark in json.dumps(line)]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    requests = [line for line in lines if line["message"] == "request"]
    assert all({"method", "path", "status", "ms", "request_id"} <= line.keys() for line in requests)
    for build in server.json("GET", BUILDS):
        server.finished(SLUG, build["number"])


@pytest.mark.parametrize("path", ["/api/user", BUILDS, f"{BUILDS}/1", "/version", "/api/nothing"])
def test_head_is_get_without_a_body(server: Server, path: str) -> None:
    head, get = (server.ask(method, path, headers={"Accept-Encoding": "identity"}) for method in ("HEAD", "GET"))

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert int(head.headers["content-length"]) == len(get.content)


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/nothing", "/api/repos/a", f"{BUILDS}/1/promotion", f"{BUILDS}/1/logs", "/x//", "/%00", "/a%0d%0ab"],
)
def test_a_path_that_leads_nowhere_is_a_404_in_json(server: Server, path: str) -> None:
    answer = server.ask("GET", path)

    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found", "code": "not_found"})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", BUILDS, {"GET", "HEAD", "POST", "DELETE"}),
        ("GET", f"{BUILDS}/1/promote", {"POST"}),
        ("DELETE", "/api/user", {"GET", "HEAD", "PATCH"}),
        ("GET", "/hook", {"POST"}),
        ("PATCH", f"{BUILDS}/1", {"GET", "HEAD", "POST", "DELETE"}),
    ],
)
def test_a_wrong_method_is_a_405_in_json_that_names_the_right_ones(
    server: Server, method: str, path: str, allowed: set[str]
) -> None:
    answer = server.ask(method, path)

    assert (answer.status_code, answer.json()["message"]) == (405, "Method Not Allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/stream?brief=yes", None),
        ("GET", f"/api/stream/{SLUG}?brief=yes", None),
        ("GET", f"/api/repos/{SLUG}/secrets?uses=yes", None),
        ("POST", "/api/user/chats?dry_run=yes", {"code": "a code that would link somebody"}),
    ],
)
def test_a_boolean_that_is_neither_true_nor_false_is_refused(
    server: Server, method: str, path: str, body: dict[str, str] | None
) -> None:
    answer = server.ask(method, path, json=body)

    name = path.partition("?")[2].removesuffix("=yes")
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_type")
    assert answer.json()["message"] == f"{name}: 'yes' is neither true nor false"


def test_answers_are_never_cached(server: Server) -> None:
    for path in ("/api/user", "/healthz", BUILDS, "/api/nothing"):
        assert "no-cache" in server.ask("GET", path).headers["cache-control"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_body"),
        (b"   \n", "empty_body"),
        (b"nonsense", "invalid_json"),
        (b'{"login": "x"', "invalid_json"),
        (b'{"login": "x"} trailing', "invalid_json"),
        (b'{"login": "\xff"}', "invalid_json"),
        (b'{"login": "\\ud800"}', "invalid_json"),
        (b"[" * 1000 + b"]" * 1000, "invalid_json"),
        (b'{"login":' * 1000 + b"1" + b"}" * 1000, "invalid_json"),
        (b'{"other": ' + b"[" * 1000 + b"]" * 1000 + b', "login": "x"}', "invalid_json"),
        (b"[]", None),
        (b'"text"', None),
        (b"null", None),
        (b"17", None),
        (b"NaN", None),
    ],
)
def test_a_body_that_is_no_object_is_a_400_that_says_so(server: Server, body: bytes, code: str | None) -> None:
    answer = server.ask("POST", "/api/users", content=body)

    assert answer.status_code == 400
    assert answer.json()["code"] == code or code is None
    assert "object" in answer.json()["message"] or "JSON" in answer.json()["message"]
    assert len(answer.content) < 1000


def test_json_that_curl_calls_a_form_is_read_all_the_same(server: Server) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = json.dumps({"name": "curled", "data": "x"})
    path = f"/api/repos/{SLUG}/secrets"

    assert server.ask("POST", path, content=body, headers=form).status_code == 200
    with server.visitor(form) as anyone:
        again = anyone.post(path, params={"access_token": TOKEN}, content=body)
    assert again.status_code == 409


def test_a_huge_body_is_refused_before_it_is_read(server: Server) -> None:
    told = _head("POST", "/api/users", "Content-Length: 1000000000000")
    chunked = _head("POST", "/api/users", "Transfer-Encoding: chunked")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"

    answers = [_raw(server, told), _raw(server, chunked, chunk, chunk)]

    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert b"at most 1048576" in answer
    signed = {"X-Gantry-Event": "push", "X-Hub-Signature-256": f"sha256={'0' * 64}"}
    assert server.ask("POST", "/hook", content=b"x" * 10_000_001, headers=signed).status_code == 413


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        pytest.param([b"nonsense\r\n\r\n"], 400, id="nonsense"),
        pytest.param([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], 400, id="tls"),
        pytest.param([b"GET /na\xc3\xafve HTTP/1.1\r\nHost: x\r\n\r\n"], 400, id="not-ascii"),
        pytest.param([b"GET / HTTP/9.9\r\n\r\n"], 400, id="version"),
        pytest.param([_head("POST", "/api/users", "Content-Length: x")], 400, id="length"),
        pytest.param([_head("POST", "/api/users", "Content-Length: 1", "Content-Length: 2")], 400, id="two-lengths"),
        pytest.param(
            [_head("POST", "/api/users", "Content-Length: 5", "Transfer-Encoding: chunked")], 400, id="smuggling"
        ),
        pytest.param([_head("GET", f"/healthz?{'x' * 70_000}")], 414, id="address"),
        pytest.param([b"GET / HTTP/1.1\r\n", b"X: " + b"x" * 500_000], 431, id="header"),
        pytest.param([b"GET / HTTP/1.1\r\n", b"X: y\r\n" * 100_000], 431, id="headers"),
    ],
)
def test_what_is_no_request_is_refused_in_json_and_the_line_closed(
    server: Server, pieces: list[bytes], status: int
) -> None:
    head, _, body = _raw(server, *pieces).partition(b"\r\n\r\n")

    assert head.startswith(f"HTTP/1.1 {status} ".encode()), head
    assert json.loads(body)["message"]
    assert server.ask("GET", "/healthz").status_code == 200


def test_who_leaves_in_the_middle_is_no_bug(server: Server) -> None:
    cut = [
        _head("POST", "/api/users", "Content-Length: 100") + b'{"login":',
        _head("POST", f"{BUILDS}/1/promote", "Content-Length: 9", "Content-Type: application/x-www-form-urlencoded")
        + b"a",
        _head("POST", "/hook", "Content-Length: 100", "X-Gantry-Event: push") + b"{",
        b"GET /healthz HT",
    ]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda piece: _raw(server, piece, shut=True), cut * 3))

    assert server.ask("GET", "/healthz").status_code == 200
    assert "Traceback" not in server.log.read_text()
    assert '"message":"bug"' not in server.log.read_text()


def test_many_requests_on_one_line_are_answered_in_order(server: Server) -> None:
    keep = b"GET /api/user HTTP/1.1\r\nHost: x\r\nX-Request-ID: n-%d\r\n\r\n"

    reply = _raw(server, b"".join(keep % n for n in range(20)) + _head())

    assert re.findall(rb"x-request-id: n-(\d+)", reply) == [str(n).encode() for n in range(20)]
    assert reply.endswith(b"OK")


def test_odd_addresses_are_clean_answers(server: Server) -> None:
    odd = ["%ff", "%00", "..", "%2e%2e", "%2F", "a%2Fb", "%ED%A0%80", "🚀", "x" * 5000, "'; DROP TABLE builds;--", "%"]
    repo = f"/api/repos/{SLUG}"
    places = ["/api/repos/{0}/{0}", "/api/badges/{0}/x/status.svg", "/api/stream/{0}/{0}", "/{0}"]
    places += [repo + end for end in ("/builds/{0}", "/builds?event={0}", "/collaborators/{0}", "/secrets/{0}")]

    statuses = {server.ask("GET", place.format(word)).status_code for word in odd for place in places}

    assert statuses == {200, 400, 404}  # `/..` is the first page
    assert '"level":"error"' not in server.log.read_text()


def _badge(server: Server, path: str) -> tuple[str, Any]:
    with server.visitor() as anyone:
        answer = anyone.get(f"/api/badges/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert "no-store" in answer.headers["cache-control"]
    picture = ElementTree.fromstring(answer.text)
    return [element.text or "" for element in picture.iter() if element.tag.endswith("text")][-1], answer


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (f"{SLUG}/status.svg?branch=main", "failure"),
        (f"{SLUG}/status.svg", "failure"),
        (f"{SLUG}/status.svg?branch=none", "none"),
        (f"{SLUG}/status.svg?ref=refs/tags/v1", "none"),
        ("nobody/nothing/status.svg", "none"),
    ],
)
def test_a_badge_is_for_everybody_and_never_an_error(server: Server, path: str, word: str) -> None:
    newest = server.promote(SLUG, 1, "bad")["number"]
    server.finished(SLUG, newest)

    assert _badge(server, path)[0] == word


def test_cc_xml_tells_of_the_newest_build(server: Server) -> None:
    number = server.promote(SLUG, 1, "bad")["number"]
    server.finished(SLUG, number)

    project = ElementTree.fromstring(server.ask("GET", f"/api/badges/{SLUG}/cc.xml").text)[0]

    assert project.attrib["name"] == SLUG
    assert project.attrib["activity"] == "Sleeping"
    assert project.attrib["lastBuildStatus"] == "Failure"
    assert project.attrib["lastBuildLabel"] == str(number)
    assert project.attrib["webUrl"] == f"{server.url}/{SLUG}/{number}"
    server.register(server.json("GET", f"/api/repos/{SLUG}")["git_http_url"], "octocat/empty", default_branch="main")
    assert server.ask("GET", "/api/badges/octocat/empty/cc.xml").status_code == 404


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/api/repos/octocat/hidden"])
def test_a_browser_gets_an_error_as_a_page_and_clients_of_artifactory_do_not(server: Server, path: str) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    page = server.ask("GET", path, headers=browser)
    faults = server.ask("GET", "/artifactory/api/nowhere", headers=browser)

    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "<code>not_found</code>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert faults.headers["content-type"] == "application/json"
