"""A whole server, a browser, and real HTTP to far sides of hosts: from the log-in to rights that were taken away."""

import hashlib
import hmac
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.accounts import store as accounts
from app.accounts.hosted import store as hosted
from app.accounts.hosted.model import HostAccount
from app.builds.missed import looks
from app.builds.missed.looks import Looks
from app.db.connect import Database
from app.db.tx import many, run
from app.main import builds as main_builds
from app.main import hosts as main_hosts
from app.main import site
from app.main.hosts import Forges, open_forges
from app.main.routes import application
from app.repos import store as repos
from app.repos.model import source
from app.scm.client import Client
from app.scm.host import Host
from app.settings.server import Settings, load
from tests.accounts.farside import OWN, SEAL
from tests.scm.fakes.forge import Forge
from tests.scm.fakes.gitea import Gitea as FakeGitea
from tests.scm.fakes.github import GitHub as FakeGitHub
from tests.scm.fakes.gitlab import GitLab as FakeGitLab
from tests.scm.fakes.gogs import Gogs as FakeGogs
from tests.scm.fakes.serving import serving
from tests.soon import soon
from tests.web.asgi import Stateful

FAKES: dict[str, type[Forge]] = {"github": FakeGitHub, "gitea": FakeGitea, "gitlab": FakeGitLab, "gogs": FakeGogs}
#: How a browser calls when a host sends it back.
BACK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
PIPELINE = "kind: pipeline\ntype: exec\nname: x\nsteps:\n- {name: one, commands: ['true']}\n"
TOKEN = "the-token-of-root-for-tests"


@dataclass
class Place:
    """A server with all hosts; `browser` keeps cookies and says of each request which page has made it."""

    db: Database
    browser: httpx2.AsyncClient
    far: dict[str, Forge]
    hosts: Mapping[str, Host]

    async def log_in(self, name: str, login: str = "octocat") -> httpx2.Response:
        if name == "gogs":
            form = {"host": name, "username": login, "password": self.far[name].people[login].password}
            return await self.browser.post("/login", data=form, headers=OWN)
        self.far[name].consenting = login
        begun = await self.browser.get(f"/login/{name}", headers={"Sec-Fetch-Site": "same-origin"})
        async with httpx2.AsyncClient() as there:
            back = await there.get(begun.headers["location"])
        return await self.browser.get(back.headers["location"], headers=BACK)

    async def user(self) -> dict[str, Any]:
        return dict((await self.browser.get("/api/user", headers=OWN)).json())

    async def synced(self) -> bool:
        told = await self.user()
        return bool(told["synced"]) and not told["syncing"]

    async def slugs(self) -> list[str]:
        return [repo["slug"] for repo in (await self.browser.get("/api/user/repos", headers=OWN)).json()]

    async def looked(self) -> bool:
        return any(row["looked"] for row in await self.db.read(many("SELECT looked FROM looks")))

    async def builds(self) -> list[dict[str, Any]]:
        return list((await self.browser.get("/api/repos/octocat/mine/builds", headers=OWN)).json())

    async def has_builds(self, count: int) -> bool:
        return len(await self.builds()) == count

    async def sync(self) -> httpx2.Response:
        return await self.browser.post("/api/user/repos", headers=OWN)

    async def account(self, login: str = "octocat") -> HostAccount:
        user = await self.db.read(accounts.find(login))
        (found,) = await self.db.read(hosted.of_user(user.id))
        return found


@pytest.fixture
def far(tmp_path: Path) -> Iterator[dict[str, Forge]]:
    with ExitStack() as stack:
        sides = {name: fake(tmp_path / name) for name, fake in FAKES.items()}
        for side in sides.values():
            stack.enter_context(serving(side))
            side.callback = "http://gantry.test/login"
        yield sides


