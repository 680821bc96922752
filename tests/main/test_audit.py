"""Every change of accounts, repositories and what belongs to them: its row is there with it, or neither is."""

import hashlib
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from app.audit import chain
from app.db.connect import Database
from app.db.tx import Tx, many, run
from app.main import site
from app.main.maintenance import open_database
from app.main.routes import application
from app.settings.server import Settings, load
from tests.accounts.farside import OWN
from tests.builds.farside import Failing, uncommitted
from tests.scm.repository import Repository
from tests.web.asgi import Stateful

TOKEN, SLUG = "octocat-s-token-for-tests", "octocat/hello"
REPO = f"/api/repos/{SLUG}"
ROWS = "SELECT verb, actor_name, subject, before, after, repo_id, way FROM audit WHERE verb = :verb ORDER BY id"
JOB = {"name": "nightly", "expr": "@daily", "branch": "main"}
TEMPLATE = {"name": "a.yaml", "data": "kind: pipeline"}
SECRET = {"name": "key", "data": "hush-hush", "pull_request": True}


class Row(NamedTuple):
    verb: str
    actor_name: str
    subject: str
    before: str
    after: str
    repo_id: int
    way: str


@dataclass
class Place:
    """A server in this process, with one account: the administrator's."""

    client: httpx2.AsyncClient
    failing: Failing
    url: str

    async def ask(
        self, method: str, path: str, body: object = None, *, form: Mapping[str, str] | None = None, fine: bool = True
    ) -> httpx2.Response:
        answer = await self.client.request(method, path, json=body, data=form)
        assert (answer.status_code < 400) == fine, answer.text
        return answer

    def repository(self, name: str) -> Mapping[str, str]:
        return {"namespace": "octocat", "name": name, "git_http_url": self.url}

    async def register(self, name: str) -> None:
        await self.ask("POST", "/api/repos", self.repository(name))

    async def log_in(self) -> None:
        """From now on the client is a browser."""
        token = self.client.headers.pop("Authorization").removeprefix("Bearer ")
        self.client.headers.update(OWN)
        await self.ask("POST", "/login", form={"access_token": token})

    async def rows(self, verb: str) -> list[Row]:
        def tx() -> Tx[list[Row]]:
            return [Row(*row) for row in (yield from many(ROWS, verb=verb))]

        return await self.failing.read(tx())

    async def state(self) -> list[Any]:
        """All of the tables that changes are made in, and of the record."""

        def tx() -> Tx[list[Any]]:
            found = []
            for name in (
                "users",
                "tokens",
                "sessions",
                "repos",
                "permissions",
                "secrets",
                "org_secrets",
                "templates",
                "crons",
                "switches",
            ):
                found.append([tuple(row) for row in (yield from many(f"SELECT * FROM {name} ORDER BY 1, 2"))])  # noqa: PERF401
            found.append([row["verb"] for row in (yield from many("SELECT verb FROM audit ORDER BY id"))])
            return found

        return await self.failing.read(tx())


