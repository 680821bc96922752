"""Pushes: the real hook of a real bare repository, forged deliveries, and pipeline files that cannot run."""

import json
import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.scm.hook import sign
from tests import gantry
from tests.acceptance.conftest import SLUG, first_build
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository
from tests.soon import PATIENCE

BUILDS = f"/api/repos/{SLUG}/builds"
PIPELINE = """
kind: pipeline
type: exec
name: default
steps:
- name: show
  commands:
  - cat message
"""


class Origin:
    """A bare repository with a working copy that pushes into it, and a server that is told by its hook."""

    def __init__(self, folder: Path) -> None:
        self.bare = folder / "origin.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.bare)], check=True)
        self.copy = Repository(folder / "copy")
        self.copy.git("remote", "add", "origin", str(self.bare))
        self.copy.git("-C", str(self.bare), "config", "receive.advertisePushOptions", "true")
        self.server = Server(folder / "server", git_roots=str(folder))

    def install(self) -> None:
        self.server.register(f"file://{self.bare}", SLUG, default_branch="main")
        done = self.gantry("repo", "hook", SLUG, "--install")
        assert done.stdout == f"installed: {self.bare}/hooks/post-receive\n"

    def gantry(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """What the command does for the administrator."""
        return gantry.run(arguments, os.environ | {"GANTRY_SERVER": self.server.url, "GANTRY_TOKEN": TOKEN})

    def info(self) -> str:
        """What `gantry repo info` shows."""
        return self.gantry("repo", "info", SLUG).stdout

    def push(self, *arguments: str) -> str:
        """What git shows of the push, with what the hook says."""
        done = subprocess.run(
            ["git", "-C", str(self.copy.path), "push", "origin", *arguments], capture_output=True, text=True, check=True
        )
        return done.stderr

    def builds(self) -> list[Any]:
        found: list[Any] = self.server.json("GET", BUILDS)
        return found


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Any:
    origin = Origin(tmp_path_factory.mktemp("hook"))
    with origin.server:
        origin.install()
        yield origin


@pytest.fixture(autouse=True)
def _a_new_commit(origin: Origin, request: pytest.FixtureRequest) -> None:
    origin.copy.git("checkout", "-q", "-B", "main")
    origin.copy.commit({".drone.yml": PIPELINE, "message": request.node.name}, "Change the message")


def test_a_push_is_built_and_says_so(origin: Origin) -> None:
    said = origin.push("main")

    build = origin.builds()[0]
    head = origin.copy.git("rev-parse", "HEAD")
    assert f"remote: gantry: build {build['number']} of {SLUG} started: {origin.server.url}/" in said
    assert (build["event"], build["after"], build["target"], build["trigger"]) == ("push", head, "main", "@hook")
    assert (build["message"], build["author_name"]) == ("Change the message\n", "Ada")
    assert origin.server.finished(SLUG, build["number"])["status"] == "success"
    assert "test_a_push_is_built_and_says_so" in origin.server.output(SLUG, build["number"], 1, 2)


def test_a_push_of_several_refs_is_a_build_for_each(origin: Origin) -> None:
    before = len(origin.builds())
    origin.copy.git("branch", "-f", "one")
    origin.copy.git("branch", "-f", "two")
    origin.copy.git("tag", "-a", "-m", "The first", "v1")

    origin.push("one", "two", "v1")

    new = origin.builds()[: len(origin.builds()) - before]
    assert sorted((build["event"], build["ref"]) for build in new) == [
        ("push", "refs/heads/one"),
        ("push", "refs/heads/two"),
        ("tag", "refs/tags/v1"),
    ]
    tagged = next(build for build in new if build["event"] == "tag")
    assert tagged["after"] == origin.copy.git("rev-parse", "HEAD")
    assert tagged["action"] == "create"
    for build in new:
        assert origin.server.finished(SLUG, build["number"])["status"] == "success"


def test_a_deleted_branch_is_built_no_more_and_is_forgotten(origin: Origin) -> None:
    origin.push("main:doomed")
    number = origin.builds()[0]["number"]

    said = origin.push(":doomed")

    assert origin.builds()[0]["number"] == number
    assert "refs/heads/doomed started no build" in said
    assert "doomed" not in [build["target"] for build in origin.server.json("GET", f"{BUILDS}/branches")]
    origin.server.finished(SLUG, number)


@pytest.mark.parametrize(("message", "options"), [("x [CI SKIP]", []), ("***NO_CI***", []), ("y", ["-o", "ci.skip"])])
def test_a_push_may_ask_for_no_build(origin: Origin, message: str, options: list[str]) -> None:
    before = len(origin.builds())
    origin.copy.commit(message=message)

    said = origin.push(*options, "main")

    assert "refs/heads/main started no build" in said
    assert len(origin.builds()) == before


DEPLOY = """
kind: pipeline
type: exec
name: deploy
clone: {disable: true}
steps:
- name: release
  commands: [echo "to $DRONE_DEPLOY_TO"]
trigger:
  event: [promote]
  target: [production]
"""


@pytest.mark.parametrize("portable", [False, True])
def test_a_push_that_no_pipeline_wants_says_why_and_its_branch_is_promoted(origin: Origin, portable: bool) -> None:
    hook = ["repo", "hook", SLUG, "--install", "--force", *(["--portable"] if portable else [])]
    assert origin.gantry(*hook).returncode == 0
    before = len(origin.builds())
    origin.copy.commit({".drone.yml": DEPLOY}, "Only to production")

    said = origin.push("main")

    assert "remote: gantry: refs/heads/main started no build: no pipeline is for push" in said
    assert 'remote: gantry:   pipeline "deploy": trigger.event includes promote, not "push"' in said
    assert re.search(r"^Started nothing: +\S+Z, main: no pipeline is for push$", origin.info(), re.MULTILINE)
    assert len(origin.builds()) == before

    slip = origin.gantry("build", "promote", SLUG, "main", "prodution", "--verbose")
    assert 'no pipeline for promote has the target "prodution"; did you mean production?' in slip.stderr
    assert slip.stderr.endswith('\n  pipeline "deploy": trigger.target includes production, not "prodution"\n')
    done = origin.gantry("build", "promote", SLUG, "main", "production", "--follow")
    assert (done.returncode, "to production" in done.stdout) == (0, True), done
    head = origin.copy.git("rev-parse", "HEAD")
    assert (origin.builds()[0]["after"], origin.builds()[0].get("parent", 0)) == (head, 0)
    assert origin.gantry("build", "promote", SLUG, "nowhere", "production").stderr == (
        f"Error: {SLUG} has no branch or tag 'nowhere'\n"
    )

    origin.copy.commit({".drone.yml": PIPELINE}, "With a pipeline for pushes")
    origin.push("main")
    assert "Started nothing:" not in origin.info()
    origin.server.finished(SLUG, origin.builds()[0]["number"])


def test_a_push_arrives_though_the_server_is_away(origin: Origin) -> None:
    origin.server.stop()
    origin.copy.commit()

    said = origin.push("main")

    assert "does not answer: " in said
    assert "it is asked again for 60 s" in said
    head = origin.copy.git("rev-parse", "HEAD")
    assert origin.copy.git("-C", str(origin.bare), "rev-parse", "main") == head
    origin.server.start()
    origin.server.until(lambda: origin.builds()[0]["after"] == head, "the push is built when the server is back")


def _delivery(origin: Origin, **changes: Any) -> bytes:
    head = origin.copy.git("rev-parse", "HEAD")
    push = {"before": "0" * 40, "after": head, "ref": "refs/heads/main", "repository": {"full_name": SLUG}}
    return json.dumps(push | changes).encode()


def _deliver(origin: Origin, body: bytes, signature: str | None, event: str = "push") -> httpx2.Response:
    headers = {"X-Gantry-Event": event} | ({"X-Hub-Signature-256": signature} if signature is not None else {})
    return httpx2.post(f"{origin.server.url}/hook", content=body, headers=headers)


def _key(origin: Origin) -> str:
    return str(origin.server.json("GET", f"/api/repos/{SLUG}/hook")["key"])


def test_a_wrong_signature_changes_nothing_and_tells_nothing(origin: Origin) -> None:
    origin.push("main")
    origin.server.finished(SLUG, origin.builds()[0]["number"])
    before, body, key = origin.builds(), _delivery(origin), _key(origin)
    genuine = sign(key, body)
    wrong = [
        None, "", "sha256=", sign("another key", body), sign("", body), sign(key, body + b" "), sign("0" * 32, body),
        genuine.removeprefix("sha256="), genuine[:-1], genuine + "0", genuine.replace("sha256", "sha1"),
    ]  # fmt: skip

    answers = [_deliver(origin, body, signature) for signature in wrong]
    unknown = _delivery(origin, repository={"full_name": "octocat/nothing"})
    answers += [_deliver(origin, unknown, signature) for signature in (None, sign("0" * 32, unknown), genuine)]

    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert origin.builds() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"[" * 5000, "body"),
        (b'{"a":' * 3000, "body"),
        (b"\xff", "body"),
        (b'{"after": "main", "before": 5, "ref": "main", "repository": []}', "repository"),
    ],
)
def test_a_delivery_that_is_none_is_a_400(origin: Origin, body: bytes, field: str) -> None:
    answer = _deliver(origin, body, sign(_key(origin), body))

    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_other_events_are_ignored_and_a_huge_delivery_is_not_read(origin: Origin) -> None:
    assert _deliver(origin, b"{}", None, "ping").json() == {"message": "pong"}
    assert _deliver(origin, b"{}", None, "star").status_code == 200
    assert _deliver(origin, b" " * 10_000_001, sign("a key", b"")).status_code == 413


