"""Every row of the server knows who may, and asks: each kind of caller at each row of the real application."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from inspect import signature
from pathlib import Path
from typing import Any, get_args, get_type_hints

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.accounts import store as accounts
from app.accounts.auth import ACCOUNT, MACHINE, SYSTEM
from app.db.connect import Database
from app.db.tx import Tx, run
from app.main.routes import ROWS
from app.main.site import open_site
from app.repos import store as repos
from app.repos.access import ADMIN, ADMITTED, KNOWN_READ, READ, SIGN, WRITE
from app.repos.model import Permissions, Repo
from app.repos.namespaces import MEMBER, OWNER
from app.runners.dispatch.rpc import api as rpc
from app.settings import server as settings
from app.web import docs
from app.web.needs import NOTHING, Described, StoredNeeds, Unless
from app.web.path import Word
from app.web.route import Endpoint
from tests.web.asgi import living

DESCRIBED: Sequence[Endpoint] = [*ROWS, *docs.routes(ROWS)]
ALL: Sequence[Endpoint] = [*ROWS, *rpc.routes]
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
CALLERS = ("stranger", "wrong", "inactive", "account", "robot", "reader", "writer", "keeper", "root", "runner")
WORDS = {"owner": "acme", "name": "web", "namespace": "acme"}


def statuses(*passing: str, account: int = 403, right: int = 403) -> dict[str, int]:
    """What becomes of each caller when these pass; `account` is told to those without any right, `right` to others."""
    refused = dict.fromkeys(("stranger", "wrong", "runner"), 401) | dict.fromkeys(("account", "robot"), account)
    refused |= dict.fromkeys(("inactive",), 403) | dict.fromkeys(("reader", "writer", "keeper", "root"), right)
    return refused | dict.fromkeys(passing, PASSED)


SOMEBODY = ("account", "robot", "reader", "writer", "keeper", "root")
EVERYBODY = statuses(*CALLERS)
EXPECTED: dict[Described, dict[str, int]] = {
    NOTHING: EVERYBODY,
    ACCOUNT: statuses(*SOMEBODY),
    MACHINE: statuses("robot", "root"),
    SYSTEM: statuses("root"),
    READ: statuses("reader", "writer", "keeper", "root", account=404),
    KNOWN_READ: statuses("reader", "writer", "keeper", "root", account=404),
    SIGN: statuses("writer", "keeper", "root", account=404),
    WRITE: statuses("writer", "keeper", "root", account=404),
    ADMIN: statuses("keeper", "root", account=404),
    MEMBER: statuses("writer", "keeper", "root"),
    OWNER: statuses("keeper", "root"),
    rpc.RUNNER: dict.fromkeys(CALLERS, 401) | {"runner": PASSED},
}


def named(row: Endpoint) -> str:
    return f"{row.method} {row.path}"


def expected(row: Endpoint, *, private: bool = False, open_metrics: bool = False) -> dict[str, int]:
    """By the needs of the row; some depend on settings."""
    admitted = statuses(*SOMEBODY) if private else statuses("stranger", "runner", *SOMEBODY)
    match row.operation:
        case "accounts.login":
            return EVERYBODY
        case "builds.status_svg":
            return admitted if private else EVERYBODY
        case "server.show_metrics":
            return EVERYBODY if open_metrics else EXPECTED[MACHINE]
    return admitted if row.needs is ADMITTED else EXPECTED[row.needs]


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
async def server() -> AsyncIterator[httpx2.AsyncClient]:
    async with open_site(settings.load(os.environ)) as site, living(site.app) as client:
        await fill(site.ports.db)
        yield client


async def fill(db: Database) -> None:
    for login in CALLERS[2:-1]:
        made = accounts.create(login, token=login, now=NOW, admin=login == "root", machine=login == "robot")
        await db.write(made)
    owner = await db.read(accounts.find("root"))
    repo = await db.write(repos.create(Repo(0, "acme", "web", user_id=owner.id, visibility="private")))
    for login, rights in RIGHTS.items():
        user = await db.read(accounts.find(login))
        await db.write(repos.grant(repo.id, user.id, rights, NOW))
    await db.write(run("UPDATE users SET active = FALSE WHERE login = 'inactive'"))


def shows(caller: str) -> Mapping[str, str]:
    if caller == "stranger":
        return {}
    return {"X-Drone-Token": SECRET} if caller == "runner" else {"Authorization": f"Bearer {caller}"}


def address(row: Endpoint) -> str:
    parts = (WORDS.get(part.name, str(part.example)) if isinstance(part, Word) else part for part in row.path.parts)
    return "/" + "/".join(parts)


async def answered(client: httpx2.AsyncClient, rows: Sequence[Endpoint]) -> dict[str, dict[str, int]]:
    return {
        named(row): {
            caller: (await client.request(row.method, address(row), headers=shows(caller))).status_code
            for caller in CALLERS
        }
        for row in rows
    }


async def test_every_row_lets_in_whom_its_needs_name_and_tells_others_why(environment: pytest.MonkeyPatch) -> None:
    async with server() as client:
        found = await answered(client, ALL)

    due = {named(row): expected(row) for row in ALL}
    assert len(found) == len(ALL)
    assert {name: given for name, given in found.items() if given != due[name]} == {}


async def test_settings_close_and_open_what_depends_on_them(environment: pytest.MonkeyPatch) -> None:
    rows = [row for row in ALL if row.needs is ADMITTED or isinstance(row.needs, Unless)]
    environment.setenv("GANTRY_PRIVATE_MODE", "true")
    environment.setenv("GANTRY_METRICS_ANONYMOUS", "true")
    async with server() as client:
        found = await answered(client, rows)

    assert len(rows) == 3
    assert found == {named(row): expected(row, private=True, open_metrics=True) for row in rows}


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


HANDLERS = [(row, row.handler, row.reads) for row in ALL]


@pytest.mark.parametrize(("row", "handler", "reads"), HANDLERS, ids=[named(row) for row in ALL])
def test_a_handler_takes_what_its_row_gives(row: Endpoint, handler: Any, reads: Any) -> None:
    taken = list(signature(handler).parameters)
    hints = get_type_hints(handler)

    assert len(taken) == 1 + (row.needs is not NOTHING) + (reads is not None)
    if isinstance(row.needs, StoredNeeds) and not isinstance(row.needs, Unless):
        granted = get_args(get_type_hints(row.needs.asked)["return"])[2]
        assert hints[taken[1]] == granted or granted in get_args(hints[taken[1]])
