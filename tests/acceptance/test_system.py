"""What administrators see and steer: the queue, what is not over, the server's state."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.db import schema
from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import Server

BUILDS = f"/api/repos/{SLUG}/builds"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps: [{name: step, commands: ['test "$DRONE_DEPLOY_TO" != hang || sleep 600']}]
---
kind: pipeline
type: exec
name: after
clone: {disable: true}
steps: [{name: step, commands: ['true']}]
depends_on: [default]
trigger: {event: [promote], target: [hang]}
---
kind: pipeline
type: docker
name: elsewhere
platform: {os: windows, arch: arm64, version: "1809"}
steps: [{name: step, image: alpine, commands: ['true']}]
trigger: {event: [promote], target: [windows]}
"""
SYSTEM = [
    ("GET", "/api/queue"),
    ("POST", "/api/queue"),
    ("DELETE", "/api/queue"),
    ("GET", "/api/builds/incomplete"),
    ("GET", "/api/builds/incomplete/v2"),
    ("GET", "/api/system/stats"),
]


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    server, _ = begin(PIPELINE)
    return server


@pytest.fixture
def paused(server: Server) -> Iterator[Server]:
    """The server while its queue is paused."""
    assert server.ask("DELETE", "/api/queue").status_code == 204
    yield server
    _clear(server)
    assert server.ask("POST", "/api/queue").status_code == 204


def _clear(server: Server) -> None:
    """Stop what is not over."""
    for repo in server.json("GET", "/api/builds/incomplete"):
        server.ask("DELETE", f"{BUILDS}/{repo['build']['number']}")


def _stats(server: Server) -> Any:
    return server.json("GET", "/api/system/stats")


@pytest.mark.parametrize(("method", "path"), SYSTEM)
def test_all_of_it_is_for_administrators(server: Server, method: str, path: str) -> None:
    with server.visitor() as anyone:
        assert anyone.request(method, path).status_code == 401
    with server.account(f"{method}{path}".replace("/", "-")) as account:
        assert account.request(method, path).status_code == 403
    with server.account(f"m{method}{path}".replace("/", "-"), machine=True) as machine:
        assert machine.request(method, path).status_code == 403


def test_what_is_promoted_while_the_queue_is_paused_waits_and_says_why(paused: Server) -> None:
    number = paused.promote(SLUG)["number"]
    reason = "the queue is paused by an administrator"

    [stage] = paused.json("GET", "/api/queue")
    build = paused.json("GET", f"{BUILDS}/{number}")

    assert (stage["build_id"], stage["status"], stage["name"]) == (build["id"], "pending", "default")
    assert "steps" not in stage
    assert stage["pending_reason"] == build["stages"][0]["pending_reason"] == reason
    assert stage == build["stages"][0]
    assert paused.ask("POST", "/api/queue").status_code == 204
    assert paused.finished(SLUG, number)["status"] == "success"


def test_pausing_and_resuming_twice_is_as_good_as_once(paused: Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: paused.ask("DELETE", "/api/queue"), range(8)))
        assert {(answer.status_code, answer.content) for answer in answers} == {(204, b"")}
        number = paused.promote(SLUG)["number"]
        answers = list(threads.map(lambda _: paused.ask("POST", "/api/queue"), range(8)))

    assert {answer.status_code for answer in answers} == {204}
    assert paused.finished(SLUG, number)["status"] == "success"


def test_a_pause_lasts_over_a_restart(paused: Server) -> None:
    paused.stop()
    paused.start()

    number = paused.promote(SLUG)["number"]

    assert "paused" in paused.json("GET", f"{BUILDS}/{number}")["stages"][0]["pending_reason"]
    assert "gantry_queue_paused 1.0" in paused.ask("GET", "/metrics").text


def test_what_runs_goes_on_while_the_queue_is_paused(server: Server) -> None:
    number = server.promote(SLUG, target="hang")["number"]
    server.running(SLUG, number)
    server.ask("DELETE", "/api/queue")

    assert [stage["status"] for stage in server.json("GET", "/api/queue")] == ["running"]
    server.ask("DELETE", f"{BUILDS}/{number}")
    assert server.finished(SLUG, number)["status"] == "killed"
    server.ask("POST", "/api/queue")