@pytest.fixture
async def place(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    opened: list[Failing] = []

    async def opening(stack: AsyncExitStack, settings: Settings) -> Database:
        opened.append(Failing(await open_database(stack, settings)))
        return opened[0]

    monkeypatch.setattr(site, "open_database", opening)
    monkeypatch.setattr(site, "application", lambda state, *more: Stateful(application(state, *more), state))
    repository = Repository(tmp_path / "hello")
    repository.commit({".drone.yml": "kind: pipeline"})
    settings = {
        "DATA": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "ADMIN": f"username:octocat,admin:true,token:{TOKEN}",
        "GIT_ROOTS": str(tmp_path),
        "RUNNER_CAPACITY": "0",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"GANTRY_{name}", value)
    async with site.open_site(load(os.environ)) as made:
        transport = httpx2.ASGITransport(app=made.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://gantry.test", headers=headers) as client:
            yield Place(client, opened[0], repository.url)


@dataclass(frozen=True)
class Done:
    """A request, what must have been asked before, and the row that it makes."""

    method: str
    path: str
    body: object = None
    subject: str = SLUG
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    first: Sequence[tuple[str, str, object]] = ()
    form: Mapping[str, str] | None = None


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


KIM = ("POST", "/api/users", {"login": "kim", "email": "k@example.com"})
BEN = {"login": "ben", "email": "b@example.com", "machine": True}
DISABLED = ("DELETE", REPO, None)
AT_HOST = """
    INSERT INTO host_accounts (user_id, host, uid, login, kind, token, refresh, expires, broken, created, updated,
        synced, repositories, found, fault, due, lease, renewing)
    VALUES (1, 'github', '7', 'octo', 'token', '', '', 0, '', 0, 0, 0, 0, 0, '', 0, 0, 0)
"""
HAS_TOKEN = ("POST", "/api/user/tokens", {"name": "ci", "scope": "read"})
HAS_SECRET = ("POST", f"{REPO}/secrets", SECRET)
HAS_SHARED = ("POST", "/api/secrets/octocat", SECRET)
HAS_TEMPLATE = ("POST", "/api/templates/octocat", TEMPLATE)
HAS_JOB = ("POST", f"{REPO}/cron", JOB)
JOB_FACTS = {"expr": "@daily", "zone": "", "event": "push", "branch": "main", "target": "", "disabled": False}
FLAGS = {"pull_request": True, "pull_request_push": False}
ALL, NONE = dict.fromkeys(("read", "write", "admin"), True), dict.fromkeys(("read", "write", "admin"), False)
VERBS: dict[str, Done] = {
    "account.create": Done("POST", "/api/users", BEN, "ben", after=BEN | {"active": True}),
    "account.update": Done(
        "PATCH", "/api/users/kim", {"admin": True}, "kim", {"admin": False}, {"admin": True}, first=[KIM]
    ),
    "account.update own": Done("PATCH", "/api/user", {"email": "x@y.z"}, "octocat", {"email": ""}, {"email": "x@y.z"}),
    "account.deactivate": Done(
        "PATCH", "/api/users/kim", {"active": False}, "kim", {"active": True}, {"active": False}, first=[KIM]
    ),
    "account.delete": Done(
        "DELETE", "/api/users/kim", None, "kim", {"login": "kim", "email": "k@example.com", "active": True}, first=[KIM]
    ),
    "account.rotate": Done("POST", "/api/users/kim/token/rotate", None, "kim", first=[KIM]),
    "account.rotate own": Done("POST", "/api/user/token?rotate=true", None, "octocat"),
    "account.disconnect": Done(
        "DELETE",
        "/api/user/hosts/github",
        None,
        "octocat",
        {"host": "github", "login": "octo"},
        first=[("POST", "/api/user/tokens", {"name": "mine", "scope": "admin"})],
    ),
    "token.create": Done(
        "POST",
        "/api/user/tokens",
        {"name": "ci", "scope": "promote", "repos": [SLUG], "expires": 2**33},
        "octocat#tokens/ci",
        after={"scope": "promote", "repos": [SLUG], "expires": 2**33},
    ),
    "token.delete": Done(
        "DELETE", "/api/user/tokens/ci", None, "octocat#tokens/ci", {"scope": "read"}, first=[HAS_TOKEN]
    ),
    "token.delete of another": Done(
        "DELETE", "/api/users/kim/tokens/default", None, "kim#tokens/default", {"scope": "admin"}, first=[KIM]
    ),
    "account.login": Done("POST", "/login", subject="octocat", form={"access_token": TOKEN}),
    "repo.create": Done("POST", "/api/repos", "", "octocat/other"),
    "repo.update": Done(
        "PATCH",
        REPO,
        {"visibility": "internal", "protected": True, "timeout": 60},
        before={"visibility": "private", "protected": False},
        after={"visibility": "internal", "protected": True},
    ),
    "repo.disable": Done("DELETE", REPO, before={"active": True}, after={"active": False}),
    "repo.enable": Done("POST", REPO, before={"active": False}, after={"active": True}, first=[DISABLED]),
    "repo.chown": Done("POST", f"{REPO}/chown", before={"user_id": 2}, after={"user_id": 1}),
    "repo.repair": Done("POST", f"{REPO}/repair", before={"default_branch": "old"}, after={"default_branch": "main"}),
    "repo.rotate_key": Done("POST", f"{REPO}/hook/rotate"),
    "repo.delete": Done("DELETE", f"{REPO}?remove=true"),
    "right.grant": Done(
        "PUT", f"{REPO}/collaborators/kim", {"admin": True}, f"{SLUG}#collaborators/kim", NONE, ALL, first=[KIM]
    ),
    "right.revoke": Done("DELETE", f"{REPO}/collaborators/octocat", None, f"{SLUG}#collaborators/octocat", ALL, NONE),
    "right.revoke all": Done("PUT", f"{REPO}/collaborators/octocat", {}, f"{SLUG}#collaborators/octocat", ALL, NONE),
    "secret.create": Done("POST", f"{REPO}/secrets", SECRET, f"{SLUG}#secrets/key", after=FLAGS),
    "secret.update": Done(
        "PATCH",
        f"{REPO}/secrets/key",
        {"data": "hush-2", "pull_request": False},
        f"{SLUG}#secrets/key",
        {"pull_request": True},
        {"pull_request": False, "value": "changed"},
        first=[HAS_SECRET],
    ),
    "secret.delete": Done("DELETE", f"{REPO}/secrets/key", None, f"{SLUG}#secrets/key", FLAGS, first=[HAS_SECRET]),
    "secret.create shared": Done("POST", "/api/secrets/octocat", SECRET, "octocat#secrets/key", after=FLAGS),
    "secret.update shared": Done(
        "PUT",
        "/api/secrets/octocat/key",
        {},
        "octocat#secrets/key",
        {"pull_request": True},
        {"pull_request": False},
        first=[HAS_SHARED],
    ),
    "secret.delete shared": Done(
        "DELETE", "/api/secrets/octocat/key", None, "octocat#secrets/key", FLAGS, first=[HAS_SHARED]
    ),
    "template.create": Done(
        "POST",
        "/api/templates/octocat",
        TEMPLATE,
        "octocat#templates/a.yaml",
        after={"sha256": digest("kind: pipeline")},
    ),
    "template.update": Done(
        "PATCH",
        "/api/templates/octocat/a.yaml",
        {"data": "kind: x", "namespace": "other"},
        "octocat#templates/a.yaml",
        {"namespace": "octocat", "sha256": digest("kind: pipeline")},
        {"namespace": "other", "sha256": digest("kind: x")},
        first=[HAS_TEMPLATE],
    ),
    "template.delete": Done(
        "DELETE",
        "/api/templates/octocat/a.yaml",
        None,
        "octocat#templates/a.yaml",
        {"sha256": digest("kind: pipeline")},
        first=[HAS_TEMPLATE],
    ),
    "cron.create": Done("POST", f"{REPO}/cron", JOB, f"{SLUG}#cron/nightly", after=JOB_FACTS),
    "cron.update": Done(
        "PATCH",
        f"{REPO}/cron/nightly",
        {"disabled": True, "branch": "main"},
        f"{SLUG}#cron/nightly",
        {"disabled": False},
        {"disabled": True},
        first=[HAS_JOB],
    ),
    "cron.delete": Done("DELETE", f"{REPO}/cron/nightly", None, f"{SLUG}#cron/nightly", JOB_FACTS, first=[HAS_JOB]),
    "queue.pause": Done("DELETE", "/api/queue", None, "queue"),
    "queue.resume": Done("POST", "/api/queue", None, "queue", first=[("DELETE", "/api/queue", None)]),
    "builds.purge": Done("DELETE", f"{REPO}/builds?before=7", after={"below": 7}),
}
#: What a test leaves out of the facts of a repository that is new or gone.
LONG = {"repo.create", "repo.delete"}


async def prepare(place: Place, name: str) -> Done:
    done = VERBS[name]
    await place.register("hello")
    for method, path, body in done.first:
        await place.ask(method, path, body)
    for sql in {
        "account.disconnect": [AT_HOST],
        "repo.chown": ["UPDATE repos SET user_id = 2"],
        "repo.repair": ["UPDATE repos SET default_branch = 'old'"],
    }.get(name, ()):
        await place.failing.write(run(sql))
    return replace(done, body=place.repository("other")) if name == "repo.create" else done


@pytest.mark.parametrize("name", VERBS)
async def test_a_change_and_its_row_are_kept_together(place: Place, name: str) -> None:
    done, verb = await prepare(place, name), name.split()[0]
    earlier = await place.rows(verb)

    await place.ask(done.method, done.path, done.body, form=done.form)

    (row,) = (await place.rows(verb))[len(earlier) :]
    assert (row.verb, row.actor_name, row.subject) == (verb, "octocat", done.subject)
    if name not in LONG:
        assert (json.loads(row.before), json.loads(row.after)) == (done.before, done.after)
    assert "hush" not in str(row)
    assert TOKEN not in str(row)
    assert row.repo_id == (1 if done.subject.startswith(SLUG) else 2 if name == "repo.create" else 0)


@pytest.mark.parametrize("name", VERBS)
async def test_neither_is_kept_when_the_commit_fails(place: Place, name: str) -> None:
    done = await prepare(place, name)
    before = await place.state()

    place.failing.becomes = uncommitted
    await place.ask(done.method, done.path, done.body, form=done.form, fine=False)
    place.failing.becomes = None

    assert await place.state() == before


async def test_who_logs_out_is_told_of(place: Place) -> None:
    await place.log_in()

    await place.ask("POST", "/logout")
    place.client.cookies.clear()
    await place.ask("POST", "/logout")

    (row,) = await place.rows("account.logout")
    assert (row.actor_name, row.subject, row.way) == ("octocat", "octocat", "session")


@pytest.mark.parametrize("one", [True, False])
async def test_a_session_that_is_ended_is_told_of(place: Place, one: bool) -> None:
    await place.log_in()
    (session,) = (await place.ask("GET", "/api/user/sessions")).json()

    await place.ask("DELETE", f"/api/user/sessions/{session['id']}" if one else "/api/user/sessions")

    (row,) = await place.rows("session.delete")
    told = {"browser": session["browser"]} if one else {"sessions": 1}
    assert (row.actor_name, row.way, json.loads(row.before)) == ("octocat", "session", told)
    assert row.subject == (f"octocat#sessions/{session['id']}" if one else "octocat#sessions")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/user", {"email": ""}),
        ("DELETE", "/api/user/sessions", None),
        ("PATCH", REPO, {"visibility": "private"}),
        ("POST", REPO, None),
        ("PUT", f"{REPO}/collaborators/octocat", {"admin": True}),
        ("DELETE", f"{REPO}/cron/nothing", None),
    ],
)
async def test_what_changes_nothing_makes_no_row(place: Place, method: str, path: str, body: object) -> None:
    await place.register("hello")
    before = (await place.state())[-1]

    await place.ask(method, path, body)

    assert (await place.state())[-1] == before


