"""No namespace gets the first word of a path of the server; one that has it already is named when the server starts."""

import logging
import os
from pathlib import Path

import pytest

from app.db.connect import Database
from app.db.tx import Tx, run
from app.main.routes import ARTIFACTORY_ROWS, RESERVED, ROWS
from app.main.site import open_site
from app.repos import store as repos
from app.repos.model import SECRET, SIGNER, Repo
from app.runners.dispatch.rpc import api as rpc
from app.sealing import keyring
from app.sealing.seal import Seal
from app.settings import server as settings


def test_the_first_word_of_every_path_is_reserved() -> None:
    firsts = {row.path.parts[0] for row in (*ROWS, *ARTIFACTORY_ROWS, *rpc.routes) if row.path.parts}

    assert firsts | {"docs", "openapi.json", "v2", "-"} == RESERVED


async def test_a_namespace_that_has_a_reserved_word_is_named_once_at_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("GANTRY_DATABASE_URL", "GANTRY_ADMIN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"DATA": str(tmp_path), "RUNNER_CAPACITY": "0"}.items():
        monkeypatch.setenv(f"GANTRY_{name}", value)
    async with open_site(settings.load(os.environ)) as site:
        await _fill(site.ports.db, keyring.seal(site.settings, site.folder))
    before = _warnings(caplog)

    async with open_site(settings.load(os.environ)):
        pass

    assert before == []
    assert [record.__dict__["namespaces"] for record in _warnings(caplog)] == [["docs", "login/sub"]]


def _made(repo: Repo) -> Tx[None]:
    yield from run(repos.CREATE, **repos.values(repo))


async def _fill(db: Database, seal: Seal) -> None:
    for number, namespace in enumerate(("docs", "docs", "login/sub", "acme", "Login")):
        signer, secret = seal.seal("s", SIGNER), seal.seal("s", SECRET)
        await db.write(_made(Repo(0, namespace, f"r{number}", signer=signer, secret=secret)))


def _warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if "addresses of this server" in record.getMessage()]
