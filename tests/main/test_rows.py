"""Every row of the server knows who may, and asks: each kind of caller at each row of the real application."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, get_args, get_type_hints

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Head

from app.accounts import proofs
from app.accounts import store as accounts
from app.accounts.artifactory import tokens as issued
from app.accounts.auth import ACCOUNT, ANY_SCOPE, KNOWN, MACHINE, SYSTEM
from app.accounts.model import Token
from app.artifacts import access as artifacts
from app.db.connect import Database
from app.db.tx import Tx, run
from app.main.examples import EXAMPLES
from app.main.routes import ARTIFACTORY_ROWS, ROWS
from app.main.routes import PAGES as SHOWN
from app.main.site import open_site
from app.notify.webhooks import api as webhooks
from app.repos import store as repos
from app.repos.access import ADMIN, ADMITTED, GRANTED_READ, KNOWN_READ, READ, SIGN, WRITE
from app.repos.model import Permissions, Repo
from app.repos.namespaces import MEMBER, OWNER
from app.runners.dispatch.rpc import api as rpc
from app.settings import server as settings
from app.web import docs
from app.web.connected import CONNECTION
from app.web.needs import NOTHING, Described, Scope, StoredNeeds, Unless
from app.web.openapi import describe
from app.web.path import Word
from app.web.route import Endpoint
from tests.accounts import farside
from tests.web.asgi import living

DESCRIBED: Sequence[Endpoint] = [*ROWS, *ARTIFACTORY_ROWS, *docs.routes(ROWS)]
ALL: Sequence[Endpoint] = [*ROWS, *ARTIFACTORY_ROWS, *SHOWN, *rpc.routes]
NOW = 1_700_000_000
SECRET = "what-every-runner-shows"
#: The status of an answer of a handler, which no other answer has.
PASSED = 299
#: What an account may in the private repository acme/web, the only one of its namespace.
RIGHTS = {
    "reader": Permissions(True),
    "writer": Permissions(True, True),
    "keeper": Permissions(True, True, True),
    "inactive": Permissions(True, True, True),
}
LOGINS = ("inactive", "account", "robot", "reader", "writer", "keeper", "root")
#: Tokens of root, who may do everything, that are good for less: their scope, repositories and time of expiry.
TOKENS: dict[str, tuple[Scope, tuple[str, ...], int]] = {
    "reading": ("read", (), 0),
    "promoting": ("promote", (), 0),
    "limited": ("admin", ("acme/web",), 0),
    "elsewhere": ("admin", ("other/thing",), 0),
    "expired": ("admin", (), 1),
}
#: Sessions of root, and what the browser tells of the page that calls.
PAGES = {"browser": farside.OWN, "foreign": {"Origin": "http://evil.test", "Sec-Fetch-Site": "cross-site"}}
CALLERS = ("stranger", "wrong", *LOGINS, *TOKENS, *PAGES, "runner")
#: What a token of the scope `promote` is good for, beside everything that only reads.
PROMOTES = {
    *("builds.promote", "builds.promote_named", "builds.rollback", "builds.restart", "builds.cancel"),
    *("builds.approve", "builds.approve_all", "builds.decline", "builds.decline_all"),
}
#: What only reads, and shows a secret.
SECRETS = {"repos.hook", "api_keys.show"}
WORDS = {"owner": "acme", "name": "web", "namespace": "acme"}


def statuses(*passing: str, account: int = 403, right: int = 403) -> dict[str, int]:
    """What becomes of each caller when these pass; `account` is told to those without any right, `right` to others."""
    refused = dict.fromkeys(("stranger", "wrong", "runner", *TOKENS, *PAGES), 401) | dict.fromkeys(
        ("account", "robot"), account
    )
    refused |= dict.fromkeys(("inactive",), 403) | dict.fromkeys(("reader", "writer", "keeper", "root"), right)
    return refused | dict.fromkeys(passing, PASSED)


SOMEBODY = ("account", "robot", "reader", "writer", "keeper", "root")
EVERYBODY = statuses(*CALLERS)
EXPECTED: dict[Described, dict[str, int]] = {
    NOTHING: EVERYBODY,
    ACCOUNT: statuses(*SOMEBODY),
    KNOWN: statuses(*SOMEBODY),
    MACHINE: statuses("robot", "root"),
    SYSTEM: statuses("root"),
    READ: statuses("reader", "writer", "keeper", "root", account=404),
    KNOWN_READ: statuses("reader", "writer", "keeper", "root", account=404),
    GRANTED_READ: statuses("reader", "writer", "keeper", "root", account=404),
    SIGN: statuses("writer", "keeper", "root", account=404),
    WRITE: statuses("writer", "keeper", "root", account=404),
    ADMIN: statuses("keeper", "root", account=404),
    MEMBER: statuses("writer", "keeper", "root"),
    OWNER: statuses("keeper", "root"),
    webhooks.LISTED: statuses("keeper", "root"),
    ANY_SCOPE: statuses(*SOMEBODY),
    issued.ISSUING: statuses(*SOMEBODY),
    artifacts.VISITOR: statuses(*SOMEBODY),
    artifacts.ACCOUNT: statuses(*SOMEBODY),
    artifacts.SYSTEM: statuses("root"),
    rpc.RUNNER: dict.fromkeys(CALLERS, 401) | {"runner": PASSED},
}


def named(row: Endpoint) -> str:
    return f"{row.method} {row.path}"


def expected(row: Endpoint, *, private: bool = False, open_metrics: bool = False) -> dict[str, int]:
    """By the needs of the row; some depend on settings."""
    admitted = statuses(*SOMEBODY) if private else statuses("stranger", "runner", *SOMEBODY)
    match row.operation:
        case "accounts.login" | "accounts.logout" | "accounts.connect" | "chats.confirm_link":
            return EVERYBODY | dict.fromkeys(("stranger", "runner", "foreign"), 403)
        case "accounts.show_login" | "accounts.show_logout" | "chats.show_link":
            return EVERYBODY | {"foreign": 403}
        case "builds.status_svg":
            return admitted | of_root(row, admitted) if private else EVERYBODY
        case "server.show_metrics":
            return EVERYBODY if open_metrics else EXPECTED[MACHINE] | of_root(row, EXPECTED[MACHINE])
    due = admitted if row.needs is ADMITTED else EXPECTED[row.needs]
    return due if row.needs in (NOTHING, rpc.RUNNER) else due | of_root(row, due)


def of_root(row: Endpoint, due: Mapping[str, int]) -> dict[str, int]:
    """What becomes of root's tokens and sessions where these become of root and of others."""
    reads = row.method == "GET" and row.operation not in SECRETS
    if row.needs.judges_scope:  # the rights that a scope leaves are judged by the handler; administration needs all
        lesser = 403 if row.needs is artifacts.SYSTEM else PASSED
        limited = {"limited": 403, "elsewhere": 403, "expired": 401}
        return {"reading": lesser, "promoting": lesser, "browser": due["root"], "foreign": 403, **limited}
    names_a_repo = {"owner", "name"} <= {word.name for word in row.path.words}
    return {
        "reading": PASSED if reads else 403,
        "promoting": PASSED if reads or row.operation in PROMOTES else 403,
        "limited": PASSED if names_a_repo or row.needs is KNOWN else 403,
        "elsewhere": 404 if names_a_repo else PASSED if row.needs is KNOWN else 403,
        "expired": 401,
        "browser": due["root"],
        "foreign": 403,
    }


