"""Who may do what with versions over HTTP: each kind of caller at each call, and what one may not read is not there."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from app.accounts import proofs
from app.accounts.model import Token
from app.bundles.model import BUNDLES
from app.main.routes import ARTIFACTORY_ROWS, ROWS
from app.web.needs import Scope
from tests.artifacts.site import Site

pytestmark = pytest.mark.postgres

API = "/lifecycle/api/v2"
OWN = "/api/bundles"
PERMISSIONS = "/artifactory/api/v2/security/permissions"
PROJECT = f"web-{BUNDLES}"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Version:
    """A version that a call is about; one promotion of it has this time."""

    name: str
    promoted: int = 7
    #: The bytes of its export.
    file: bytes = b""

    @property
    def path(self) -> str:
        return f"{self.name}/1.0"


class Versions(Site):
    """A server that makes a version for each call."""

    def version(self, *, draft: bool = False) -> Version:
        """A new version, which was promoted to DEV, or a draft."""
        name = f"of-{next(_numbers)}"
        self.put(f"dev-local/{name}", name.encode())
        made = self.ask("POST", f"{API}/release_bundle?async=false", json=creation(name, draft=draft))
        assert made.status_code == 201, made.text
        if draft:
            return Version(name)
        promoted = self.ask("POST", f"{API}/promotion/records/{name}/1.0?async=false", json={"environment": "DEV"})
        assert promoted.status_code == 201, promoted.text
        return Version(name, promoted.json()["created_millis"])

    def exported(self) -> Version:
        """A version that can be imported, for it is not here any more."""
        made = self.version()
        file = self.ask("GET", f"{OWN}/{made.path}/export").content
        assert self.ask("DELETE", f"{API}/release_bundle/records/{made.path}?async=false").status_code == 204
        return Version(made.name, file=file)

    def grant(self, login: str, actions: str, *, patterns: Sequence[str] = ("**",), **more: Sequence[str]) -> None:
        """Let an account do something with versions."""
        part = {
            "repositories": more.pop("repositories", ["ANY"]), "include-patterns": list(patterns),
            "actions": {"users": {login: actions.split()}}, **more,
        }  # fmt: skip
        answer = self.ask("PUT", f"{PERMISSIONS}/{login}-{next(_numbers)}", json={"releaseBundle": part})
        assert answer.status_code == 201, answer.text

    def showing(self, token: str) -> httpx2.Client:
        """A client that shows a token."""
        client = self.visitor({"Authorization": f"Bearer {token}"})
        self._clients.append(client)
        return client

    def scoped(self, name: str, scope: Scope, expires: int = 0) -> httpx2.Client:
        """A client that shows a token of the administrator."""
        [row] = self.rows("SELECT id FROM users WHERE login = 'octocat'")
        token = f"a token called {name}"
        self.write(proofs.add_token(Token(0, row["id"], name, scope, {}, 1, expires), proofs.hash_token(token)))
        return self.showing(token)


def creation(name: str, *, draft: bool = False) -> dict[str, Any]:
    """The body that creates a version of the file with the name."""
    return {
        "release_bundle_name": name,
        "release_bundle_version": "1.0",
        "source_type": "artifacts",
        "source": {"artifacts": [{"path": f"dev-local/{name}"}]},
        "draft": draft,
    }


def update(name: str) -> dict[str, Any]:
    """The body that adds the same file once more."""
    source = {"source_type": "artifacts", "artifacts": [{"path": f"dev-local/{name}"}]}
    return {"release_bundle_name": name, "release_bundle_version": "1.0", "add_sources": [source]}


@dataclass(frozen=True)
class Call:
    """A call about a version."""

    operation: str
    #: The right that the caller needs.
    right: str
    method: str
    #: With `{path}`, `{name}` and `{promoted}` of the version.
    url: str
    #: The status of the answer to those who may.
    status: int = 200
    body: Callable[[Version], Any] | None = None
    #: How the version is made.
    made: Callable[[Versions], Version] = Versions.version
    #: Whether the call is about one version; else about a list, in which what may not be read does not stand.
    about_one: bool = True

    def ask(self, client: httpx2.Client, of: Version, query: str = "") -> httpx2.Response:
        """Send the call."""
        url = self.url.format(path=of.path, name=of.name, promoted=of.promoted)
        if query:
            url = f"{url}{'&' if '?' in url else '?'}{query}"
        said = self.body(of) if self.body else None
        content = {"content": said} if isinstance(said, bytes) else {"json": said} if self.body else {}
        return client.request(self.method, url, **content)


def _new(site: Versions) -> Version:
    """A name of a version that is not there, and whose file is."""
    name = f"of-{next(_numbers)}"
    site.put(f"dev-local/{name}", name.encode())
    return Version(name)


def _draft(site: Versions) -> Version:
    return site.version(draft=True)


def _to(environment: str) -> Callable[[Version], Any]:
    return lambda _: {"environment": environment}


BUNDLE, RECORDS, PROMOTIONS = f"{API}/release_bundle", f"{API}/release_bundle/records", f"{API}/promotion/records"
CALLS = [
    Call("bundles.create", "deploy", "POST", f"{BUNDLE}?async=false", 201,
         lambda of: creation(of.name), _new, about_one=False),
    Call("bundles.update", "deploy", "PATCH", f"{BUNDLE}?async=false", 200,
         lambda of: update(of.name), _draft),
    Call("bundles.finalize", "deploy", "POST", f"{BUNDLE}/{{path}}/finalize?async=false", made=_draft),
    Call("bundles.exists", "read", "GET", f"{BUNDLE}/existence/{{path}}"),
    Call("bundles.status", "read", "GET", f"{BUNDLE}/statuses/{{path}}"),
    Call("bundles.info", "read", "GET", f"{RECORDS}/{{path}}"),
    Call("bundles.list_versions", "read", "GET", f"{RECORDS}/{{name}}", about_one=False),
    Call("bundles.list_groups", "read", "GET", f"{BUNDLE}/groups?filter_by={{name}}", about_one=False),
    Call("bundles.list_names", "read", "GET", f"{BUNDLE}/names?filter_by={{name}}", about_one=False),
    Call("bundles.tag", "annotate", "PUT", f"{RECORDS}/{{path}}/tag", body=lambda _: {"tag": "gold"}),
    Call("bundles.promote", "promote to QA", "POST", f"{PROMOTIONS}/{{path}}?async=false", 201, _to("QA")),
    Call("bundles.promote", "promote to PROD", "POST", f"{PROMOTIONS}/{{path}}?async=false", 201, _to("PROD")),
    Call("bundles.promote", "promote to QA", "POST", f"{PROMOTIONS}/{{path}}?dry_run=true", 200, _to("QA")),
    Call("bundles.promotion_status", "read", "GET", f"{API}/promotion/statuses/{{path}}/{{promoted}}"),
    Call("bundles.list_promotions_of_name", "read", "GET", f"{PROMOTIONS}/{{name}}", about_one=False),
    Call("bundles.list_promotions", "read", "GET", f"{PROMOTIONS}/{{path}}"),
    Call("bundles.promotion", "read", "GET", f"{PROMOTIONS}/{{path}}/{{promoted}}"),
    Call("bundles.delete_promotion", "delete", "DELETE", f"{PROMOTIONS}/{{path}}/{{promoted}}?async=false", 204),
    Call("bundles.delete", "delete", "DELETE", f"{RECORDS}/{{path}}?async=false", 204),
    Call("bundles.delete", "delete", "DELETE", f"{RECORDS}/{{path}}", 200, lambda _: {"distribution_rules": []}),
    Call("bundles.evidence", "read", "GET", f"{OWN}/{{path}}/evidence"),
    Call("bundles.verify", "read", "GET", f"{OWN}/{{path}}/verify"),
    Call("bundles.export", "read", "GET", f"{OWN}/{{path}}/export"),
    Call("bundles.import", "deploy", "POST", f"{OWN}/import", 201, lambda of: of.file, Versions.exported,
         about_one=False),
]  # fmt: skip
IDS = [f"{at} {call.operation}" for at, call in enumerate(CALLS)]

EVERY = "read annotate deploy delete manage promote"
#: What accounts may do with all versions; `promote to X` is limited to an environment.
ACCOUNTS: Mapping[str, Sequence[str]] = {
    "nobody": [],
    "reader": ["read"],
    "creator": ["read", "deploy"],
    "tester": ["read", "promote to QA"],
    "releaser": ["read", "promote"],
    "cleaner": ["read", "delete"],
    "keeper": ["read", "annotate"],
    "blind": ["promote"],
}
#: What tokens of the administrator are good for.
SCOPES: Mapping[Scope, str] = {
    "read": "read", "promote": "read promote", "deploy": "read annotate deploy delete promote", "admin": EVERY,
}  # fmt: skip
UNKNOWN = ("stranger", "wrong", "expired")


def due(caller: str, call: Call) -> int:
    """The status of the answer."""
    if caller in UNKNOWN:
        return 401
    has = {*ACCOUNTS[caller]} if caller in ACCOUNTS else {*SCOPES[caller].split()}  # type: ignore[index]
    if call.right.startswith("promote"):
        allowed = "read" in has and bool({"promote", call.right} & has)
    else:
        allowed = call.right in has
    return call.status if allowed else 403


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Versions]:
    with Versions(tmp_path_factory.mktemp("callers")) as site:
        assert site.ask("POST", "/access/api/v1/environments", json={"name": "QA"}).status_code in (200, 201)
        for key, environment in (("dev-local", "DEV"), ("qa-local", "QA"), ("prod-local", "PROD")):
            site.repo(key, environments=(environment,))
        yield site


@pytest.fixture(scope="module")
def callers(site: Versions) -> Mapping[str, httpx2.Client]:
    """A client of each kind. All accounts may read and put files."""
    found: dict[str, httpx2.Client] = {
        "stranger": site.stranger(),
        "wrong": site.showing("nobody's"),
        "expired": site.scoped("expired", "admin", expires=1),
    }
    for scope in SCOPES:
        found[scope] = site.scoped(scope, scope)
    for login, rights in ACCOUNTS.items():
        found[login] = site.caller(login, ("read deploy", "ANY"))
        for right in rights:
            action, _, environment = right.partition(" to ")
            site.grant(login, action, environments=[environment] if environment else [])
    return found


def test_all_calls_about_versions_are_looked_at() -> None:
    rows = [row for row in (*ROWS, *ARTIFACTORY_ROWS) if f"{row.path}/".startswith((f"{API}/", f"{OWN}/"))]

    assert {row.operation for row in rows} == {call.operation for call in CALLS}


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_each_call_answers_those_who_have_its_right(
    site: Versions, callers: Mapping[str, httpx2.Client], call: Call
) -> None:
    answers = {name: call.ask(client, call.made(site)) for name, client in callers.items()}

    assert {name: answer.status_code for name, answer in answers.items()} == {name: due(name, call) for name in callers}
    for name, answer in answers.items():
        if answer.status_code == 403:
            right = "read" if call.right.startswith("promote") and name in ("nobody", "blind") else call.right
            assert f"the right {right} is needed on {BUNDLES}" in answer.text, name


OF_ONE = [call for call in CALLS if call.about_one]


@pytest.mark.parametrize("call", OF_ONE, ids=[call.operation for call in OF_ONE])
def test_a_version_that_one_may_not_read_answers_as_one_that_is_not_there(site: Versions, call: Call) -> None:
    login = f"elsewhere-{next(_numbers)}"
    client = site.caller(login, ("read deploy", "ANY"))
    there, absent = call.made(site), Version(f"no-{next(_numbers)}")
    for rights in ("", "read", EVERY):  # on other versions
        if rights:
            site.grant(login, rights, patterns=["other/**"])
        first, second = call.ask(client, there), call.ask(client, absent)

        assert first.status_code == 403
        assert _masked(first, there) == _masked(second, absent)


READS = [call for call in CALLS if call.about_one and call.right == "read"]


@pytest.mark.parametrize("call", READS, ids=[call.operation for call in READS])
@pytest.mark.parametrize("query", ["", f"repository_key={PROJECT}", "project=web"])
def test_a_version_of_a_project_that_one_may_not_read_answers_as_one_that_is_not_there(
    site: Versions, call: Call, query: str
) -> None:
    login = f"common-{next(_numbers)}"
    client = site.caller(login)
    site.grant(login, EVERY, repositories=[BUNDLES])
    there, absent = Version(f"of-{next(_numbers)}"), Version(f"no-{next(_numbers)}")
    site.put(f"dev-local/{there.name}", b"x")
    made = site.ask("POST", f"{API}/release_bundle?async=false&project=web", json=creation(there.name))
    assert made.status_code == 201, made.text

    first, second = call.ask(client, there, query), call.ask(client, absent, query)

    assert first.status_code == (403 if query else 200 if call.operation == "bundles.exists" else 404)
    assert _masked(first, there) == _masked(second, absent)


def test_a_version_of_two_projects_is_found_in_the_one_that_may_be_read(site: Versions) -> None:
    name, login = f"of-{next(_numbers)}", f"of-web-{next(_numbers)}"
    site.put(f"dev-local/{name}", b"x")
    for project in ("web", "ops"):
        made = site.ask("POST", f"{API}/release_bundle?async=false&project={project}", json=creation(name))
        assert made.status_code == 201, made.text
    client = site.caller(login)
    site.grant(login, "read", repositories=[PROJECT])

    assert client.get(f"{RECORDS}/{name}/1.0").status_code == 200
    assert client.get(f"{OWN}/{name}/1.0/verify").json()["repository_key"] == PROJECT
    assert site.ask("GET", f"{RECORDS}/{name}/1.0").status_code == 404  # who may read both must say which


def _masked(answer: httpx2.Response, of: Version) -> tuple[int, str]:
    return answer.status_code, answer.text.replace(of.name, "NAME").replace(str(of.promoted), "TIME")


LISTS = [call for call in CALLS if not call.about_one and call.right == "read"]


@pytest.mark.parametrize("call", LISTS, ids=[call.operation for call in LISTS])
def test_lists_hold_only_what_may_be_read(site: Versions, call: Call) -> None:
    login = f"listing-{next(_numbers)}"
    client = site.caller(login)
    seen, hidden = site.version(), site.version()
    site.grant(login, "read", patterns=[seen.path])

    assert seen.name in call.ask(client, seen).text
    told = call.ask(client, hidden)
    assert told.status_code == 200
    assert hidden.name not in told.text
    assert told.json().get("total", 0) == 0
    assert hidden.name in call.ask(site.client, hidden).text


def test_the_targets_need_their_own_right(site: Versions) -> None:
    version, login = site.version(), f"no-targets-{next(_numbers)}"
    client = site.caller(login, ("promote", "qa-local"), ("read", "prod-local"))
    site.grant(login, "read promote")

    def asked(environment: str, query: str = "") -> httpx2.Response:
        body = {"environment": environment}
        return client.post(f"{PROMOTIONS}/{version.path}?async=false{query}", json=body)

    assert asked("QA").status_code == 201
    refused = asked("PROD")
    assert (refused.status_code, "promote is needed on prod-local" in refused.text) == (403, True)
    assert asked("PROD", "&dry_run=true").status_code == 403
    moved = asked("DEV", "&operation=move")
    assert (moved.status_code, "promote is needed on dev-local" in moved.text) == (403, True)


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("promote", 403), ("deploy", 201), ("admin", 201)])
def test_a_move_needs_a_token_that_is_good_for_deletion(
    site: Versions, callers: Mapping[str, httpx2.Client], scope: str, status: int
) -> None:
    version = site.version()
    body = {"environment": "QA"}
    assert site.ask("POST", f"{PROMOTIONS}/{version.path}?async=false", json=body).status_code == 201

    answer = callers[scope].post(
        f"{PROMOTIONS}/{version.path}?async=false&operation=move", json={"environment": "PROD"}
    )

    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("promote", 403), ("deploy", 403), ("admin", 201)])
def test_an_override_of_the_order_needs_a_token_of_an_administrator(
    site: Versions, callers: Mapping[str, httpx2.Client], scope: str, status: int
) -> None:
    version = site.version()
    assert site.ask("PUT", "/api/environments/order", json={"order": ["DEV", "QA", "PROD"]}).status_code == 200
    try:
        body = {"environment": "PROD", "override_reason": "it burns"}
        answer = callers[scope].post(f"{PROMOTIONS}/{version.path}?async=false", json=body)
    finally:
        site.ask("PUT", "/api/environments/order", json={"order": []})

    assert answer.status_code == status, answer.text


def test_a_stranger_may_read_what_everybody_may_and_nothing_more(tmp_path: Any) -> None:
    with Versions(tmp_path / "open", anonymous_read="true") as site:
        site.repo("dev-local", environments=("DEV",))
        shown, hidden = site.version(), site.version()
        part = {
            "repositories": ["ANY"], "include-patterns": [f"{shown.name}/**"],
            "actions": {"users": {"anonymous": [*EVERY.split()]}},
        }  # fmt: skip
        answer = site.ask("PUT", f"{PERMISSIONS}/everybody", json={"releaseBundle": part})
        assert answer.status_code == 201, answer.text
        client = site.stranger()

        for call in CALLS:
            if call.about_one and call.made is Versions.version:
                passes = call.right == "read"
                assert call.ask(client, shown).status_code == (call.status if passes else 401), call
                assert call.ask(client, hidden).status_code == 401, call