@pytest.mark.parametrize("signature", ["", "X-Hub-Signature-256: sha256=0\r\n"])
def test_what_nobody_can_have_signed_is_refused_before_its_body_is_read(origin: Origin, signature: str) -> None:
    head = f"POST /hook HTTP/1.1\r\nHost: x\r\nX-Gantry-Event: push\r\n{signature}Content-Length: 9000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", origin.server.port), timeout=PATIENCE) as client:
        client.sendall(head.encode())
        answer = client.recv(4096)

    assert answer.startswith(b"HTTP/1.1 401 "), answer


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("", [".drone.yml", "empty"], id="empty"),
        pytest.param(b"kind: \xff\xfe", [".drone.yml", "UTF-8"], id="not-utf8"),
        pytest.param("#" * 8_400_000, [".drone.yml", "more than the 8388608"], id="too-large"),
        pytest.param("kind: pipeline\nsteps:\n  - name: a\n - b", [".drone.yml:", "line"], id="not-yaml"),
        pytest.param("kind: pipeline\ntype: exec\nsteps:\n- name: a\n- name: a\n", [".drone.yml:"], id="same-name"),
        pytest.param("kind: pipeline\ntype: exec\nname: a\ndepends_on: [b]\n", [".drone.yml:", "b"], id="no-such"),
        pytest.param("a: &a [x]\n" + "".join(f"b{n}: &b{n} [{'*a, ' * 50}]\n" for n in range(99)), [""], id="aliases"),
        pytest.param("kind: pipeline\nname: " + "[" * 5000, [".drone.yml"], id="deep"),
    ],
)
def test_a_file_that_cannot_run_makes_an_error_build_that_says_where(
    origin: Origin, content: str | bytes, words: list[str]
) -> None:
    origin.copy.commit({".drone.yml": content})

    said = origin.push("main")

    build = origin.builds()[0]
    assert build["status"] == "error"
    assert not [word for word in words if word not in build["error"]], build["error"]
    assert f"build {build['number']} of {SLUG} failed" in said
    assert build["started"] == build["finished"] > 0
    again = origin.server.ask("POST", f"{BUILDS}/{build['number']}/promote?target=x")
    assert again.status_code in (200, 422), again.text
    assert "Traceback" not in origin.server.log.read_text()