async def passed(_: Request[Any], *__: object) -> Response:
    return Response(status_code=PASSED)


def nothing(*_: object) -> Tx[None]:
    yield from ()


@pytest.fixture(autouse=True)
def harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row does what it is for: who may is all that is asked."""
    monkeypatch.setattr(rpc, "PENALTY", 0.0)
    for row in ALL:
        monkeypatch.setattr(row, "handler", passed)
        monkeypatch.setattr(row, "reads", row.reads and nothing)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """What a server reads its settings from."""
    for name in ("GANTRY_DATABASE_URL", "GANTRY_ADMIN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"DATA": str(tmp_path), "RPC_SECRET": SECRET, "RUNNER_CAPACITY": "0"}.items():
        monkeypatch.setenv(f"GANTRY_{name}", value)
    return monkeypatch


@asynccontextmanager
async def server() -> AsyncIterator["Server"]:
    line = Line()
    async with open_site(settings.load(os.environ)) as site, living(line.of(site.app)) as client:
        await fill(site.ports.db)
        key = site.folder.key("cookie").encode()
        cookies = {name: await farside.begin(site.ports.db, "root", expires=2**33, key=key) for name in PAGES}
        pages = {name: farside.shown(cookies[name]) | PAGES[name] for name in PAGES}
        yield Server(client, line, site.ports.db, pages)


class Line:
    """The connection of all requests, which is told when a caller is trusted."""

    trusted = False

    def trust(self) -> None:
        self.trusted = True

    def of(self, app: ASGIApp) -> ASGIApp:
        async def connected(scope: Head, receive: Receive, send: Send) -> None:
            await app({**scope, CONNECTION: self}, receive, send)

        return connected


@dataclass
class Server:
    client: httpx2.AsyncClient
    line: Line
    db: Database
    #: The headers of each browser.
    pages: Mapping[str, Mapping[str, str]]

    def shows(self, caller: str) -> Mapping[str, str]:
        if caller == "stranger":
            return {}
        if caller == "runner":
            return {"X-Drone-Token": SECRET}
        return self.pages.get(caller, {"Authorization": f"Bearer {caller}"})

    async def answered(self, rows: Sequence[Endpoint]) -> dict[str, dict[str, int]]:
        return {named(row): {caller: (await self.ask(row, caller))[0] for caller in CALLERS} for row in rows}

    async def ask(self, row: Endpoint, caller: str) -> tuple[int, bool]:
        """The status of the answer, and whether the caller is trusted from now on."""
        self.line.trusted = False
        answer = await self.client.request(row.method, address(row), headers=self.shows(caller))
        return answer.status_code, self.line.trusted


async def fill(db: Database) -> None:
    for login in LOGINS:
        made = accounts.create(login, token=login, now=NOW, admin=login == "root", machine=login == "robot")
        await db.write(made)
    owner = await db.read(accounts.find("root"))
    repo = await db.write(repos.create(Repo(0, "acme", "web", user_id=owner.id, visibility="private")))
    for login, rights in RIGHTS.items():
        user = await db.read(accounts.find(login))
        await db.write(repos.grant(repo.id, user.id, rights, NOW))
    await db.write(run("UPDATE users SET active = FALSE WHERE login = 'inactive'"))
    for name, (scope, slugs, expires) in TOKENS.items():
        ids = {"acme/web": repo.id, "other/thing": repo.id + 1}
        token = Token(0, owner.id, name, scope, {ids[slug]: slug for slug in slugs}, NOW, expires)
        await db.write(proofs.add_token(token, proofs.hash_token(name)))


def address(row: Endpoint) -> str:
    parts = (WORDS.get(part.name, str(part.example)) if isinstance(part, Word) else part for part in row.path.parts)
    return "/" + "/".join(parts)


async def test_every_row_lets_in_whom_its_needs_name_and_tells_others_why(environment: pytest.MonkeyPatch) -> None:
    async with server() as made:
        found = await made.answered(ALL)

    due = {named(row): expected(row) for row in ALL}
    assert len(found) == len(ALL)
    assert {name: given for name, given in found.items() if given != due[name]} == {}


async def test_settings_close_and_open_what_depends_on_them(environment: pytest.MonkeyPatch) -> None:
    rows = [row for row in ALL if row.needs is ADMITTED or isinstance(row.needs, Unless)]
    environment.setenv("GANTRY_PRIVATE_MODE", "true")
    environment.setenv("GANTRY_METRICS_ANONYMOUS", "true")
    async with server() as made:
        found = await made.answered(rows)

    assert len(rows) == 7
    assert found == {named(row): expected(row, private=True, open_metrics=True) for row in rows}


def due_trust(row: Endpoint, passing: set[str]) -> set[str]:
    """Of the callers who pass: those who have shown an account that the row asks for, or the runners' secret."""
    if row.needs is NOTHING or isinstance(row.needs, Unless):
        return set()
    match row.operation:
        case "accounts.login":
            return {"account", "root"}
        case "accounts.logout" | "accounts.show_login" | "accounts.show_logout" | "accounts.connect":
            return {"browser"}
        case "chats.show_link" | "chats.confirm_link":
            return {"browser"}
    return passing if row.needs is rpc.RUNNER else passing - {"stranger", "runner"}


