"""Backups that are made under load are whole, and a server goes on from any of them; what is not whole is refused."""

import gzip
import io
import json
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import gantry, postgres
from tests.acceptance.conftest import SLUG, first_build
from tests.acceptance.server import Server, on_sqlite
from tests.scm.repository import Repository

BUILDS = f"/api/repos/{SLUG}/builds"
PIPELINE = """
kind: pipeline
type: exec
name: default
clone: {disable: true}
steps:
- {name: only, commands: [echo said]}
---
kind: pipeline
type: docker
name: waiting
trigger: {event: [promote], target: [waiting]}
"""
Done = "subprocess.CompletedProcess[str]"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server", git_roots=str(tmp_path))
    with server:
        first_build(server, Repository(tmp_path / "hello-world"), PIPELINE)
        yield server


def run(server: Server, *arguments: str, **settings: str) -> Any:
    return gantry.run(arguments, server.environment | settings)


def made(server: Server, file: Path) -> Path:
    """A backup."""
    done = run(server, "backup", str(file))
    assert done.returncode == 0, done.stderr
    return file


def elsewhere(server: Server, folder: Path) -> Server:
    """A server with the same settings on another data folder."""
    other = Server(folder, git_roots=server.environment["GANTRY_GIT_ROOTS"])
    if postgres.SERVER:
        other.database = other.environment["GANTRY_DATABASE_URL"] = server.database
    return other


def rewritten(file: Path, change: dict[str, bytes | None]) -> Path:
    """The backup with other files in it, and the manifest as it was."""
    target = file.with_name("rewritten")
    with tarfile.open(file) as old, tarfile.open(target, "w:gz") as new:
        members = {member.name: (old.extractfile(member) or io.BytesIO()).read() for member in old.getmembers()}
        manifest = {"manifest.json": members.pop("manifest.json")}
        for name, data in (members | change | {k: v for k, v in manifest.items() if k not in change}).items():
            if data is not None:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    return target


def refusal(done: Any) -> str:
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return str(done.stderr)


