"""A server starts on what came over from Drone, and goes on where Drone ended."""

import time
from collections.abc import Iterator

import httpx2
import pytest

from app.scm.hook import sign
from tests import gantry, postgres
from tests.acceptance.conftest import SLUG
from tests.acceptance.server import Server
from tests.migrate.source import BOT, OCTOCAT, PLAIN, address, copied, execute, rows
from tests.scm.repository import Repository
from tests.soon import PATIENCE

REPO = f"/api/repos/{SLUG}"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps:
- name: secrets
  environment:
    TOKEN: {from_secret: token}
    ORGKEY: {from_secret: orgkey}
  commands:
  - test "$TOKEN" = s3cr3t-value
  - test "$ORGKEY" = org-s3cr3t
  - echo both secrets are there, $TOKEN is masked
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the real database, whose repository is a git repository that is there, and whose job is due."""
    folder = tmp_path_factory.mktemp("from-drone")
    repository = Repository(folder / "hello-world")
    repository.commit({".drone.yml": PIPELINE}, "Add the pipeline")
    file = copied(folder)
    execute(file, "UPDATE repos SET repo_clone_url = :url", url=repository.url)
    execute(file, f"UPDATE cron SET cron_next = {int(time.time()) - 60}")
    server = Server(folder / "server", git_roots=str(folder), cron_interval="1s")
    del server.environment["GANTRY_ADMIN"]
    if postgres.SERVER:
        server.database = server.environment["GANTRY_DATABASE_URL"] = postgres.create_database()
    server.folder.mkdir()
    done = gantry.run(["migrate", "drone", "--from", address(file)], server.environment, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    server.client = server.visitor({"Authorization": f"Bearer {OCTOCAT}"})
    with server:
        yield server


def test_people_and_machines_are_logged_in_with_their_tokens(server: Server) -> None:
    with server.visitor({"Authorization": f"Bearer {BOT}"}) as machine:
        assert server.json("GET", "/api/user")["login"] == "octocat"
        assert server.json("GET", "/api/user")["admin"]
        assert machine.get("/api/user").json()["login"] == "bot"


def test_builds_and_their_logs_are_read(server: Server) -> None:
    build = server.json("GET", f"{REPO}/builds/3")
    lines = server.json("GET", f"{REPO}/builds/3/logs/1/1")

    assert (build["status"], build["deploy_to"], build["stages"][0]["steps"][0]["name"]) == (
        "success",
        "quick",
        "quick",
    )
    assert lines[0] == {"pos": 0, "out": "+ echo quick\n", "time": 0}


def test_the_badge_shows_the_newest_build_of_the_branch(server: Server) -> None:
    with server.visitor() as stranger:
        assert "build" in stranger.get(f"/api/badges/{SLUG}/status.svg").text


def test_secrets_reach_a_step(server: Server) -> None:
    build = server.json("POST", f"{REPO}/builds", params={"branch": "main"})

    made = server.finished(SLUG, build["number"])

    assert made["status"] == "success", server.output(SLUG, build["number"])
    assert "both secrets are there, [secret:token] is masked" in server.output(SLUG, build["number"])
    assert build["number"] > 7


def test_a_cron_job_that_is_due_runs(server: Server) -> None:
    def ran() -> list[int]:
        found = server.json("GET", f"{REPO}/builds")
        return [build["number"] for build in found if build["event"] == "cron" and build["cron"] == "nightly"]

    assert server.until(ran, "the job runs")[0] > 7
    assert server.json("GET", f"{REPO}/cron/nightly")["next"] > time.time()


def test_a_hook_that_drone_s_key_signs_is_believed(server: Server) -> None:
    ((key,),) = rows(PLAIN, "SELECT repo_signer FROM repos")
    sha = server.json("POST", f"{REPO}/builds", params={"branch": "main"})["after"]
    push = {"before": "0" * 40, "after": sha, "ref": "refs/heads/main", "repository": {"full_name": SLUG}}
    body = httpx2.Request("POST", server.url, json=push | {"pusher": {"name": "octocat"}}).read()
    headers = {"X-Gantry-Event": "push", "X-Hub-Signature-256": sign(key, body)}

    answer = httpx2.post(f"{server.url}/hook", content=body, headers=headers, timeout=PATIENCE)

    assert answer.status_code == 200, answer.text
    assert answer.json()["number"] > 7


def test_the_newest_builds_of_targets_are_those_of_drone(server: Server) -> None:
    found = server.json("GET", f"{REPO}/builds/deployments")

    assert {build["deploy_to"]: build["number"] for build in found} == {
        "production": 6,
        "quick": 3,
        "slow": 4,
        "hang": 7,
    }


def test_templates_and_names_of_secrets_are_listed(server: Server) -> None:
    assert [one["name"] for one in server.json("GET", "/api/templates/octocat")] == ["t.yaml"]
    assert {one["name"] for one in server.json("GET", f"{REPO}/secrets")} == {"key", "token"}
    assert [one["name"] for one in server.json("GET", "/api/secrets/octocat")] == ["orgkey"]
