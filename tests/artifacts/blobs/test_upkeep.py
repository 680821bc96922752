"""Administrators collect, and have everything read back: over HTTP, and with `gantry artifact`."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from app.artifacts.blobs.folder import FolderStore
from app.artifacts.blobs.store import Received
from app.db.connect import connect
from app.db.tx import Tx
from tests import gantry
from tests.acceptance.server import TOKEN, Server
from tests.artifacts.blobs.bodies import coming, some
from tests.artifacts.blobs.holding import DAY, NOW, file, repository, unused

pytestmark = pytest.mark.postgres
T = TypeVar("T")
GC, VERIFY = "/artifactory/api/system/storage/gc", "/artifactory/api/system/storage/verify"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path, artifacts_quota="1GB") as server:
        yield server


def write(server: Server, tx: Tx[T]) -> T:
    """Change the database behind the server's back."""

    async def drive() -> T:
        db = connect(server.database)
        await db.open()
        try:
            return await db.write(tx)
        finally:
            await db.close()

    return asyncio.run(drive())


def receive(server: Server, *bodies: bytes) -> list[Received]:
    """Put bytes into the folder of the server, as another server would that shares the folder."""
    store = FolderStore(server.data / "blobs")
    store.prepare()

    async def all_of_them() -> list[Received]:
        return [await store.receive(coming(body)) for body in bodies]

    try:
        return asyncio.run(all_of_them())
    finally:
        store.close()


def command(server: Server, *args: str) -> tuple[int, str, str]:
    """Run `gantry artifact` against the server."""
    done = gantry.run(["-s", server.url, "-t", TOKEN, *args], server.environment)
    return done.returncode, done.stdout, done.stderr


def test_an_administrator_collects(server: Server) -> None:
    used, old, young = receive(server, b"used", b"old", b"young")
    repo = write(server, repository("libs"))
    write(server, file(repo, "a/used.jar", used, NOW - 2 * DAY))
    write(server, unused(old, NOW - 2 * DAY))
    write(server, unused(young, NOW))

    assert server.json("POST", GC) == {"blobs": 1, "bytes": 3, "orphans": 0, "propertySets": 0}
    assert server.ask("GET", "/metrics").text.count("gantry_artifacts_collected_bytes_total 3.0") == 1
    assert "gantry_artifacts_bytes 9.0" in server.ask("GET", "/metrics").text
    code, out, _ = command(server, "artifact", "gc", "--grace", "1h", "--json")
    assert (code, json.loads(out)) == (0, {"blobs": 0, "bytes": 0, "orphans": 0, "propertySets": 0})
    write(server, unused(young, NOW - 20))
    assert command(server, "artifact", "gc", "--grace", "10s")[:2] == (0, "Removed 1 blob, 5 B\n")
    assert {path.name for path in (server.data / "blobs").glob("??/*")} == {used.place.rpartition("/")[2]}


def test_a_wrong_grace_is_refused(server: Server) -> None:
    answer = server.ask("POST", GC, params={"grace": "soon"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith("grace: must be a duration")
    code, _, err = command(server, "artifact", "gc", "--grace", "soon")
    assert code != 0
    assert "duration" in err


@pytest.mark.parametrize("path", [GC, VERIFY])
def test_only_administrators_of_the_server_may(server: Server, path: str) -> None:
    with server.visitor() as anyone, server.account("ada") as ada:
        assert anyone.post(path).status_code == 401
        assert ada.post(path).status_code == 403


def test_what_is_damaged_is_named(server: Server) -> None:
    whole, damaged, gone = receive(server, b"whole", some(1000), b"gone")
    repo = write(server, repository("libs"))
    for path, received in (("a/whole", whole), ("a/damaged", damaged), ("b/gone", gone)):
        write(server, file(repo, path, received))
    (server.data / "blobs" / damaged.place).write_bytes(some(1000, 1))
    (server.data / "blobs" / gone.place).unlink()

    lines = [json.loads(line) for line in server.ask("POST", VERIFY).text.splitlines()]

    assert [(line["kind"], line.get("files")) for line in lines] == [
        ("damaged", ["libs/a/damaged"]),
        ("missing", ["libs/b/gone"]),
        ("progress", None),
        ("done", None),
    ]
    assert lines[-1] == {"kind": "done", "checked": 3, "bytes": 1009, "lost": 2}
    code, out, err = command(server, "artifact", "verify")
    assert code == 1
    assert "libs/a/damaged" in out
    assert "libs/b/gone" in out
    assert "2 of 3 blobs are lost" in err
    code, out, _ = command(server, "artifact", "verify", "--json")
    assert (code, [json.loads(line)["kind"] for line in out.splitlines()]) == (1, [line["kind"] for line in lines])


def test_what_is_whole_is_said_to_be(server: Server) -> None:
    assert command(server, "artifact", "verify")[:2] == (0, "All 0 blobs are whole, 0 B\n")
    (received,) = receive(server, some(3 * 1024 * 1024))
    write(server, file(write(server, repository("libs")), "a", received))

    assert command(server, "artifact", "verify")[:2] == (0, "All 1 blobs are whole, 3.0 MB\n")
