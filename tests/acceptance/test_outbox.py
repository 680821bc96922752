"""What hosts are told of builds, by a real server that is killed, and by a host that comes and goes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import gantry, postgres
from tests.acceptance.forge import FarSide, ForgeServer
from tests.acceptance.server import on_sqlite
from tests.scm.repository import Repository
from tests.soon import soon_sync

SLUG = "octocat/hello-world"
PIPELINE = """
kind: pipeline
type: exec
name: build
clone: {disable: true}
steps:
- name: one
  commands: [echo built]
"""
#: Servers of one database seal with one key.
KEY = {"secret_key": "one key for both of them"}
LIFE = ["pending", "running", "success"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ForgeServer, FarSide]]:
    folder = tmp_path_factory.mktemp("outbox")
    with FarSide() as far, serving(folder, far, **KEY) as server:
        built(server, folder)
        told(far, 1)
        yield server, far


@pytest.fixture
def far(shared: tuple[ForgeServer, FarSide]) -> FarSide:
    """The far side, which works and was told nothing yet."""
    shared[1].answers, shared[1].slow = 201, 0.0
    shared[1].came.clear()
    return shared[1]


@pytest.fixture
def server(shared: tuple[ForgeServer, FarSide], far: FarSide) -> ForgeServer:
    """The server, with one build, an empty outbox, and a repository that wants deployments."""
    shared[0].json("PATCH", f"/api/repos/{SLUG}", json={"deployments": True})
    return shared[0]


@pytest.fixture
def only_statuses(server: ForgeServer) -> None:
    server.json("PATCH", f"/api/repos/{SLUG}", json={"deployments": False})


def serving(folder: Path, far: FarSide, name: str = "server", **settings: str) -> ForgeServer:
    return ForgeServer(folder / name, far.url, git_roots=str(folder), url="https://ci.example.com", **settings)


def built(server: ForgeServer, folder: Path) -> None:
    """Register a repository of the host, and build its first push."""
    repository = Repository(folder / "forge" / "hello-world")
    sha = repository.commit({".drone.yml": PIPELINE})
    server.register(repository.url, SLUG)
    assert server.push(SLUG, sha).json()["number"] == 1
    server.finished(SLUG, 1)


def outbox(server: ForgeServer, state: str = "waiting", **query: Any) -> Any:
    return server.json("GET", "/api/outbox", params={"state": state, **query})


def told(far: FarSide, number: int, state: str = "success", kind: str = "status") -> None:
    soon_sync(lambda: (str(number), state) in far.states(kind), f"{kind} {state} of build {number} came")


def promoted(server: ForgeServer, target: str = "production") -> int:
    """The number of a promotion that is over."""
    number: int = server.promote(SLUG, target=target)["number"]
    server.finished(SLUG, number)
    return number


def test_a_promotion_is_shown_at_the_host(server: ForgeServer, far: FarSide) -> None:
    number = promoted(server)
    told(far, number)
    told(far, number, kind="deployment")

    last = dict(far.came)
    assert last["status"]["context"] == "continuous-integration/drone/promote/production"
    assert last["status"]["link"] == f"https://ci.example.com/{SLUG}/{number}"
    assert (last["deployment"]["known"], last["deployment"]["environment"]) == ("7001", "production")
    states = [state for _, state in far.states()]
    assert states == [
        state for state in LIFE if state in states
    ]  # in order; a later one may take an earlier one's place
    server.until(lambda: outbox(server) == [], "everything has left")
    assert server.json("GET", f"/api/repos/{SLUG}/builds/{number}")["deploy_id"] == 7001


def test_a_repository_says_that_it_wants_no_deployments(server: ForgeServer, far: FarSide) -> None:
    assert "deployments" not in server.json("GET", f"/api/repos/{SLUG}")
    assert server.json("PATCH", f"/api/repos/{SLUG}", json={"deployments": False})["deployments"] is False

    told(far, promoted(server))
    server.until(lambda: outbox(server) == [], "everything has left")

    assert far.states("deployment") == []


def test_what_waits_and_why_is_shown_and_tried_again_when_an_administrator_asks(
    server: ForgeServer, far: FarSide
) -> None:
    far.answers = 503
    number = promoted(server)

    def both_failed() -> Any:
        rows = outbox(server)
        return rows if len(rows) == 2 and all(row["tries"] for row in rows) else None

    rows = server.until(both_failed, "both have failed")
    assert {row["kind"] for row in rows} == {"status", "deployment"}
    assert {(row["repo"], row["host"], row["state"], row["error"]) for row in rows} == {
        (SLUG, "forge", "waiting", "the forge answers 503")
    }
    assert all(row["due"] >= row["created"] > 1_600_000_000 for row in rows)
    assert any(row["subject"].endswith(f" production {number}") for row in rows)
    metrics = server.ask("GET", "/metrics").text
    assert "gantry_outbox_waiting 2.0" in metrics
    assert "gantry_outbox_dead 0.0" in metrics

    far.answers = 201
    assert server.json("POST", "/api/outbox/retry") == {"retried": 2}
    told(far, number)
    told(far, number, kind="deployment")
    assert "outbox.retry" in [row["verb"] for row in server.json("GET", "/api/audit")]


@pytest.mark.usefixtures("only_statuses")
def test_what_the_host_refuses_is_dead_and_can_be_tried_again(server: ForgeServer, far: FarSide) -> None:
    far.answers = 404
    number = promoted(server)
    [dead] = server.until(lambda: outbox(server, "dead"), "it is dead")
    assert (dead["state"], dead["error"], dead["due"]) == ("dead", "the forge answers 404", 0)

    far.answers = 201
    assert server.ask("POST", f"/api/outbox/{dead['id']}/retry").status_code == 204
    told(far, number)

    server.until(lambda: outbox(server, "dead") == [] and outbox(server) == [], "it has left")
    assert server.ask("POST", f"/api/outbox/{dead['id']}/retry").status_code == 404


def test_the_outbox_is_for_administrators_of_the_server(server: ForgeServer) -> None:
    with server.account("ada") as ada, server.visitor() as nobody:
        for method, path in (("GET", ""), ("POST", "/retry"), ("POST", "/1/retry")):
            assert ada.request(method, f"/api/outbox{path}").status_code == 403
            assert nobody.request(method, f"/api/outbox{path}").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "?state=sent", 400, "bad_state"),
        ("GET", "?cursor=after:x", 400, "bad_cursor"),
        ("POST", "/x/retry", 400, "not_a_number"),
        ("POST", "/4711/retry", 404, "not_found"),
    ],
)
def test_a_wrong_question_says_what_is_wrong(
    server: ForgeServer, method: str, path: str, status: int, code: str
) -> None:
    answer = server.ask(method, f"/api/outbox{path}")

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_pages_go_on_where_the_last_one_ended(server: ForgeServer) -> None:
    server.execute(
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 7) "
        "INSERT INTO outbox (repo_id, kind, host, subject, part, payload, state, created, due, tries, error, owner, "
        "version) SELECT repos.id, 'status', 'forge', CAST(n AS TEXT), '', '{}', 'dead', 1000 * n, 0, 1, 'x', '', 1 "
        "FROM c CROSS JOIN repos"
    )
    first = server.ask("GET", "/api/outbox?state=dead&per_page=3")
    second = server.ask("GET", first.links["next"]["url"].replace("https://ci.example.com", server.url))
    back = server.ask("GET", second.links["prev"]["url"].replace("https://ci.example.com", server.url))

    subjects = [[row["subject"] for row in answer.json()] for answer in (first, second, back)]
    assert subjects == [["1", "2", "3"], ["4", "5", "6"], ["1", "2", "3"]]
    assert [row["subject"] for row in outbox(server, "dead", page=3, per_page=3)] == ["7"]
    server.execute("DELETE FROM outbox")


def test_a_server_that_is_killed_loses_nothing_and_sends_once(server: ForgeServer, far: FarSide) -> None:
    far.answers = 503
    numbers = [str(promoted(server)) for _ in range(3)]
    server.kill()
    far.answers, far.slow = 201, 0.3
    server.start()
    server.json("POST", "/api/outbox/retry")
    soon_sync(lambda: far.came, "the first came")
    server.kill()
    far.slow = 0
    server.start()
    server.json("POST", "/api/outbox/retry")

    server.until(lambda: outbox(server) == [], "everything has left")
    came = [build for build, _ in far.states("deployment")]
    assert sorted(set(came), key=came.index) == numbers  # of one commit and target: in order
    assert len(came) <= 4  # only what was on its way when the server was killed may come twice
    assert far.states()[-1] == (numbers[-1], "success")


@pytest.mark.usefixtures("only_statuses")
@postgres.real
def test_two_servers_of_one_database_share_the_work(server: ForgeServer, far: FarSide, tmp_path: Path) -> None:
    far.answers = 503
    numbers = [promoted(server, f"t{n}") for n in range(10)]
    with serving(tmp_path, far, "other", database_url=server.database, runner_capacity="0", **KEY) as other:
        far.answers = 201
        other.json("POST", "/api/outbox/retry")
        server.json("POST", "/api/outbox/retry")
        server.until(lambda: outbox(server) == [], "everything has left")

    assert sorted(int(build) for build, _ in far.states()) == numbers


@on_sqlite
def test_a_backup_takes_what_waits_along(server: ForgeServer, far: FarSide, tmp_path: Path) -> None:
    far.answers = 503
    number = promoted(server)
    server.until(lambda: len(outbox(server)) == 2, "both wait")
    file = tmp_path / "backup"
    assert gantry.run(["backup", str(file)], server.environment).returncode == 0
    server.stop()
    far.answers = 201

    other = serving(tmp_path, far, "restored", **KEY)
    (tmp_path / "restored").mkdir()
    done = gantry.run(["restore", str(file)], other.environment)
    assert done.returncode == 0, done.stderr
    with other:
        other.json("POST", "/api/outbox/retry")
        told(far, number)
        told(far, number, kind="deployment")
    server.start()
