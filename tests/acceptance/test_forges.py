"""Git hosts and a real server: log in, enable, push, build, statuses, promote, deployments, and back again."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests import postgres
from tests.acceptance.hosting import FAKES, AtHost, Person, hosting, states, waiting
from tests.acceptance.remote import SECRET, RunnerProcess
from tests.acceptance.server import Server
from tests.scm.fakes.forge import Forge

PIPELINE = """
kind: pipeline
type: exec
name: build
steps:
- name: show
  commands: [cat README, 'cat "$HOME/.netrc"']
- name: ship
  commands: [echo to $DRONE_DEPLOY_TO]
  when: {event: [promote]}
"""
FILES: dict[str, str | bytes] = {".drone.yml": PIPELINE, "README": "the words of the private repository"}
PUSH, PULL, PRODUCTION = (f"continuous-integration/drone/{end}" for end in ("push", "pr", "promote/production"))
WITH_STATUSES = ("github", "gitea", "gitlab")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, Forge]]]:
    with hosting(tmp_path_factory.mktemp("forges"), *FAKES) as begun:
        yield begun


@pytest.fixture(params=FAKES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def at_host(place: tuple[Server, dict[str, Forge]], name: str) -> Iterator[AtHost]:
    """A repository of somebody who has logged in with an account at the host, which works."""
    server, sides = place
    sides[name].heal()
    with closing(Person(server, name, sides[name])) as person:
        yield AtHost(person, FILES)


def is_life(shown: list[str], end: str) -> bool:
    """Whether these are states of one build in order, where a later one may have taken the place of an earlier one."""
    order = ["queued", "pending", "running", "in_progress", end]
    places = [order.index(state) for state in shown]
    return places == sorted(places) and shown[-1] == end


def test_a_push_is_built_with_the_files_of_a_private_repository_and_shown_at_the_host(at_host: AtHost) -> None:
    enabled = at_host.enable()
    urls = [at_host.side.key(hook)[0] for hook in at_host.project.hooks]

    build = at_host.pushed()
    at_host.all_told()

    assert (enabled["active"], urls) == (True, [f"{at_host.server.url}/hook"])
    assert (build["event"], build["status"], build["sender"]) == ("push", "success", at_host.person.login)
    assert all(sent.status == 200 for sent in at_host.side.deliveries if at_host.slug.encode() in sent.body)
    assert "the words of the private repository" in at_host.server.output(at_host.slug, 1, 1, 2)
    if at_host.name in WITH_STATUSES:
        assert is_life(states(at_host.project, PUSH), "success")
    else:
        assert at_host.project.statuses == []


def test_the_token_of_the_owner_is_read_by_nobody(at_host: AtHost) -> None:
    at_host.enable()
    at_host.pushed()

    tokens = [token for token, login in at_host.side.tokens.items() if login == at_host.person.login]
    shown = "".join(at_host.server.output(at_host.slug, 1, 1, step) for step in (1, 2))
    logged = at_host.server.log.read_text()
    stored = (
        ""
        if postgres.SERVER
        else "".join(file.read_bytes().decode("latin-1") for file in at_host.server.data.rglob("*") if file.is_file())
    )

    assert "machine 127.0.0.1" in shown
    assert "[secret:netrc]" in shown
    granted = [token for token in tokens if not token.endswith("-token")]
    assert granted
    assert not [token for token in granted if token in shown + logged + stored]


def test_a_pull_request_is_built(at_host: AtHost) -> None:
    at_host.enable()
    at_host.pushed()
    at_host.project.push(FILES | {"README": "other words"}, branch="feature")
    at_host.over(2)

    number = at_host.side.open_request(at_host.project, "feature", at_host.person.login, "Better words")
    build = at_host.over(3)
    at_host.all_told()

    assert (build["event"], build["status"], build["source"], build["target"]) == (
        "pull_request",
        "success",
        "feature",
        "main",
    )
    assert build["ref"] == f"{at_host.side.requests_at}/{number}/head"
    assert "other words" in at_host.server.output(at_host.slug, 3, 1, 2)
    if at_host.name in WITH_STATUSES:
        assert is_life(states(at_host.project, PULL), "success")


def test_a_promotion_is_shown_and_its_own_webhook_starts_nothing(at_host: AtHost) -> None:
    at_host.enable()
    at_host.pushed()

    build = at_host.promote(1)
    at_host.all_told()

    assert (build["event"], build["status"], build["deploy_to"]) == ("promote", "success", "production")
    if at_host.name in WITH_STATUSES:
        assert is_life(states(at_host.project, PRODUCTION), "success")
    shown = at_host.project.deployments
    if at_host.name == "github":
        assert [one["payload"] for one in shown] == [{"ci": at_host.server.url, "build": 2}]
        assert is_life([one["state"] for one in shown[0]["statuses"]], "success")
        sent = [one for one in at_host.side.deliveries if one.headers.get("x-github-event") == "deployment"]
        assert sent[-1].status == 200
    elif at_host.name == "gitlab":
        assert (shown[0]["environment"], shown[0]["statuses"][-1]) == ("production", "success")
    else:
        assert shown == []
    stored = at_host.server.json("GET", f"{at_host.path}/builds/2")
    assert stored.get("deploy_id") == (shown[0]["id"] if shown else None)
    assert len(at_host.builds()) == 2


@pytest.mark.parametrize("name", ["github"])
def test_a_deployment_that_a_person_asks_for_at_the_host_promotes_as_that_person(at_host: AtHost) -> None:
    at_host.enable()
    built = at_host.pushed()

    asked = {"ref": built["after"], "environment": "production", "auto_merge": False, "required_contexts": []}
    path = f"{at_host.side.url}/api/v3/repos/{at_host.slug}/deployments"
    shown = {"Authorization": f"Bearer {at_host.person.login}-token"}
    made = httpx2.post(path, json=asked, headers=shown).json()
    build = at_host.over(2)
    at_host.all_told()

    assert (build["event"], build["deploy_to"], build["deploy_id"]) == ("promote", "production", made["id"])
    (change,) = [
        change
        for change in at_host.server.json("GET", "/api/audit")
        if change["verb"] == "build.promote" and at_host.slug in str(change)
    ]
    assert (change["actor"]["name"], change["actor"]["way"]) == (at_host.person.login, "hook")
    (deployment,) = at_host.project.deployments
    assert deployment["statuses"][-1]["state"] == "success"
    assert len(at_host.builds()) == 2


def test_disabling_removes_the_webhook(at_host: AtHost) -> None:
    at_host.enable()
    at_host.pushed()

    at_host.person.json("DELETE", at_host.path)
    hooks = list(at_host.project.hooks)
    at_host.project.push({"README": "nobody builds this"})

    assert hooks == []
    assert len(at_host.builds()) == 1


@pytest.mark.parametrize(("name", "fault"), [*((name, "500") for name in WITH_STATUSES), ("github", "slow")])
def test_a_host_that_is_down_or_slow_loses_nothing_and_slows_nothing(at_host: AtHost, fault: str) -> None:
    at_host.enable()
    at_host.pushed()
    at_host.all_told()
    at_host.side.fail(fault, "/api/", seconds=2)

    began = time.monotonic()
    made = at_host.person.json("POST", f"{at_host.path}/builds/1/promote", params={"target": "production"})
    took = time.monotonic() - began
    build = at_host.server.finished(at_host.slug, made["number"])
    kept = waiting(at_host.server)
    at_host.side.heal()
    at_host.server.json("POST", "/api/outbox/retry")
    at_host.all_told()

    assert build["status"] == "success"
    assert took < 1
    assert {entry["repo"] for entry in kept} == {at_host.slug}
    assert is_life(states(at_host.project, PRODUCTION), "success")
    assert len(at_host.project.deployments) == (0 if at_host.name == "gitea" else 1)


@pytest.mark.parametrize("name", FAKES)
def test_a_token_of_the_server_is_enough(tmp_path: Path, name: str) -> None:
    with hosting(tmp_path, name, tokens=True) as (server, sides):
        project = sides[name].add_project("octocat/tool", private=True)
        listed = server.json("POST", "/api/user/repos")
        server.json("POST", "/api/repos/octocat/tool")
        project.push(FILES)
        server.until(lambda: server.json("GET", "/api/repos/octocat/tool/builds"), "a build was made")
        build = server.finished("octocat/tool", 1)
        server.until(lambda: waiting(server) == [], "everything has left")

        assert [repo["slug"] for repo in listed] == ["octocat/tool"]
        assert build["status"] == "success"
        assert "the words of the private repository" in server.output("octocat/tool", 1, 1, 2)
        assert "octocat-token" not in server.output("octocat/tool", 1, 1, 2)
        assert name not in WITH_STATUSES or is_life(states(project, PUSH), "success")


def test_a_runner_on_another_machine_clones_with_the_token_and_tells_nobody(tmp_path: Path) -> None:
    settings = {"rpc_secret": SECRET, "runner_capacity": "0"}
    with hosting(tmp_path, "github", tokens=True, **settings) as (server, sides):
        project = sides["github"].add_project("octocat/tool", private=True)
        server.json("POST", "/api/user/repos")
        server.json("POST", "/api/repos/octocat/tool")
        with RunnerProcess(tmp_path, f"127.0.0.1:{server.port}") as runner:
            project.push(FILES)
            server.until(lambda: server.json("GET", "/api/repos/octocat/tool/builds"), "a build was made")
            build = server.finished("octocat/tool", 1)

        shown = server.output("octocat/tool", 1, 1, 2)
        assert (build["status"], "the words of the private repository" in shown) == ("success", True)
        assert "login [secret:netrc]" in shown
        assert "octocat-token" not in shown + runner.log.read_text() + server.log.read_text()


def test_a_repository_of_a_host_is_not_registered_by_its_address(at_host: AtHost) -> None:
    url = at_host.side.clone_url(at_host.project)
    body = {"namespace": "octocat", "name": "by-hand", "git_http_url": url}
    answer = at_host.server.ask("POST", "/api/repos", json=body)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "listed_host")
