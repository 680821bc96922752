"""The key that seals the secrets is changed: all or nothing, whatever happens, and only where no server runs."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.db.connect import connect
from app.db.tx import many
from app.folder import Folder
from app.main.maintenance import SEALED
from app.sealing import keyring
from app.settings.server import Settings
from tests import gantry
from tests.acceptance.server import Server
from tests.scm.repository import Repository
from tests.soon import PATIENCE

SLUG = "octocat/hello-world"
VALUES = {f"key{number}": f"value-{number}-that-shows-nowhere" for number in range(8)}
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps:
- name: show
  environment: {OWN: {from_secret: key0}, SHARED: {from_secret: key1}}
  commands:
  - test "$OWN" = "value-0-that-shows-nowhere"
  - test "$SHARED" = "value-1-that-shows-nowhere"
"""
#: For each number that it reads: a process that runs the command and kills itself at that line of our code, counted
#: from 1. Says how it ended, and how many lines it ran if it was left alone.
DYING = """
import os, signal, sys, threading
import app.cli, app.main.maintenance
names = ("sealing/keyring", "folder", "sealing/renew", "main/maintenance", "sealing/seal", "db/sqlite", "db/postgres")
watched = tuple(f"app/{name}.py" for name in names)
def run(last):
    seen = 0
    def trace(frame, event, argument):
        nonlocal seen
        if not frame.f_code.co_filename.endswith(watched):
            return None
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    threading.settrace(trace)
    sys.settrace(trace)
    app.cli.main(["secret", "rotate-key", "--json"], standalone_mode=False)
    sys.settrace(None)
    print(seen, flush=True)
for line in sys.stdin:
    if not (child := os.fork()):
        run(int(line))
        os._exit(0)
    print("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with secrets of a repository and of its namespace, stopped after it refused to have its key changed."""
    folder = tmp_path_factory.mktemp("rotation")
    server, repository = Server(folder / "server", git_roots=str(folder)), Repository(folder / "hello-world")
    repository.commit({".drone.yml": PIPELINE})
    server.start()
    server.register(repository.url, SLUG, default_branch="main")
    for number, (name, value) in enumerate(VALUES.items()):
        where = "/api/secrets/octocat" if number % 2 else f"/api/repos/{SLUG}/secrets"
        server.json("POST", where, json={"name": name, "data": value})
    refused = _rotate(server)
    assert (refused.returncode, refused.stdout) == (1, ""), refused
    assert f"a server runs on {server.data}; stop it first" in refused.stderr
    assert server.stop() == 0
    return server


def _rotate(server: Server) -> "subprocess.CompletedProcess[str]":
    return gantry.run(["secret", "rotate-key"], server.environment, timeout=PATIENCE)


def _stored(server: Server) -> list[tuple[str, bytes]]:
    """Every sealed value of the database with its purpose."""

    async def read() -> list[tuple[str, bytes]]:
        db = connect(server.database)
        await db.open()
        found: list[Any] = []
        for purpose in SEALED:
            table, column = purpose.split(".")
            found += [(purpose, row["value"]) for row in await db.read(many(f"SELECT {column} AS value FROM {table}"))]
        await db.close()
        return found

    return asyncio.run(read())


def _opened(server: Server) -> list[str]:
    """All that is sealed, opened as the server would."""
    seal = keyring.seal(Settings(), Folder(server.data))
    return sorted(seal.open(value, purpose) for purpose, value in _stored(server))


def _keys(server: Server) -> dict[str, str]:
    return {path.name: path.read_text() for path in (server.data / "keys").iterdir()}


def test_the_server_works_on_with_a_new_key(server: Server) -> None:
    keys, values, before = _keys(server), _opened(server), _stored(server)

    done = _rotate(server)

    assert (done.returncode, done.stderr) == (0, "")
    assert "10 values are sealed with a new key" in done.stdout
    assert not [value for value in values if value in done.stdout]
    assert _keys(server).keys() == keys.keys()
    assert _keys(server)["secret"] != keys["secret"]
    assert not {value for _, value in before} & {value for _, value in _stored(server)}
    with server:
        build = server.json("POST", f"/api/repos/{SLUG}/builds")
        assert server.finished(SLUG, build["number"])["status"] == "success"


@pytest.fixture
def dying(server: Server) -> Iterator[Callable[[int], list[str]]]:
    """Runs the command until that line; the words it said, the last of which is its exit code."""
    command = [sys.executable, "-c", DYING]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=server.environment, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:

        def run(line: int) -> list[str]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{line}\n")
            words: list[str] = []
            while "ended" not in words:
                words += process.stdout.readline().split()
            return words

        yield run


def test_killed_at_any_moment_everything_still_opens_and_the_next_call_finishes(
    server: Server, dying: Callable[[int], list[str]]
) -> None:
    values = _opened(server)
    *_, lines, _, code = dying(0)
    assert code == "0"
    seen: Counter[tuple[str, bool]] = Counter()

    for part in range(1, 24):
        code = dying(int(lines) * part // 24)[-1]
        assert _opened(server) == values
        seen[code, "secret-next" in _keys(server)] += 1

    assert {("-9", False), ("-9", True), ("0", False)} >= seen.keys() >= {("-9", False), ("-9", True)}, seen
    assert dying(0)[-1] == "0"
    assert _opened(server) == values
    assert "secret-next" not in _keys(server)
    assert server.attempt("--check").returncode == 0