def _spoil(database: Path) -> None:
    """Overwrite all pages but the first."""
    with closing(sqlite3.connect(database, isolation_level=None)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with database.open("r+b") as pages:
        pages.seek(4096)
        pages.write(b"\x55" * (database.stat().st_size - 4096))


class Load:
    """Clients that promote until they are told to stop."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.answered: list[int] = []
        self.stopped = threading.Event()

    def run(self, target: str) -> None:
        with self._server.visitor(dict(self._server.client.headers)) as client:
            while not self.stopped.is_set():
                answer = client.post(f"{BUILDS}/1/promote?target={target}")
                assert answer.status_code == 200, answer.text
                self.answered.append(answer.json()["number"])


@on_sqlite
def test_backups_under_load_are_whole_and_hold_all_that_was_answered_before(server: Server, tmp_path: Path) -> None:
    load = Load(server)
    before: list[list[int]] = []
    with ThreadPoolExecutor(5) as threads:
        clients = [threads.submit(load.run, target) for target in ("waiting", "waiting", "waiting", "quick", "quick")]
        for number in range(4):
            before.append(list(load.answered))
            made(server, tmp_path / f"backup-{number}")
        load.stopped.set()
        for client in clients:
            client.result()

    for number in range(4):
        done = run(server, "restore", "--check", str(tmp_path / f"backup-{number}"))
        assert (done.returncode, done.stderr) == (0, "")
    assert len(before[3]) > len(before[1])
    server.stop()
    for number in (1, 3):
        other = elsewhere(server, tmp_path / f"other-{number}")
        done = run(other, "restore", str(tmp_path / f"backup-{number}"))
        assert done.returncode == 0, done.stderr
        with other:
            counter = other.json("GET", f"/api/repos/{SLUG}")["counter"]
            assert counter >= max(before[number], default=1)
            assert other.output(SLUG, 1) == "+ echo said\nsaid\n"
            ended = other.json("GET", BUILDS, params={"status": "success", "per_page": 100})
            assert all(other.output(SLUG, build["number"]) == "+ echo said\nsaid\n" for build in ended)
            assert other.promote(SLUG, 1, "quick")["number"] == counter + 1
            assert "did not end cleanly" not in other.log.read_text()


def test_a_backup_says_what_it_holds_and_is_for_its_owner_alone(server: Server, tmp_path: Path) -> None:
    done = run(server, "--json", "backup", str(tmp_path / "backup"))

    told = json.loads(done.stdout)
    assert (told["format"], told["logs"], told["database"]) == (1, 1, "postgresql" if postgres.SERVER else "sqlite")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert server.environment["GANTRY_ADMIN"].partition("token:")[2] not in done.stdout + done.stderr


def test_on_postgresql_it_says_how_to_dump_the_database(server: Server, tmp_path: Path) -> None:
    said = run(server, "backup", str(tmp_path / "backup")).stdout

    assert ("pg_dump --format=custom" in said) == bool(postgres.SERVER)
    assert ("the database, " in said) != bool(postgres.SERVER)
    assert server.database.partition("@")[0] not in said or not postgres.SERVER


def test_secrets_and_sessions_are_the_same_after_a_restore(server: Server, tmp_path: Path) -> None:
    server.json("POST", f"/api/repos/{SLUG}/secrets", json={"name": "token", "data": "hush"})
    made(server, tmp_path / "backup")
    server.stop()
    other = elsewhere(server, tmp_path / "other")

    assert run(other, "restore", str(tmp_path / "backup")).returncode == 0

    keys = {path.name: path.read_text() for path in (server.data / "keys").iterdir()}
    assert {path.name: path.read_text() for path in (other.data / "keys").iterdir()} == keys
    assert "secret" in keys
    with other:
        assert other.output(SLUG, 1) == "+ echo said\nsaid\n"
    assert [path for path in other.data.rglob("*") if path.stat().st_mode & 0o077] == []


def test_nothing_is_replaced(server: Server, tmp_path: Path) -> None:
    file = made(server, tmp_path / "backup")

    assert "exists already" in refusal(run(server, "backup", str(file)))
    assert "a server runs on" in refusal(run(server, "restore", str(file)))
    server.stop()
    assert "is there already" in refusal(run(server, "restore", str(file)))
    assert "no data of a server" in refusal(run(server, "backup", str(tmp_path / "b"), GANTRY_DATA=str(tmp_path / "x")))
    assert not (tmp_path / "x").exists()


@on_sqlite
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gantry.sqlite": b"SQLite format 3\0" + b"\0" * 5000}, "damaged"),
        ({"keys/cookie": b"another"}, "not what was written"),
        ({"keys/secret": None}, "not what was written"),
        ({"keys/more": b"one more"}, "not what was written"),
        ({"../../evil": b"x"}, "holds '../../evil'"),
        ({"keys/../../evil": b"x"}, "holds"),
        ({"/tmp/evil": b"x"}, "holds '/tmp/evil'"),
        ({"logs/0/1.json/x": b"x"}, "holds"),
        ({"manifest.json": None}, "its end is missing"),
        ({"manifest.json": b"{}"}, "manifest cannot be read"),
        ({"manifest.json": b"\xff"}, "manifest cannot be read"),
        ({"manifest.json": b'{"format": 2, "gantry": "9.9", "made": 1, "database": "new"}'}, "made by Gantry 9.9"),
        ({"manifest.json": b'{"format": 1, "gantry": "1", "made": 1e30, "database": "sqlite"}'}, "cannot be read"),
        ({"manifest.json": b'{"format": 1, "gantry": "1"}'}, "manifest cannot be read"),
    ],
)
def test_what_is_not_as_it_was_written_is_refused_and_nothing_is_restored(
    backed_up: tuple[Server, Path], tmp_path: Path, change: dict[str, bytes | None], words: str
) -> None:
    server, file = backed_up
    other = elsewhere(server, tmp_path / "other")

    done = run(other, "restore", str(rewritten(file, change)))

    assert words in refusal(done)
    assert sorted(path.name for path in other.data.rglob("*")) == ["blobs", "keys", "lock", "logs", "mirrors", "work"]


@on_sqlite
def test_a_part_of_a_backup_and_no_backup_are_refused(backed_up: tuple[Server, Path], tmp_path: Path) -> None:
    server, file = backed_up
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    cases = (
        whole[: len(whole) // 2],
        whole[: len(whole) * 9 // 10],
        bytes(flipped),
        b"",
        b"text",
        gzip.compress(b"text"),
        b"\x1f\x8b\x08",
    )
    for number, content in enumerate(cases):
        (tmp_path / f"part-{number}").write_bytes(content)
        said = refusal(run(server, "restore", "--check", str(tmp_path / f"part-{number}")))
        assert f"part-{number}" in said
    assert "absent" in refusal(run(server, "restore", "--check", str(tmp_path / "absent")))


@on_sqlite
def test_keys_of_another_server_are_told_before_anything_is_restored(
    backed_up: tuple[Server, Path], tmp_path: Path
) -> None:
    server, file = backed_up
    other = elsewhere(server, tmp_path / "other")

    assert "GANTRY_SECRET_KEY" in refusal(run(other, "restore", str(file), GANTRY_SECRET_KEY="another-key-of-16"))
    url = "postgresql://u:hunter2@127.0.0.1:1/x"
    said = refusal(run(other, "restore", str(file), GANTRY_DATABASE_URL=url))
    assert "server on sqlite" in said
    assert "hunter2" not in said


@on_sqlite
def test_no_server_starts_on_a_folder_whose_restore_was_interrupted_and_the_next_restore_finishes(
    backed_up: tuple[Server, Path], tmp_path: Path
) -> None:
    server, file = backed_up
    other = elsewhere(server, tmp_path / "other")
    blocked = tmp_path / "blocked"
    blocked.touch()  # where the folder of the database is wanted: the keys and the logs are in their places by then
    other.environment["GANTRY_DATABASE_URL"] = f"sqlite:///{blocked / 'gantry.sqlite'}"
    assert str(blocked) in refusal(run(other, "restore", str(file)))
    blocked.unlink()
    assert (other.data / "keys" / "secret").exists()

    assert "repeat it with gantry restore" in refusal(other.attempt())
    assert run(other, "restore", str(file)).returncode == 0

    assert (blocked / "gantry.sqlite").exists()
    assert not (other.data / "restoring").exists()
    assert other.attempt("--check").returncode == 0


@on_sqlite
def test_a_damaged_database_is_neither_backed_up_nor_started_on_after_a_kill(server: Server, tmp_path: Path) -> None:
    server.kill()
    database = server.data / "gantry.sqlite"
    _spoil(database)
    (server.data / "gantry.sqlite-wal").touch()

    started = server.attempt()
    assert started.returncode == 1
    assert f"the database {database} is damaged" in started.stderr
    assert "docs/backup.md" in started.stderr
    assert "Traceback" not in started.stderr
    assert "damaged" in refusal(run(server, "backup", str(tmp_path / "backup")))
    assert not (tmp_path / "backup").exists()


@on_sqlite
def test_a_database_that_is_damaged_while_the_server_runs_is_a_503_that_says_so(server: Server) -> None:
    for _ in range(30):
        server.promote(SLUG, 1, "waiting", BIG="x" * 20_000)
    _spoil(server.data / "gantry.sqlite")

    def damaged() -> httpx2.Response | None:
        answers = [server.ask("POST", f"{BUILDS}/1/promote?target=waiting"), server.ask("GET", BUILDS)]
        return next((answer for answer in answers if answer.status_code == 503), None)

    answer = server.until(damaged, "the damage is seen")

    assert answer is not None
    assert answer.json()["code"] == "damaged_database"
    assert "the database is damaged" in answer.json()["message"]
    assert server.ask("GET", "/healthz").status_code == 200
    server.until(lambda: '"code":"damaged_database"' in server.log.read_text(), "the log says so, too")
    assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, Path]:
    """A server that is stopped, and its backup."""
    folder = tmp_path_factory.mktemp("backup")
    server = Server(folder / "server", git_roots=str(folder))
    with server:
        first_build(server, Repository(folder / "hello-world"), PIPELINE)
        server.json("POST", f"/api/repos/{SLUG}/secrets", json={"name": "token", "data": "hush"})
        return server, made(server, folder / "backup")
