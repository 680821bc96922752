"""A step of a pipeline puts what it built into an artifact repository and publishes it, with a token of its own."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests import gantry
from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository
from tests.soon import PATIENCE

GANTRY = Path(sys.prefix) / "bin" / "gantry"
SECRET = "value-of-a-secret"
PIPELINE = f"""
kind: pipeline
type: exec
name: default
clone: {{disable: true}}
steps:
- name: publish
  environment:
    LEAKED: {{from_secret: leaked}}
  commands:
  - echo "token <$GANTRY_TOKEN>" && printf built > app.txt
  - printf %s "$GANTRY_TOKEN" > "$SHARED/token-$DRONE_BUILD_NUMBER"
  - if [ -z "$GANTRY_TOKEN" ]; then echo "address <$GANTRY_URL>"; exit 0; fi
  - {GANTRY} artifact put app.txt libs/app/ -p color=red
  - {GANTRY} build-info publish --env LEAKED --env CI
  - while [ ! -e "$SHARED/go" ]; do sleep 0.05; done
"""


@pytest.fixture(scope="module")
def stage(begin: Begin) -> tuple[Server, Repository]:
    """A server with the artifact repositories `libs` and `closed`, and a git repository whose first build has failed:
    nothing was granted yet."""
    server, repository = begin("kind: pipeline\ntype: exec\nname: x\nclone: {disable: true}\nsteps: []\n")
    for key in ("libs", "closed"):
        body = {"key": key, "rclass": "local", "packageType": "generic"}
        assert server.ask("PUT", f"/artifactory/api/repositories/{key}", json=body).status_code == 200
    server.json("POST", f"/api/repos/{SLUG}/secrets", json={"name": "leaked", "data": SECRET})
    repository.commit({".drone.yml": PIPELINE.replace("$SHARED", str(server.folder))}, "Publish")
    return server, repository


def build(server: Server, repository: Repository) -> int:
    """Start a build of the newest commit; its number."""
    number: int = server.push(SLUG, repository.git("rev-parse", "HEAD").strip()).json()["number"]
    return number


def token_of(server: Server, number: int) -> str:
    """The token of a build's stage, once the step has written it."""
    file = server.folder / f"token-{number}"
    return server.until(lambda: file.read_text() if file.exists() else "", "the step has written its token")


@pytest.fixture(scope="module")
def refused(stage: tuple[Server, Repository]) -> Any:
    """A build of a git repository that was granted nothing."""
    server, repository = stage
    return server.finished(SLUG, build(server, repository))


@pytest.fixture(scope="module")
def published(stage: tuple[Server, Repository], refused: Any) -> dict[str, Any]:
    """A build that publishes, the answers to its token while it runs, and what happened afterwards."""
    server, repository = stage
    arguments = ["artifact-repo", "grant", "libs", f"repo:{SLUG}", "read", "deploy", "annotate"]
    client = server.environment | {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN}
    granted = gantry.run(arguments, client, timeout=PATIENCE)
    assert granted.returncode == 0, granted.stderr
    number = build(server, repository)
    token = token_of(server, number)
    path = f"/artifactory/api/build/{SLUG.replace('/', '%2F')}/{number}"
    server.until(lambda: server.ask("GET", path).status_code == 200, "the build-info is there")
    with server.visitor({"Authorization": f"Bearer {token}"}) as holder:
        found: dict[str, Any] = {"number": number, "token": token, "info": server.json("GET", path)["buildInfo"]}
        found["in libs"] = holder.get("/artifactory/libs/app/app.txt")
        found["in closed"] = holder.get("/artifactory/closed/app.txt")
        found["elsewhere"] = holder.get("/api/user")
        (server.folder / "go").touch()
        found["build"] = server.finished(SLUG, number)
        found["afterwards"] = holder.get("/artifactory/libs/app/app.txt")
    found["log"] = server.output(SLUG, number)
    return found


def test_a_step_is_refused_until_its_git_repository_was_granted_something(
    stage: tuple[Server, Repository], refused: Any
) -> None:
    assert refused["status"] == "failure"
    assert "the right deploy is needed on libs" in stage[0].output(SLUG, refused["number"])


def test_what_a_step_puts_belongs_to_its_build(stage: tuple[Server, Repository], published: dict[str, Any]) -> None:
    server, number = stage[0], published["number"]
    item = server.json("GET", "/artifactory/api/storage/libs/app/app.txt")
    properties = server.json("GET", "/artifactory/api/storage/libs/app/app.txt?properties")["properties"]

    assert published["build"]["status"] == "success", published["log"]
    assert item["createdBy"] == f"{SLUG}#{number}"
    assert properties == {"build.name": [SLUG], "build.number": [str(number)], "color": ["red"]}


def test_a_step_publishes_its_build_without_saying_which(published: dict[str, Any]) -> None:
    info = published["info"]

    assert (info["name"], info["number"]) == (SLUG, str(published["number"]))
    [artifact] = info["modules"][0]["artifacts"]
    assert (artifact["name"], artifact["path"], artifact["originalDeploymentRepo"]) == (
        "app.txt",
        "app/app.txt",
        "libs",
    )


def test_only_named_variables_are_published_and_secrets_are_hidden(published: dict[str, Any]) -> None:
    assert published["info"]["properties"] == {"buildInfo.env.CI": "true", "buildInfo.env.LEAKED": "******"}
    assert SECRET not in str(published["info"])


def test_the_token_of_a_step_is_never_shown(published: dict[str, Any]) -> None:
    assert len(published["token"]) > 20
    assert published["token"] not in published["log"]
    assert "token <[secret:gantry_token]>" in published["log"]


def test_the_token_opens_only_what_was_granted_and_only_while_the_stage_runs(published: dict[str, Any]) -> None:
    assert published["in libs"].content == b"built"
    assert published["in closed"].status_code == 403
    assert published["elsewhere"].status_code == 401
    assert published["afterwards"].status_code == 401


def test_a_pull_request_from_a_fork_gets_no_token(stage: tuple[Server, Repository], published: dict[str, Any]) -> None:
    server, repository = stage
    head = repository.git("rev-parse", "HEAD").strip()
    repository.git("update-ref", "refs/pull/1/head", head)
    own = server.push(SLUG, head, ref="refs/pull/1/head").json()["number"]
    assert server.finished(SLUG, own)["event"] == "pull_request"
    server.execute(f"UPDATE builds SET source_repo = 'eve/fork' WHERE number = {own}")

    fork = server.json("POST", f"/api/repos/{SLUG}/builds/{own}")
    done = server.finished(SLUG, fork["number"])

    assert (done["status"], done["source_repo"]) == ("success", "eve/fork")
    assert "address <>" in server.output(SLUG, fork["number"])
    assert "address <>" not in server.output(SLUG, own)
