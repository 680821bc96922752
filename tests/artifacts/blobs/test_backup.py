"""A backup has the bytes of artifacts, and a restore puts them back."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.artifacts.blobs.folder import held
from app.main import backup as backups
from app.settings.server import Settings
from tests.acceptance.server import Server, on_sqlite
from tests.artifacts.blobs.bodies import some
from tests.artifacts.blobs.holding import DAY, NOW, file, repository, unused
from tests.artifacts.blobs.test_upkeep import GC, VERIFY, command, receive, write

pytestmark = on_sqlite


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with three files, of which two have the same bytes."""
    with Server(tmp_path) as server:
        large, small = receive(server, some(3 * 1024 * 1024), b"small")
        repo = write(server, repository("libs"))
        for path, received in (("a/large", large), ("b/large", large), ("b/small", small)):
            write(server, file(repo, path, received, NOW - 2 * DAY))
        yield server


def verified(server: Server) -> dict[str, object]:
    """The last line of what the server says about its artifacts."""
    last: dict[str, object] = json.loads(server.ask("POST", VERIFY).text.splitlines()[-1])
    return last


def test_a_backup_of_a_running_server_has_the_bytes_and_a_restore_puts_them_back(
    server: Server, tmp_path: Path
) -> None:
    receive(server, b"in no row")
    code, out, err = command(server, "backup", str(tmp_path / "backup"), "--json")
    assert code == 0, err
    made = json.loads(out)
    assert (made["blobs"], made["lost"]) == (2, 0)
    assert made["bytes"] > 3 * 1024 * 1024
    server.stop()
    assert command(server, "restore", "--check", str(tmp_path / "backup"))[0] == 0
    shutil.move(server.data, tmp_path / "old")

    code, out, err = command(server, "restore", str(tmp_path / "backup"))

    assert code == 0, err
    assert "2 artifacts" in out
    server.start()
    assert verified(server) == {"kind": "done", "checked": 2, "bytes": 3 * 1024 * 1024 + 5, "lost": 0}
    assert {path.stat().st_mode & 0o077 for path in (server.data / "blobs").rglob("*")} == {0}


def test_what_was_lost_before_is_named_and_the_rest_is_restored(server: Server, tmp_path: Path) -> None:
    large, small = sorted((server.data / "blobs").glob("??/*"), key=lambda path: -path.stat().st_size)
    large.write_bytes(some(100))
    small.unlink()

    code, out, err = command(server, "backup", str(tmp_path / "backup"))

    assert code == 0
    assert "2 were lost before, see `gantry artifact verify`" in out
    assert large.name in err
    assert small.name in err
    server.stop()
    shutil.move(server.data, tmp_path / "old")
    code, _, err = command(server, "restore", str(tmp_path / "backup"))
    assert code == 0, err
    server.start()
    assert verified(server)["lost"] == 2


def test_nothing_is_collected_while_a_backup_copies(server: Server, tmp_path: Path) -> None:
    (received,) = receive(server, b"unused")
    write(server, unused(received, NOW - 2 * DAY))

    with held(server.data / "blobs"):
        answer = server.ask("POST", GC)
        assert answer.status_code == 503
        assert answer.json()["errors"][0]["code"] == "blobs_held"
        assert (server.data / "blobs" / received.place).exists()

    assert server.json("POST", GC)["blobs"] == 1


async def test_a_backup_waits_for_no_server_but_holds_what_its_database_names(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings().model_copy(update={"data": server.data, "database_url": server.database})
    answers = []
    write_backup = backups._write

    def while_it_copies(*given: object, **more: object) -> object:
        answers.append(server.ask("POST", GC).status_code)
        return write_backup(*given, **more)  # type: ignore[arg-type]

    (received,) = await asyncio.to_thread(receive, server, b"unused")
    await asyncio.to_thread(write, server, unused(received, NOW - 2 * DAY))
    monkeypatch.setattr(backups, "_write", while_it_copies)

    made = await backups.backup(settings, tmp_path / "backup")

    assert answers == [503]
    assert made.blobs == 3


def test_bytes_that_are_there_already_are_not_replaced(server: Server, tmp_path: Path) -> None:
    assert command(server, "backup", str(tmp_path / "backup"))[0] == 0
    server.stop()
    blobs = tmp_path / "elsewhere"
    shutil.move(server.data / "blobs", blobs)
    shutil.move(server.data, tmp_path / "old")
    server.environment["GANTRY_BLOBS"] = str(blobs)

    code, _, err = command(server, "restore", str(tmp_path / "backup"))
    assert code != 0
    assert "GANTRY_BLOBS" in err
    shutil.rmtree(blobs)

    assert command(server, "restore", str(tmp_path / "backup"))[0] == 0
    server.start()
    assert verified(server)["lost"] == 0
    assert len(list(blobs.glob("??/*"))) == 2


def test_a_backup_of_a_server_with_s3_is_not_for_one_with_a_folder(server: Server, tmp_path: Path) -> None:
    server.stop()
    server.environment["GANTRY_BLOBS"] = "s3://bucket"
    code, out, err = command(server, "backup", str(tmp_path / "backup"), "--json")
    assert code == 0, err
    assert json.loads(out)["blobs"] == 0
    assert command(server, "restore", "--check", str(tmp_path / "backup"))[0] == 0
    del server.environment["GANTRY_BLOBS"]

    code, _, err = command(server, "restore", "--check", str(tmp_path / "backup"))

    assert code != 0
    assert "set GANTRY_BLOBS as that server had it" in err