async def test_the_account_that_the_settings_make_is_told_of_once(place: Place) -> None:
    (row,) = await place.rows("account.create")

    assert (row.actor_name, row.subject, row.way) == ("", "octocat", "inside")
    assert json.loads(row.after) == {"login": "octocat", "admin": True, "active": True}


async def test_all_that_was_done_holds(place: Place) -> None:
    await place.register("hello")
    for done in (HAS_SECRET, HAS_TEMPLATE, HAS_JOB, KIM):
        await place.ask(*done)
    while await place.failing.write(chain.seal()):
        pass

    said = (await place.ask("GET", "/api/audit/verify")).json()
    assert (said["status"], said["holds"], said["unsealed"]) == ("whole", 6, 0)


REFUSED = [
    ("GET", "/api/users?access_token=x", "/api/users", "forbidden"),
    ("GET", REPO, REPO, "not_found"),
    ("POST", "/api/secrets/octocat", "/api/secrets/octocat", "forbidden"),
]


@pytest.mark.parametrize(("method", "path", "told", "code"), REFUSED)
async def test_an_account_that_lacks_a_right_is_told_of(
    place: Place, method: str, path: str, told: str, code: str
) -> None:
    await place.register("hello")
    token = (await place.ask("POST", "/api/users", {"login": "kim"})).json()["token"]
    place.client.headers["Authorization"] = f"Bearer {token}"

    await place.ask(method, path, fine=False)

    (row,) = await place.rows("refusal")
    assert (row.actor_name, row.subject, json.loads(row.after)) == ("kim", f"{method} {told}", {"code": code})


@pytest.mark.parametrize("token", ["", "Bearer no-token-of-anybody"])
async def test_strangers_are_not_told_of_and_neither_is_what_is_not_there(place: Place, token: str) -> None:
    await place.ask("GET", f"{REPO}/builds/7", fine=False)
    await place.ask("GET", "/api/users/nobody", fine=False)
    place.client.headers["Authorization"] = token
    await place.ask("GET", "/api/users", fine=False)
    await place.ask("GET", REPO, fine=False)

    assert await place.rows("refusal") == []


async def test_a_refusal_is_answered_also_when_it_cannot_be_recorded(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    token = (await place.ask("POST", "/api/users", {"login": "kim"})).json()["token"]
    place.client.headers["Authorization"] = f"Bearer {token}"
    place.failing.becomes = uncommitted

    answer = await place.ask("GET", "/api/users", fine=False)

    assert answer.status_code == 403
    assert "a refusal could not be recorded" in caplog.text