@pytest.fixture
async def place(
    far: dict[str, Forge], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    opened: list[Sequence[Host]] = []

    @asynccontextmanager
    async def opening(settings: Settings, *more: Any) -> AsyncIterator[Forges]:
        async with open_forges(settings, *more) as forges:
            opened.append(forges.hosts)
            yield forges

    def patient(name: str, **_: object) -> Client:
        return Client(name, timeout=5, attempts=2, pause=0.001)

    monkeypatch.setattr(main_hosts, "Client", patient)
    monkeypatch.setattr(main_builds, "Looks", partial(Looks, grace=0))
    monkeypatch.setattr(looks, "LOOK", 0.05)
    monkeypatch.setattr(site, "open_forges", opening)
    monkeypatch.setattr(site, "application", lambda state, *more: Stateful(application(state, *more), state))
    settings = {
        "DATA": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "ADMIN": f"username:root,admin:true,token:{TOKEN}",
        "RUNNER_CAPACITY": "0",
        "URL": "http://gantry.test",
    }
    for name, side in far.items():
        settings[f"{name.upper()}_SERVER"] = side.url
        if name != "gogs":
            settings |= {
                f"{name.upper()}_CLIENT_ID": side.client_id,
                f"{name.upper()}_CLIENT_SECRET": side.client_secret,
            }
    for name, value in settings.items():
        monkeypatch.setenv(f"GANTRY_{name}", value)
    async with site.open_site(load(os.environ)) as running:
        transport = httpx2.ASGITransport(app=running.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gantry.test") as browser:
            yield Place(running.ports.db, browser, far, {host.name: host for host in opened[0]})


@pytest.mark.parametrize("wanted", ["", "true"])
async def test_the_older_signature_of_github_counts_only_if_the_settings_say_so(
    db: Database, tmp_path: Path, wanted: str
) -> None:
    body = (Path(__file__).parents[2] / "fixtures" / "webhooks" / "github" / "push.json").read_bytes()
    signature = hmac.new(b"topsecret", body, hashlib.sha1).hexdigest()
    headers = {"x-github-event": "push", "x-hub-signature": f"sha1={signature}"}
    environ = {"GANTRY_GITHUB_TOKEN": "the-token-of-the-server", "GANTRY_GITHUB_SHA1_SIGNATURES": wanted or "false"}

    async with open_forges(load(environ), db, SEAL, tmp_path) as forges:
        (host,) = forges.hosts
        delivery = host.read(headers, body)

    assert host.notice(headers) == ("event" if wanted else "unsigned")
    assert delivery is not None
    assert delivery.signed_with("topsecret") == bool(wanted)


@pytest.mark.parametrize("name", FAKES)
async def test_a_person_logs_in_sees_the_repositories_and_has_the_rights_of_the_host(place: Place, name: str) -> None:
    side = place.far[name]
    side.add_project("octocat/mine", private=True)
    side.add_project("octocat/read", private=True).levels["octocat"] = 10
    side.add_project("octocat/write", private=True).levels["octocat"] = 30

    answer = await place.log_in(name)
    await soon(place.synced, "the first synchronisation is over")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    told = await place.user()
    assert (told["login"], told["email"]) == ("octocat", "octocat@example.com")
    assert [(one["host"], one["repositories"], one["problem"]) for one in told["hosts"]] == [(name, 3, "")]
    assert await place.slugs() == ["octocat/mine", "octocat/read", "octocat/write"]
    rights = [(await place.browser.get(f"/api/repos/{slug}", headers=OWN)).json() for slug in await place.slugs()]
    assert [tuple(one["permissions"].values()) for one in rights] == [
        (True, True, True),
        (True, False, False),
        (True, True, False),
    ]
    enabled = [
        (await place.browser.post(f"/api/repos/{slug}", headers=OWN)).status_code for slug in await place.slugs()
    ]
    assert enabled == [200, 403, 403]


@pytest.mark.parametrize("name", FAKES)
async def test_rights_that_the_host_takes_away_are_gone_within_an_hour_or_at_once_on_demand(
    place: Place, name: str
) -> None:
    side = place.far[name]
    first, second = (side.add_project(f"octocat/{one}", private=True) for one in ("first", "second"))
    await place.log_in(name)
    await soon(place.synced, "the first synchronisation is over")
    for project in (first, second):
        project.levels.clear()

    before = (await place.browser.get("/api/repos/octocat/first", headers=OWN)).status_code
    await place.db.write(run("UPDATE permissions SET synced = synced - 3600"))
    after = (await place.browser.get("/api/repos/octocat/first", headers=OWN)).status_code
    answer = await place.sync()

    assert (before, after) == (200, 404)
    assert (answer.status_code, answer.json(), await place.slugs()) == (200, [], [])


@pytest.mark.parametrize("name", FAKES)
async def test_what_lost_webhooks_would_have_built_is_found(place: Place, name: str) -> None:
    """No webhook arrives here: the far sides cannot reach the server."""
    project = place.far[name].add_project("octocat/mine", private=True)
    project.push({".drone.yml": PIPELINE})
    await place.log_in(name)
    await soon(place.synced, "the first synchronisation is over")
    await place.browser.post("/api/repos/octocat/mine", headers=OWN)
    await soon(place.looked, "the first look is over")
    sha, _ = project.push({"a": "b"}, "lost"), project.tag("v1", "the first")

    await place.db.write(run("UPDATE looks SET due = 1"))
    wanted = 1 if name == "gogs" else 2  # Gogs has no list of tags
    await soon(lambda: place.has_builds(wanted), "all that was lost is built")

    found = {one["ref"]: one for one in await place.builds()}
    assert set(found) <= {"refs/heads/main", "refs/tags/v1"}
    assert {one["after"] for one in found.values()} == {sha}
    assert all(one["found_late"] and one["message"].startswith("lost") for one in found.values())
    assert found["refs/heads/main"]["author_email"] == "ada@example.com"


@pytest.mark.parametrize("name", ["gitea", "gitlab"])
async def test_a_token_that_is_over_is_renewed_for_whoever_calls(place: Place, name: str) -> None:
    side = place.far[name]
    side.add_project("octocat/mine", private=True).push({"a": "b"})
    await place.log_in(name)
    await soon(place.synced, "the first synchronisation is over")
    await place.browser.post("/api/repos/octocat/mine", headers=OWN)
    repo = await place.db.read(repos.find_if_any("octocat", "mine"))
    assert repo is not None
    before = await place.account()
    await place.db.write(run("UPDATE host_accounts SET expires = :at", at=int(time.time()) + 30))

    first = await place.hosts[name].default_branch(source(repo))
    early = await place.account()
    side.tokens = {token: login for token, login in side.tokens.items() if token.endswith("-token")}
    again = await place.hosts[name].default_branch(source(repo))
    late = await place.account()

    assert (first, again) == ("main", "main")
    assert len({before.token, early.token, late.token}) == 3
    assert late.broken == ""


async def test_a_token_that_was_revoked_is_told_of_and_mended_by_a_log_in(place: Place) -> None:
    side = place.far["github"]
    side.add_project("octocat/mine", private=True)
    await place.log_in("github")
    await soon(place.synced, "the first synchronisation is over")
    side.tokens = {token: login for token, login in side.tokens.items() if token.endswith("-token")}
    side._refreshes.clear()

    answer = await place.sync()
    told = await place.user()
    await place.log_in("github")
    await soon(place.synced, "the next synchronisation is over")

    assert (answer.status_code, answer.json()["code"]) == (422, "host_token_broken")
    assert "log in again at http://gantry.test/login" in told["hosts"][0]["problem"]
    assert ((await place.user())["hosts"][0]["problem"], await place.slugs()) == ("", ["octocat/mine"])


@pytest.mark.parametrize("fault", ["500", "html", "silent", "endless", "away", "limit"])
async def test_whatever_a_host_does_there_is_a_page_and_no_internal_error(place: Place, fault: str) -> None:
    place.far["github"].fail(fault, "user$|access_token")

    answer = await place.log_in("github")

    assert answer.status_code in (403, 422, 503)
    assert 'role="alert"' in answer.text
    assert (await place.browser.get("/api/user", headers=OWN)).status_code == 401
    place.far["github"].heal()
    again = await place.log_in("github")
    assert again.status_code == (503 if fault == "limit" else 303)


@pytest.mark.parametrize("fault", ["500", "html", "away"])
async def test_a_host_that_fails_while_it_lists_takes_nothing_away(place: Place, fault: str) -> None:
    side = place.far["gitea"]
    side.add_project("octocat/mine", private=True)
    await place.log_in("gitea")
    await soon(place.synced, "the first synchronisation is over")
    side.fail(fault, "user/repos")

    answer = await place.sync()

    assert answer.status_code in (422, 503)
    assert await place.slugs() == ["octocat/mine"]
    assert (await place.user())["hosts"][0]["problem"] == answer.json()["message"]


async def test_a_list_of_many_pages_is_whole(place: Place) -> None:
    side = place.far["gitlab"]
    one = side.add_project("group/first", private=True)
    for number in range(250):
        slug = f"group/sub/r{number:03}"
        side.projects[slug] = type(one)(side.new_id(), slug, one.bare, one.work, levels={"octocat": 40})
    await place.log_in("gitlab")
    await soon(place.synced, "the first synchronisation is over")

    assert len(await place.slugs()) == 251


HEADERS = {"Authorization": f"Bearer {TOKEN}"}


async def test_the_account_of_the_settings_is_that_of_its_login_at_the_first_host(place: Place) -> None:
    for name in ("gitea", "github"):
        place.far[name].add_person("root")

    other = await place.log_in("gitea", "root")
    first = await place.log_in("github", "root")

    assert (other.status_code, first.status_code) == (403, 303)
    assert ((await place.user())["login"], (await place.user())["admin"]) == ("root", True)


async def test_an_account_that_an_administrator_makes_is_that_of_the_named_host_alone(place: Place) -> None:
    made = await place.browser.post("/api/users", json={"login": "octocat", "host": "gitea"}, headers=HEADERS)

    first = await place.log_in("github")
    named = await place.log_in("gitea")

    assert (made.json()["host"], first.status_code, named.status_code) == ("gitea", 403, 303)
    assert (await place.user())["id"] == made.json()["id"]
    assert "host" not in await place.user()


async def test_without_a_named_host_an_account_is_nobody_s_until_one_is_named(place: Place) -> None:
    await place.browser.post("/api/users", json={"login": "octocat", "admin": True}, headers=HEADERS)

    before = await place.log_in("github")
    named = await place.browser.patch("/api/users/octocat", json={"host": "github"}, headers=HEADERS)
    after = await place.log_in("github")
    again = await place.browser.patch("/api/users/octocat", json={"host": "github"}, headers=HEADERS)
    gogs = await place.browser.patch("/api/users/octocat", json={"host": "gogs"}, headers=HEADERS)
    nobody = await place.browser.patch("/api/users/octocat", json={"host": ""}, headers=HEADERS)

    assert (before.status_code, named.json()["host"], after.status_code) == (403, "github", 303)
    assert (again.status_code, again.json()["message"]) == (409, "octocat has the account octocat at github already")
    assert (gogs.json()["host"], "host" in nobody.json()) == ("gogs", False)


@pytest.mark.parametrize("host", ["nope", "", "GitHub"])
async def test_a_host_must_be_one_of_the_settings(place: Place, host: str) -> None:
    answers = [
        await place.browser.post("/api/users", json={"login": "new", "host": host}, headers=HEADERS),
        await place.browser.patch("/api/users/root", json={"host": host}, headers=HEADERS),
    ]

    if host:
        words = "host: must be a host at which people log in here: github, gitea, gitlab, gogs"
        assert [(one.status_code, one.json()["message"]) for one in answers] == [(400, words)] * 2
    else:
        assert [one.status_code for one in answers] == [200, 200]


async def test_no_machine_is_expected_from_a_host(place: Place) -> None:
    robot = {"login": "robot", "machine": True}
    made = await place.browser.post("/api/users", json=robot | {"host": "github"}, headers=HEADERS)
    await place.browser.post("/api/users", json=robot, headers=HEADERS)
    changed = await place.browser.patch("/api/users/robot", json={"host": "github"}, headers=HEADERS)

    words = "host: a machine has no account at a host, so it is expected from none"
    assert [(one.status_code, one.json()["message"]) for one in (made, changed)] == [(400, words)] * 2


async def test_nested_groups_are_in_addresses_and_the_host_lists_more_than_is_taken(place: Place) -> None:
    side = place.far["gitlab"]
    side.add_project("group/sub/tool", private=True)
    side.add_project("group/old", private=True, archived=True)
    await place.log_in("gitlab")
    await soon(place.synced, "the first synchronisation is over")

    shown = await place.browser.get("/api/repos/group%2Fsub/tool", headers=OWN)
    enabled = await place.browser.post("/api/repos/group%2Fsub/tool", headers=OWN)
    remote = (await place.browser.get("/api/user/remote/repos", headers=OWN)).json()

    assert (shown.json()["namespace"], shown.json()["slug"]) == ("group/sub", "group/sub/tool")
    assert (enabled.json()["active"], enabled.json()["user_id"]) == (True, (await place.user())["id"])
    assert [(one["slug"], one["id"], one["archived"], one["permissions"]["admin"]) for one in remote] == [
        ("group/old", 0, True, True),
        ("group/sub/tool", 0, False, True),
    ]
