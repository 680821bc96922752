"""A private server: strangers see nothing, not even what is public."""

from collections.abc import Iterator

import pytest

from tests.acceptance.server import Server
from tests.scm.repository import Repository

PIPELINE = "{kind: pipeline, type: exec, name: default, clone: {disable: true}, steps: [{name: a, commands: [exit 0]}]}"
REPO, STREAM, BADGES = (f"/api/{kind}/octocat/hello-world" for kind in ("repos", "stream", "badges"))
READS = [
    REPO, f"{REPO}/builds", f"{REPO}/builds/1", f"{REPO}/builds/latest", f"{REPO}/builds/branches",
    f"{REPO}/builds/pulls", f"{REPO}/builds/deployments", f"{REPO}/builds/1/logs/1/1", f"{BADGES}/cc.xml",
    f"{BADGES}/status.svg", "/api/badges/no/thing/status.svg",
]  # fmt: skip
#: Needs a right that was granted.
NAMES = [f"{REPO}/collaborators", f"{REPO}/collaborators/octocat"]
STREAMS = ["/api/stream", STREAM, f"{STREAM}/1/1/1"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("private")
    repository = Repository(folder / "hello-world")
    sha = repository.commit({".drone.yml": PIPELINE})
    with Server(folder / "server", git_roots=str(folder), private_mode="true") as server:
        slug = server.register(repository.url, visibility="public")
        server.push(slug, sha)
        server.finished(slug, 1)
        yield server


def test_strangers_see_nothing(server: Server) -> None:
    with server.visitor() as nobody:
        found = {path: nobody.get(path).status_code for path in READS + NAMES + STREAMS}

    assert found == dict.fromkeys(READS + NAMES + STREAMS, 401)


def test_every_account_sees_what_is_public(server: Server) -> None:
    with server.account("ada") as ada:
        found = {path: ada.get(path).status_code for path in READS}
        for path in STREAMS:
            with ada.stream("GET", path) as answer:
                found[path] = answer.status_code

    assert found == dict.fromkeys(READS + STREAMS, 200)


def test_a_badge_may_be_embedded_with_a_token(server: Server) -> None:
    token = server.json("POST", "/api/users", json={"login": "badges", "machine": True})["token"]
    with server.visitor() as nobody:
        answer = nobody.get(f"{BADGES}/status.svg?access_token={token}")
        wrong = nobody.get(f"{BADGES}/status.svg?access_token=wrong")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert wrong.status_code == 401


def test_what_is_no_repositorys_stays_open(server: Server) -> None:
    with server.visitor() as nobody:
        assert {nobody.get(path).status_code for path in ("/healthz", "/readyz", "/version")} == {200}
