"""A private repository behind ssh, and runners on other machines: Gantry's own gets the key, Drone's cannot take it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.remote import SECRET, RunnerProcess, serving
from tests.acceptance.server import Server
from tests.scm import sshd
from tests.scm.repository import Repository
from tests.soon import soon_sync

SLUG = "acme/ssh"
PIPELINE = """
kind: pipeline
type: exec
name: default
steps:
- name: look
  commands: [cat message, ls -A ../../ssh 2>/dev/null || echo no key is left]
"""


@dataclass
class Place:
    """A server without a runner, and a repository that only ssh with a key leads to."""

    folder: Path
    server: Server
    repository: Repository
    key: str

    def push(self, message: str) -> int:
        sha = self.repository.commit({".drone.yml": PIPELINE, "message": message}, message)
        return int(self.server.push(SLUG, sha).json()["number"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("remote")
    repository = Repository(folder / "root" / "demo")
    repository.commit({".drone.yml": PIPELINE})
    key, public = sshd.new_key()
    with sshd.serving(folder / "root") as over_ssh, serving(folder, "server") as server:
        over_ssh.known.append(public)
        server.register(f"{over_ssh.url}{repository.path}/.git", SLUG, default_branch="main")
        body = {"key": key, "known_hosts": over_ssh.known_hosts}
        assert server.ask("PUT", f"/api/repos/{SLUG}/credentials", json=body).status_code == 200
        yield Place(folder, server, repository, key)


def test_gantry_s_own_runner_clones_with_the_key_and_leaves_none(place: Place) -> None:
    number = place.push("hello from afar")
    with RunnerProcess(place.folder, f"127.0.0.1:{place.server.port}") as runner:
        build = place.server.finished(SLUG, number)

    assert build["status"] == "success", place.server.output(SLUG, number, 1, 1)
    shown = place.server.output(SLUG, number, 1, 2)
    assert "hello from afar" in shown
    assert "no key is left" in shown
    assert place.key.splitlines()[2] not in runner.log.read_text() + place.server.log.read_text()


def test_another_runner_gets_no_key_and_the_log_says_so(place: Place) -> None:
    number = place.push("for a runner of Drone")
    stage = place.server.json("GET", f"/api/repos/{SLUG}/builds/{number}")["stages"][0]["id"]

    with place.server.visitor({"X-Drone-Token": SECRET}) as runner:
        told = runner.get(f"/rpc/v2/stage/{stage}")

    assert place.key.splitlines()[2] not in told.text
    address = place.server.json("GET", f"/api/repos/{SLUG}")["git_http_url"]
    assert (told.json()["repository"]["git_ssh_url"], told.json()["netrc"]) == (address, None)
    soon_sync(lambda: _warned(place.server) == [(SLUG, stage)], "the log says so", about=place.server.tail)
    place.server.json("DELETE", f"/api/repos/{SLUG}/builds/{number}")


def _warned(server: Server) -> list[tuple[str, int]]:
    """The repositories and the stages that the log tells of."""
    entries = [json.loads(line) for line in server.log.read_text().splitlines()]
    warnings = [entry for entry in entries if "takes no ssh key" in entry["message"]]
    return [(entry["repository"], entry["stage"]) for entry in warnings]