def test_what_is_not_over_is_listed_newest_first_and_stage_by_stage(paused: Server) -> None:
    first, second = (paused.promote(SLUG, target=target)["number"] for target in ("hang", "x"))

    listed = paused.json("GET", "/api/builds/incomplete")
    rows = paused.json("GET", "/api/builds/incomplete/v2")
    queue = paused.json("GET", "/api/queue")

    assert [repo["build"]["number"] for repo in listed] == [second, first]
    assert {repo["slug"] for repo in listed} == {SLUG}
    assert all("stages" not in repo["build"] for repo in listed)
    assert listed[0]["build"] == next(b for b in paused.json("GET", BUILDS) if b["number"] == second)
    repo = paused.json("GET", f"/api/repos/{SLUG}")
    assert {key: value for key, value in listed[0].items() if key != "build"} == {
        key: value for key, value in repo.items() if key != "permissions"
    }
    assert [(row["build_number"], row["stage_name"]) for row in rows] == [(second, "default"), (first, "default")]
    numbers = {"build_number", *(f"build_{of}" for of in ("started", "finished", "created", "updated"))}
    numbers |= {"stage_started", "stage_stopped"}
    assert {key for key, value in rows[0].items() if isinstance(value, int)} == numbers
    assert {key for key, value in rows[0].items() if isinstance(value, str)} == rows[0].keys() - numbers
    assert (len(rows[0]), rows[0]["repo_slug"], rows[0]["stage_limit"], rows[0]["stage_limit_repo"]) == (
        26,
        SLUG,
        "0",
        "0",
    )
    assert [stage["id"] for stage in queue] == sorted(stage["id"] for stage in queue)
    assert [stage["name"] for stage in queue] == ["default", "default"]


def test_statistics_count_what_waits_by_platform_and_who_listens(paused: Server) -> None:
    paused.promote(SLUG, target="windows")
    with paused.client.stream("GET", f"/api/stream/{SLUG}") as stream:
        frames = stream.iter_bytes()
        next(frames)
        stats = _stats(paused)

    rows = {(row["os"], row["arch"], row["variant"], row["kernel"]): row for row in stats["pipelines"]}
    assert len(rows) == len(stats["pipelines"]) == 8
    assert rows["linux", "amd64", "", ""]["pending"] == 1
    assert rows["windows", "arm64", "", "1809"]["pending"] == 1
    assert sum(row["pending"] for row in rows.values()) == 2
    assert stats["builds"]["pending"] == 1
    assert stats["repos"] == {"active": 1}
    assert stats["events"] == {"subscribers": 1}
    assert stats["watchers"] is None


def test_statistics_tell_who_follows_a_log(server: Server) -> None:
    number = server.promote(SLUG, target="hang")["number"]
    server.running(SLUG, number)
    step = server.json("GET", f"{BUILDS}/{number}")["stages"][0]["steps"][0]["id"]
    assert _stats(server)["streams"] == {str(step): 0}

    with server.client.stream("GET", f"/api/stream/{SLUG}/{number}/1/1") as stream:
        frames = stream.iter_bytes()
        next(frames)
        server.until(lambda: _stats(server)["streams"] == {str(step): 1}, "the reader is counted")
        assert "gantry_log_readers 1.0" in server.ask("GET", "/metrics").text

    assert sum(row["running"] for row in _stats(server)["pipelines"]) == 1
    server.ask("DELETE", f"{BUILDS}/{number}")
    server.until(lambda: _stats(server)["streams"] == {}, "the log is closed")


def test_varz_is_for_everybody_and_knows_no_limits(server: Server) -> None:
    with server.visitor() as anyone:
        answer = anyone.get("/varz")

    assert answer.json() == {
        "scm": {"url": server.url, "rate": {"limit": 0, "remaining": 0, "reset": 0}},
        "license": {"kind": "free", "seats": 0, "repos": 0, "expire_at": "0001-01-01T00:00:00Z"},
    }


@pytest.mark.parametrize(
    "path", ["/api/queue", "/api/builds/incomplete", "/api/builds/incomplete/v2", "/varz", "/metrics"]
)
def test_head_is_get_without_a_body(server: Server, path: str) -> None:
    head, get = server.ask("HEAD", path), server.ask("GET", path)

    assert (head.status_code, head.content) == (get.status_code, b"") == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/queue", {"GET", "HEAD", "POST", "DELETE"}),
        ("POST", "/api/system/stats", {"GET", "HEAD"}),
        ("DELETE", "/api/builds/incomplete", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_names_the_right_ones(server: Server, method: str, path: str, allowed: set[str]) -> None:
    answer = server.ask(method, path)

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_a_queue_of_ten_thousand_is_whole_and_in_order(paused: Server) -> None:
    number = paused.promote(SLUG)["number"]
    build = paused.json("GET", f"{BUILDS}/{number}")["id"]
    kept = ", ".join(column.name for column in schema.stages.columns if column.name not in ("id", "number"))
    paused.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
        f"INSERT INTO stages (number, {kept}) SELECT number + i, {kept} FROM stages, n "
        f"WHERE build_id = {build} ORDER BY i"
    )

    queue = paused.json("GET", "/api/queue")
    rows = paused.json("GET", "/api/builds/incomplete/v2")

    assert [stage["number"] for stage in queue] == list(range(1, 10_001))
    assert {row["build_number"] for row in rows} == {number}
    assert len(rows) == 10_000
    assert [repo["build"]["number"] for repo in paused.json("GET", "/api/builds/incomplete")] == [number]
