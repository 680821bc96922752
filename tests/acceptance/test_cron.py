"""Cron jobs over HTTP: kept, changed, refused, run by hand and by the clock, also after `kill -9`."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.acceptance.conftest import SLUG, first_build
from tests.acceptance.server import Server
from tests.scm.repository import Repository

CRON = f"/api/repos/{SLUG}/cron"
PIPELINE = """
kind: pipeline
type: exec
name: build
clone: {disable: true}
steps:
- {name: only, commands: [echo built by $DRONE_BUILD_TRIGGER]}
trigger: {event: [push, cron], cron: {exclude: [idle]}}
---
kind: pipeline
type: exec
name: deploy
clone: {disable: true}
steps:
- {name: only, commands: [echo "to $DRONE_DEPLOY_TO by $DRONE_BUILD_TRIGGER"]}
trigger: {target: [staging]}
"""
#: As Drone's client sends it.
WHOLE = {"id": 0, "repo_id": 0, "next": 0, "prev": 0, "event": "", "target": "", "disabled": False, "created": 0}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("cron")
    repository = Repository(folder / "hello-world")
    with Server(folder / "server", git_roots=str(folder)) as server:
        first_build(server, repository, PIPELINE)
        yield server


def add(server: Server, name: str, expr: str = "@yearly", **more: Any) -> Any:
    """A job that was added."""
    return server.json("POST", CRON, json={"name": name, "expr": expr, "branch": "main"} | more)


def test_a_job_looks_as_drones_and_tells_when_it_is_due(server: Server) -> None:
    job = add(server, "Looks Like", "0 0 1 * * *", **WHOLE, updated=0)

    assert list(job) == [
        *("id", "repo_id", "name", "expr", "next", "prev", "event", "branch", "disabled"),
        *("created", "updated", "version"),
    ]
    assert (job["name"], job["expr"], job["branch"], job["event"]) == ("looks-like", "0 0 1 * * *", "main", "push")
    assert job["next"] % 86400 == 3600
    assert 0 < job["next"] - time.time() <= 86400
    assert (job["prev"], job["disabled"], job["version"]) == (0, False, 1)
    assert abs(job["created"] - time.time()) < 60
    assert server.json("GET", f"{CRON}/looks-like") == job
    assert job in server.json("GET", f"{CRON}/")


def test_a_target_belongs_to_a_promotion(server: Server) -> None:
    assert "target" not in add(server, "builds", target="production")

    job = add(server, "promotes", event="promote", target="staging")
    assert (job["event"], job["target"], job["parent"]) == ("promote", "staging", "latest success")
    assert list(job)[7:10] == ["branch", "target", "parent"]


def test_a_zone_is_kept_with_the_job_and_changes_when_it_is_due(server: Server) -> None:
    job = add(server, "zoned", "0 0 6 * * *", zone="Asia/Kolkata")

    assert list(job)[3:6] == ["expr", "zone", "next"]
    assert job["zone"] == "Asia/Kolkata"
    assert job["next"] % 86400 == 30 * 60  # 6:00 there
    assert server.json("GET", f"{CRON}/zoned") == job

    moved = server.json("PATCH", f"{CRON}/zoned", json={"zone": "Asia/Tokyo"})
    assert (moved["zone"], moved["next"] % 86400) == ("Asia/Tokyo", 21 * 3600)
    # as Drone's client sends a change: without a zone
    disabled = server.json("PATCH", f"{CRON}/zoned", json={"disabled": True})
    assert (disabled["zone"], disabled["next"]) == ("Asia/Tokyo", moved["next"])
    plain = server.json("PATCH", f"{CRON}/zoned", json={"zone": "", "disabled": False})
    assert ("zone" in plain, plain["next"] % 86400) == (False, 6 * 3600)
    changes = server.json("GET", "/api/audit?action=cron.update&per_page=3")
    assert [one["after"].get("zone") for one in changes] == ["", None, "Asia/Tokyo"]


def test_jobs_are_listed_by_name(server: Server) -> None:
    for name in ("list-b", "list-a", "list-c"):
        add(server, name)

    names = [job["name"] for job in server.json("GET", CRON)]
    assert names == sorted(names)
    assert {"list-a", "list-b", "list-c"} <= set(names)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["branch", "expr", "name"]),
        ({"name": "", "expr": "", "branch": ""}, ["branch", "expr", "name"]),
        ({"name": "☃", "expr": "every day", "branch": "a..b"}, ["branch", "expr", "name"]),
        ({"name": 7, "expr": ["@daily"], "branch": {}}, ["branch", "expr", "name"]),
        ({"name": "x" * 101}, ["name"]),
        ({"name": "x" * 100_000}, ["name"]),
        ({"name": "-_-"}, ["name"]),
        ({"expr": "0 0 25 * * *"}, ["expr"]),
        ({"expr": "0 0 0 31 2 *"}, ["expr"]),
        ({"expr": "@every 0s"}, ["expr"]),
        ({"expr": "@daily\0"}, ["expr"]),
        ({"expr": "٠ 0 0 1 1 *"}, ["expr"]),
        ({"expr": "1," * 100_000 + "1 * * * * *"}, ["expr"]),
        ({"zone": "Europe/Berln"}, ["zone"]),
        ({"zone": "../UTC"}, ["zone"]),
        ({"zone": "x" * 100_000}, ["zone"]),
        ({"zone": 1}, ["zone"]),
        ({"branch": "ma\0in"}, ["branch"]),
        ({"branch": "x" * 10_000}, ["branch"]),
        ({"branch": "-x"}, ["branch"]),
        ({"event": "rollback"}, ["event"]),
        ({"event": "Promote", "target": "x"}, ["event"]),
        ({"event": True}, ["event"]),
        ({"event": "promote"}, ["target"]),
        ({"event": "promote", "target": ""}, ["target"]),
        ({"event": "promote", "target": "a\0b"}, ["target"]),
        ({"event": "promote", "target": "x" * 251}, ["target"]),
        ({"event": "promote", "target": ["x"]}, ["target"]),
        ({"event": "promote", "target": "x", "parent": "last"}, ["parent"]),
        ({"event": "promote", "expr": "x", "name": ""}, ["expr", "name", "target"]),
        ({"disabled": "no"}, ["disabled"]),
        ({"disabled": 1}, ["disabled"]),
    ],
)
def test_a_bad_job_is_refused_by_field(server: Server, body: dict[str, Any], fields: list[str]) -> None:
    good = {"name": "good", "expr": "@daily", "branch": "main"} if body and len(fields) < 3 else {}
    good = good or ({"branch": "main"} if "target" in fields else {})

    answer = server.ask("POST", CRON, json=good | body)

    assert answer.status_code == 400
    assert sorted(error["field"] for error in answer.json()["errors"]) == fields
    assert len(answer.text) < 2000
    assert server.ask("GET", f"{CRON}/good").status_code == 404


def test_drones_words_and_the_wrong_part_stand_in_the_message(server: Server) -> None:
    answer = server.ask("POST", CRON, json={"name": "", "expr": "0 0 25 * * *", "branch": ""})

    assert re.findall(r"Invalid Cronjob \w+", answer.json()["message"]) == [
        "Invalid Cronjob Name",
        "Invalid Cronjob Expression",
        "Invalid Cronjob Branch",
    ]
    assert "hour '25' must be 0 to 23" in answer.json()["message"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"7", b"\xff", b'{"name": "\\ud800"}'])
def test_what_is_no_object_is_refused(server: Server, method: str, body: bytes) -> None:
    job = "" if method == "POST" else "/looks-like"

    status, answer = server.ask_plainly(method, CRON + job, body)

    assert (status, bool(answer["message"])) == (400, True)


def test_a_name_is_taken_once_however_it_is_written(server: Server) -> None:
    add(server, "Taken Once")

    for name in ("taken-once", "TAKEN ONCE", "taken/once"):
        answer = server.ask("POST", CRON, json={"name": name, "expr": "@daily", "branch": "main"})
        assert (answer.status_code, answer.json()["code"]) == (409, "cron_exists")


def test_of_two_at_one_moment_one_has_the_name(server: Server) -> None:
    body = {"name": "race", "expr": "@daily", "branch": "main"}
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: server.ask("POST", CRON, json=body), range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7


@pytest.mark.parametrize("name", ["nope", "Looks Like", "LOOKS-LIKE", "☃", "a'b", "x" * 1000])
def test_an_unknown_job_is_not_found(server: Server, name: str) -> None:
    for method in ("GET", "PATCH", "POST"):
        answer = server.ask(method, f"{CRON}/{name}", json={"disabled": True} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["message"]) == (404, f"cron job {name} not found")


def test_a_change_changes_what_it_names(server: Server) -> None:
    job = add(server, "changes")
    url = f"{CRON}/changes"

    nothing = server.json("PATCH", url, json={"event": None, "branch": None, "target": None, "name": "x", "id": 9})
    assert nothing | {"updated": job["updated"], "version": 1} == job
    off = server.json("PATCH", url, json={"disabled": True, "branch": "main"})
    assert (off["disabled"], off["next"], off["version"]) == (True, job["next"], 3)
    assert server.json("PATCH", url, json={"TARGET": "production"})["target"] == "production"
    changed = server.json("PATCH", url, json={"expr": "@every 1h", "disabled": False, "event": "promote"})
    assert 3590 < changed["next"] - time.time() <= 3600
    assert (changed["event"], changed["target"], changed["parent"]) == ("promote", "production", "latest success")
    assert server.json("GET", url) == changed


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expr": ""}, "expr"),
        ({"expr": "0 0 0 31 2 *"}, "expr"),
        ({"branch": ""}, "branch"),
        ({"event": "tag"}, "event"),
        ({"event": "promote"}, "target"),
        ({"event": "promote", "target": ""}, "target"),
        ({"target": 7}, "target"),
        ({"parent": "first"}, "parent"),
        ({"disabled": "true"}, "disabled"),
    ],
)
def test_a_bad_change_changes_nothing(server: Server, body: dict[str, Any], field: str) -> None:
    server.ask("POST", CRON, json={"name": "steady", "expr": "@yearly", "branch": "main"})
    before = server.json("GET", f"{CRON}/steady")

    answer = server.ask("PATCH", f"{CRON}/steady", json=body | {"disabled": body.get("disabled", True)})

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert server.json("GET", f"{CRON}/steady") == before


def test_a_job_can_be_deleted_again_and_again(server: Server) -> None:
    add(server, "deleted")
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: server.ask("DELETE", f"{CRON}/deleted"), range(4)))

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 4
    assert server.ask("GET", f"{CRON}/deleted").status_code == 404


@pytest.mark.parametrize("name", ["looks-like", "nope"])
def test_jobs_are_for_those_who_may_write(server: Server, name: str) -> None:
    requests = [("GET", ""), ("POST", ""), *((method, f"/{name}") for method in ("GET", "PATCH", "POST", "DELETE"))]
    with (
        server.visitor() as nobody,
        server.account(f"stranger-{name}") as stranger,
        server.account(f"reader-{name}") as reader,
    ):
        server.json("PUT", f"/api/repos/{SLUG}/collaborators/reader-{name}", json={"read": True})
        for client, status in ((nobody, 401), (stranger, 404), (reader, 403)):
            assert [client.request(method, CRON + path).status_code for method, path in requests] == [status] * 6


def test_only_an_administrator_sets_a_job_to_run_more_often_than_once_a_minute(server: Server) -> None:
    add(server, "calm", "@every 1m")
    with server.account("writer") as writer:
        server.json("PUT", f"/api/repos/{SLUG}/collaborators/writer", json={"write": True})
        refused = [
            writer.post(CRON, json={"name": "frantic", "expr": "* * * * * *", "branch": "main"}),
            writer.patch(f"{CRON}/calm", json={"expr": "@every 59s"}),
        ]
        server.json("PATCH", f"{CRON}/calm", json={"expr": "@every 50s", "disabled": True})
        kept = writer.patch(f"{CRON}/calm", json={"expr": "@every 50s", "branch": "other"})
        slower = writer.patch(f"{CRON}/calm", json={"expr": "@every 60s"})
        again = writer.patch(f"{CRON}/calm", json={"expr": "@every 50s"})

    for answer in (*refused, again):
        assert answer.status_code == 400
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("expr", "cron_too_often")]
        assert "at least 60 s (GANTRY_CRON_MINIMUM)" in answer.json()["message"]
    assert (kept.status_code, kept.json()["branch"], slower.status_code) == (200, "other", 200)
    assert server.ask("GET", f"{CRON}/frantic").status_code == 404


def test_a_job_is_run_now_and_stays_due(server: Server) -> None:
    job = add(server, "by-hand", disabled=True)

    build = server.json("POST", f"{CRON}/by-hand")

    assert (build["event"], build["trigger"], build["cron"]) == ("cron", "@cron", "by-hand")
    assert (build["ref"], build["source"], build["target"], build["before"]) == ("refs/heads/main", "", "main", "")
    assert (build["author_name"], build["sender"], build["action"]) == ("Ada", "Ada", "")
    assert not {"params", "deploy_to", "parent", "stages"} & set(build)
    assert server.json("GET", f"{CRON}/by-hand") == job
    assert server.finished(SLUG, build["number"])["status"] == "success"
    assert server.output(SLUG, build["number"]) == "+ echo built by $DRONE_BUILD_TRIGGER\nbuilt by @cron\n"


def test_a_promoting_job_promotes_the_newest_success(server: Server) -> None:
    add(server, "to-staging", event="promote", target="staging")

    build = server.json("POST", f"{CRON}/to-staging")

    assert (build["event"], build["deploy_to"], build["trigger"]) == ("promote", "staging", "@cron")
    assert build["cron"] == "to-staging"
    green = server.json("GET", f"/api/repos/{SLUG}/builds/{build['parent']}")
    assert (green["status"], green["after"]) == ("success", build["after"])
    assert server.finished(SLUG, build["number"])["status"] == "success"
    assert "to staging by @cron" in server.output(SLUG, build["number"])


def test_what_a_job_cannot_run_is_told(server: Server) -> None:
    add(server, "idle")
    add(server, "no-branch", branch="gone")
    add(server, "nothing-green", branch="gone", event="promote", target="staging")
    add(server, "no-target", event="promote", target="moon")

    answers = {
        name: server.ask("POST", f"{CRON}/{name}") for name in ("idle", "no-branch", "nothing-green", "no-target")
    }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "idle": 422,
        "no-branch": 404,
        "nothing-green": 422,
        "no-target": 422,
    }
    assert 'pipeline "build": trigger.cron' in answers["idle"].json()["message"]
    assert answers["no-branch"].json()["message"] == "branch gone not found"
    assert "branch gone has no successful build yet" in answers["nothing-green"].json()["message"]
    assert "The file has: staging" in answers["no-target"].json()["message"]


def of(server: Server, name: str) -> list[Any]:
    """The builds of a job."""
    builds = server.json("GET", f"/api/repos/{SLUG}/builds", params={"per_page": "100"})
    return [build for build in builds if build.get("cron") == name]


def make_due(server: Server, name: str) -> None:
    """Let an hourly job be due, and the server look at it."""
    server.execute(f"UPDATE crons SET next = next - 3600 WHERE name = '{name}'")
    server.json("PATCH", f"{CRON}/{name}", json={})


def test_the_clock_runs_a_job_every_second(server: Server) -> None:
    add(server, "often", "@every 1s")
    began = time.monotonic()

    server.until(lambda: len(of(server, "often")) >= 3, "three runs")

    took = time.monotonic() - began
    server.json("PATCH", f"{CRON}/often", json={"disabled": True})
    assert len(of(server, "often")) <= took + 2
    job = server.json("GET", f"{CRON}/often")
    assert abs(job["prev"] - time.time()) < 60
    assert {build["event"] for build in of(server, "often")} == {"cron"}


def test_a_job_that_is_enabled_is_run_without_delay(server: Server) -> None:
    add(server, "enabled", "@every 1h", disabled=True)
    add(server, "before", "@every 1h")
    make_due(server, "before")
    server.until(lambda: of(server, "before"), "the clock has run what was due")

    server.json("PATCH", f"{CRON}/enabled", json={"disabled": False, "expr": "@every 1s"})

    server.until(lambda: of(server, "enabled"), "a run")
    server.ask("DELETE", f"{CRON}/enabled")


def test_what_was_missed_while_the_server_was_dead_runs_once(server: Server) -> None:
    add(server, "steadily", "@every 1s")
    add(server, "rarely", "@every 1h")
    server.until(lambda: of(server, "steadily"), "a run")

    server.kill()
    server.execute("UPDATE crons SET next = next - 36000 WHERE name = 'rarely'")
    server.start()

    server.until(lambda: of(server, "rarely"), "the run that was missed")
    before = len(of(server, "steadily"))
    server.until(lambda: len(of(server, "steadily")) > before, "the runs go on")
    assert len(of(server, "rarely")) == 1
    assert server.json("GET", f"{CRON}/rarely")["next"] > time.time() + 1800
    builds = server.json("GET", f"/api/repos/{SLUG}/builds", params={"per_page": "100"})
    assert [build["number"] for build in builds] == list(range(len(builds), 0, -1))
    for build in builds:
        assert server.json("GET", f"/api/repos/{SLUG}/builds/{build['number']}")["stages"]


@postgres.real
def test_two_servers_run_each_job_once(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "hello-world")
    shared = {"git_roots": str(tmp_path), "secret_key": "one key for both of them"}
    with Server(tmp_path / "one", **shared) as one:
        first_build(one, repository, PIPELINE)
        two = Server(tmp_path / "two", **shared, database_url=one.database, cron_interval="1s")
        with two:
            names = [f"job-{number}" for number in range(5)]
            for name in names:
                add(one, name, "@every 1h")
            one.execute("UPDATE crons SET next = next - 3600")
            for server in (one, two):
                server.json("PATCH", f"{CRON}/job-0", json={})  # wakes it
            one.until(lambda: all(of(one, name) for name in names), "all runs")
            assert two.stop() == 0
            add(one, "last", "@every 1h")
            make_due(one, "last")
            one.until(lambda: of(one, "last"), "a later run")
            assert [len(of(one, name)) for name in names] == [1] * 5