async def test_a_row_trusts_who_has_shown_an_account_also_where_strangers_pass(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("GANTRY_METRICS_ANONYMOUS", "true")
    async with server() as made:
        await made.db.write(run("UPDATE repos SET visibility = 'public'"))
        for row in ALL:
            told = {caller: await made.ask(row, caller) for caller in ("stranger", "account", "root", *PAGES, "runner")}
            passing = {caller for caller, (status, _) in told.items() if status == PASSED}
            trusted = {caller for caller, (_, is_trusted) in told.items() if is_trusted}
            assert trusted == due_trust(row, passing), named(row)
            assert "stranger" in passing or row.needs is not READ


@pytest.mark.parametrize("row", ALL, ids=named)
def test_refusals_are_those_that_a_row_is_described_with(row: Endpoint) -> None:
    due = expected(row)

    assert set(due.values()) - {PASSED} <= {*row.needs.refusals}
    assert row.needs.strangers or due["stranger"] != PASSED


def test_every_described_row_has_a_name_of_its_own() -> None:
    operations = [row.operation for row in DESCRIBED]

    assert all(operations)
    assert len(set(operations)) == len(operations)


@pytest.mark.parametrize("row", ALL, ids=named)
def test_every_word_of_a_path_is_explained(row: Endpoint) -> None:
    names = [word.name for word in row.path.words]

    assert all(word.means for word in row.path.words)
    assert len(set(names)) == len(names)


def replace_handler(row: Endpoint, handler: Any) -> Endpoint:
    """The row as it was before its handler was made harmless."""
    found = copy(row)
    found.handler = handler
    return found


HANDLERS = [(row, row.handler, row.reads) for row in ALL]


@pytest.mark.parametrize(("row", "handler", "reads"), HANDLERS, ids=[named(row) for row in ALL])
def test_a_handler_takes_what_its_row_gives(row: Endpoint, handler: Any, reads: Any) -> None:
    taken = list(signature(handler).parameters)
    hints = get_type_hints(handler)

    assert len(taken) == 1 + (row.needs is not NOTHING) + (reads is not None)
    if isinstance(row.needs, StoredNeeds) and not isinstance(row.needs, Unless):
        granted = get_args(get_type_hints(row.needs.asked)["return"])[2]
        assert hints[taken[1]] == granted or granted in get_args(hints[taken[1]])


@pytest.mark.parametrize("row", ALL, ids=named)
def test_a_row_says_what_a_token_must_be_good_for(row: Endpoint) -> None:
    if row.operation in PROMOTES:
        assert row.scope == "promote"
    elif row.needs.judges_scope or (row.method == "GET" and row.operation not in SECRETS):
        assert row.scope == "read"
    else:
        assert row.scope == "admin"


#: Names of properties of answers that hold a secret, in an answer that was not asked for by GET.
SECRET_NAMES = {"token", "access_token", "refresh_token", "apiKey", "secret", "secrets", "password", "private_key"}
#: Rows whose answers have the type of an answer with a token, and never have the token.
NEVER_SHOWN = {"accounts.update", "accounts.update_user"}


def names_of(schema: Any, components: Mapping[str, Any], inside: frozenset[str] = frozenset()) -> set[str]:
    """The names of all properties in a schema."""
    if isinstance(schema, list):
        return set().union(*(names_of(one, components, inside) for one in schema))
    if not isinstance(schema, dict):
        return set()
    place = str(schema.get("$ref", "")).rpartition("/")[2]
    if place:
        return set() if place in inside else names_of(components[place], components, inside | {place})
    found = set(schema.get("properties", {}))
    return found.union(*(names_of(one, components, inside) for key, one in schema.items() if key != "example"))


def test_an_answer_that_shows_a_secret_is_never_compressed() -> None:
    described = describe(
        [replace_handler(row, handler) for row, handler, _ in HANDLERS if row.operation], "1", examples=EXAMPLES
    )
    components = described["components"]["schemas"]
    showing = set()
    for row in (one for one in ALL if one.operation and one.method != "GET"):
        responses = described["paths"][str(row.path)][row.method.lower()]["responses"]
        told = [answer.get("content", {}) for status, answer in responses.items() if status < "3"]
        if SECRET_NAMES & names_of(told, components):
            showing.add(row.operation)

    marked = {row.operation for row in ALL if row.secret}
    assert {"accounts.create", "accounts.rotate", "tokens.create", "api_keys.replace"} <= showing
    assert showing - marked == NEVER_SHOWN
    assert marked >= SECRETS


#: What a browser sends with its cookie from a page that proves nothing; the last one is a form in a sandbox.
UNPROVEN: Sequence[Mapping[str, str]] = (
    {},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://other.gantry.test"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://gantry.test:81"},
    {"Origin": "https://gantry.test"},
    {"Origin": "http://gantry.test.evil.test"},
    {"Origin": "null"},
)


async def test_a_cookie_changes_nothing_without_proof_of_the_same_origin(environment: pytest.MonkeyPatch) -> None:
    """Rows that ask for no account heed no cookie, and runners show a secret of their own."""
    unsafe = [row for row in ALL if row.method not in ("GET", "HEAD", "OPTIONS")]
    guarded = [row for row in unsafe if row.needs not in (NOTHING, rpc.RUNNER)]
    async with server() as made:
        cookie = {"Cookie": str(made.pages["browser"]["Cookie"])}
        for row in guarded:
            for headers in UNPROVEN:
                answer = await made.client.request(row.method, address(row), headers={**cookie, **headers})
                assert answer.status_code == 403, (named(row), headers)
                assert "not come from a page" in answer.text, (named(row), headers)
            proven = await made.client.request(
                row.method, address(row), headers={**cookie, "Origin": "http://gantry.test"}
            )
            assert proven.status_code == PASSED, named(row)

    unguarded = {row.operation for row in unsafe if row.needs is NOTHING}
    harmless = {"platform.report_usage", "platform.report_metrics"}  # they throw away what they are told
    chats = {one for one in unguarded if one.startswith("chats.")}  # each request shows that its chat has sent it
    assert len(chats) == 6
    assert {one for one in unguarded - chats if not one.startswith("server.alive.")} == {
        "builds.receive_push",
        *harmless,
    }
    assert len(guarded) > 100


def test_what_changes_something_cannot_be_for_tokens_that_read() -> None:
    with pytest.raises(ValueError, match="may change something"):
        Endpoint("POST", "/thing", passed, needs=ACCOUNT, scope="read")