@pytest.mark.parametrize("kind", ["missing", "symlink", "folder", "link-to-nowhere"])
def test_what_is_no_file_makes_an_error_build_too(origin: Origin, kind: str) -> None:
    path = origin.copy.path / ".drone.yml"
    path.unlink()
    if kind == "symlink":
        path.symlink_to("message")
    elif kind == "link-to-nowhere":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
        (path / "file").write_text("x")
    origin.copy.commit()

    origin.push("main")

    build = origin.builds()[0]
    assert (build["status"], ".drone.yml" in build["error"]) == ("error", True), build["error"]
    answer = origin.server.ask("POST", f"{BUILDS}/{build['number']}/promote?target=x")
    assert (answer.status_code, ".drone.yml" in answer.json()["message"]) == (422, True)
    if path.is_dir() and not path.is_symlink():
        (path / "file").unlink()
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def test_a_repository_that_is_gone_is_a_clear_answer(place: tuple[Server, Repository]) -> None:
    server, repository = place
    server.start()
    first_build(server, repository, PIPELINE.replace("steps:", "clone: {disable: true}\nsteps:").replace("cat", "echo"))
    unread = repository.commit({"new": "file"}, "Never read")
    key = server.json("GET", f"/api/repos/{SLUG}/hook")["key"]
    repository.git("update-ref", "-d", "refs/heads/other")
    assert server.ask("POST", BUILDS, params={"branch": "other"}).json()["message"] == "branch other not found"
    away = repository.path.rename(repository.path.with_name("away"))

    known = server.promote(SLUG)
    answers = [
        server.ask("POST", BUILDS),
        server.ask("POST", BUILDS, params={"commit": unread}),
        server.ask("POST", BUILDS, params={"branch": "other"}),
    ]
    told = server.push(SLUG, unread)

    assert server.finished(SLUG, known["number"])["status"] == "success"
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "repository_unreachable")
        assert "is not a git repository" in answer.json()["message"]
    assert told.status_code == 202
    assert "it is built as soon as the repository can be read: " in told.json()["message"]
    assert "is not a git repository" in told.json()["message"]
    (waiting,) = server.json("GET", f"/api/repos/{SLUG}/pushes")
    assert (waiting["ref"], waiting["after"], waiting["tries"]) == ("refs/heads/main", unread, 1)
    assert waiting["error"] in told.json()["message"]
    connection = {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN}
    shown = gantry.run(["repo", "pushes", SLUG], os.environ | connection).stdout
    assert shown.split("\t")[:2] == ["refs/heads/main", unread]
    assert waiting["error"] in shown
    server.kill()
    server.start()
    away.rename(repository.path)
    server.until(lambda: server.json("GET", BUILDS)[0]["after"] == unread, "the push is built")
    assert server.json("GET", f"/api/repos/{SLUG}/pushes") == []
    assert server.push(SLUG, unread).json()["after"] == unread
    assert "Traceback" not in server.log.read_text()
    assert key not in server.log.read_text()
