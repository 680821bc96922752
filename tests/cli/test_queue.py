import json

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import Answer, FarSide, answer, recorded

STAGE = {
    "id": 16,
    "repo_id": 1,
    "build_id": 10,
    "number": 1,
    "name": "deploy",
    "kind": "pipeline",
    "type": "exec",
    "status": "pending",
    "errignore": False,
    "exit_code": 0,
    "os": "linux",
    "arch": "amd64",
    "started": 0,
    "stopped": 0,
    "created": 1,
    "updated": 1,
    "version": 1,
    "on_success": True,
    "on_failure": False,
}


def test_ls_shows_a_row_for_each_stage_and_why_it_waits(gantry: Gantry, far: FarSide) -> None:
    running = STAGE | {"id": 17, "status": "running", "machine": "lab"}
    far.on("GET", "/api/queue", answer([STAGE | {"pending_reason": "the queue is paused"}, running]))

    first, second = gantry("queue", "ls").stdout.splitlines()

    assert first.split()[:6] == ["16", "deploy", "pending", "exec", "linux/amd64", "-"]
    assert first.endswith("\tthe queue is paused")
    assert second.split()[:6] == ["17", "deploy", "running", "exec", "linux/amd64", "lab"]


def test_ls_as_json_is_the_server_s_answer(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/queue", answer([STAGE]))

    assert json.loads(gantry("queue", "ls", "--json").stdout) == [STAGE]


@pytest.mark.parametrize(
    ("verb", "method", "said"),
    [("pause", "DELETE", "The queue is paused\n"), ("resume", "POST", "The queue is resumed\n")],
)
def test_pause_and_resume_say_what_was_done(gantry: Gantry, far: FarSide, verb: str, method: str, said: str) -> None:
    far.on(method, "/api/queue", Answer(204), Answer(204))

    assert gantry("queue", verb).stdout == said
    assert gantry("queue", verb, "--json").stdout == ""
    assert [(asked.method, asked.path) for asked in far.asked] == [(method, "/api/queue")] * 2


def test_who_may_not_is_told_so(gantry: Gantry, far: FarSide) -> None:
    far.on("DELETE", "/api/queue", answer({"message": "this is for administrators of the server"}, 403))

    done = gantry("queue", "pause")

    assert done.returncode == 1
    assert "this is for administrators of the server" in done.stderr


def test_build_queue_shows_builds_with_their_repository(gantry: Gantry, far: FarSide) -> None:
    repo = recorded("user repositories, latest build of each")[0]
    far.on("GET", "/api/builds/incomplete", answer([repo]))

    (row,) = gantry("build", "queue").stdout.splitlines()

    assert row.split()[:2] == ["octocat/hello-world", str(repo["build"]["number"])]
    assert json.loads(gantry("build", "queue", "--json").stdout) == [repo]


PURGE = "/api/repos/octocat/hello-world/builds"


def test_purge_deletes_what_is_below_a_number(gantry: Gantry, far: FarSide) -> None:
    far.on("DELETE", PURGE, Answer(204))

    done = gantry("build", "purge", "octocat/hello-world", "--before", "42", "--yes")

    assert (far.asked[0].method, far.asked[0].query) == ("DELETE", {"before": "42"})
    assert done.stdout == "The builds of octocat/hello-world below 42 are deleted, but for those that are not over\n"


def test_purge_wants_to_be_told_that_it_is_meant(gantry: Gantry, far: FarSide) -> None:
    done = gantry("build", "purge", "octocat/hello-world", "--before", "42", stdin="y\n")

    assert "Delete the builds of octocat/hello-world below 42, with their logs? Give --yes if so" in done.stderr
    assert (done.returncode, far.asked) == (2, [])


@pytest.mark.parametrize("before", [(), ("--before", "0"), ("--before", "x")])
def test_purge_wants_a_number(gantry: Gantry, far: FarSide, before: tuple[str, ...]) -> None:
    done = gantry("build", "purge", "octocat/hello-world", "--yes", *before)

    assert (done.returncode, far.asked) == (2, [])
    assert "--before" in done.stderr
