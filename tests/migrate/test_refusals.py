"""What cannot be moved, or cannot be moved into, is refused by name before anything is written."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests import postgres
from tests.migrate.conftest import Target, parts
from tests.migrate.source import KEY, PLAIN, SEALED, address, copied, execute

WRONG = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "3 secrets of the source cannot be opened, among them token: give Drone's DRONE_DATABASE_SECRET"),
        (
            ["--encryption-key", WRONG],
            "3 secrets of the source cannot be opened, among them token: --encryption-key is",
        ),
        (["--encryption-key", "short"], "the encryption key has 5 bytes; Drone's have 32"),
    ],
)
def test_a_wrong_key_is_told_before_anything_is_written(target: Target, options: list[str], words: str) -> None:
    refused = target.refused(address(SEALED), *options)

    assert words in refused
    assert "s3cr3t" not in refused
    assert not options or options[-1] not in refused


def test_in_mixed_mode_sealed_and_plain_secrets_come_over(target: Target, tmp_path: Path) -> None:
    file = copied(tmp_path, SEALED)
    execute(file, "UPDATE secrets SET secret_data = 'a plain value, longer than nonce and tag' WHERE secret_id = 1")

    report = target.moved(address(file), "--encryption-key", KEY)

    assert parts(report)["secrets"] == (2, 2)


def test_a_key_that_is_not_needed_does_no_harm(target: Target) -> None:
    assert parts(target.moved(address(PLAIN), "--encryption-key", WRONG))["secrets"] == (2, 2)


def test_a_full_target_is_refused(target: Target) -> None:
    target.moved(address(PLAIN))

    assert "the target is not empty, its table users has rows" in target.refused(address(PLAIN))
    assert "the target is not empty" in target.refused(address(PLAIN), "--dry-run")


def test_logs_of_another_database_are_refused(target: Target) -> None:
    log = target.data / "logs" / "0" / "1.json"
    log.parent.mkdir(parents=True)
    log.write_text("[]")

    assert "logs/0/1.json is there already" in target.refused(address(PLAIN))
    assert log.read_text() == "[]"


def test_drone_s_own_database_is_no_target(target: Target, tmp_path: Path) -> None:
    file = copied(tmp_path)

    refused = target.refused(address(file), GANTRY_DATABASE_URL=address(file))

    assert "Drone's own tables" in refused
    assert file.read_bytes() == PLAIN.read_bytes()


def test_a_running_server_s_folder_is_refused(target: Target) -> None:
    from app.folder import Folder

    with Folder(target.data).locked():
        assert "a server runs on" in target.refused(address(PLAIN))


def _of_another_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("CREATE TABLE songs (title TEXT)")


def _of_drone_0_8(file: Path) -> None:
    with closing(sqlite3.connect(file)) as raw:
        for table in ("users", "repos", "builds", "procs", "migrations"):
            raw.execute(f"CREATE TABLE {table} (name TEXT)")


def _of_gantry(file: Path) -> None:
    asyncio.run(postgres.migrated(address(file)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_of_another_program, "the source is not Drone's database; its tables: songs"),
        (_of_drone_0_8, "it is of Drone 0.8"),
        (_of_gantry, "the source is a database of Gantry, not of Drone"),
        (lambda file: file.write_bytes(b""), "the source is not Drone's database; its tables: none"),
        (lambda file: file.write_text("no database" * 1000), "is no database of SQLite"),
        (lambda _: None, "there is no file"),
    ],
)  # fmt: skip
def test_a_source_that_is_not_drone_s_is_refused(target: Target, tmp_path: Path, make: object, words: str) -> None:
    assert callable(make)
    make(file := tmp_path / "source.sqlite")

    assert words in target.refused(address(file))


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "INSERT INTO migrations VALUES ('alter-table-stages-add-column-approved-by')",
            "a newer Drone than 2.25, with alter-table-stages-add-column-approved-by, which this version does not know",
        ),
        (
            "ALTER TABLE builds DROP COLUMN build_deploy_id",
            "an older Drone than 2.25 (it lacks builds.build_deploy_id): let Drone 2.25 start on it once",
        ),
        ("DROP TABLE cards", "an older Drone than 2.25 (it lacks cards.card_id, cards.card_data)"),
        ("DELETE FROM migrations", "it is of another program"),
    ],
)
def test_a_drone_that_is_not_known_is_refused_by_name(
    target: Target, tmp_path: Path, statement: str, words: str
) -> None:
    execute(file := copied(tmp_path), statement)

    assert words in target.refused(address(file))


def test_a_damaged_source_is_refused(target: Target, tmp_path: Path) -> None:
    file = copied(tmp_path)
    data = bytearray(file.read_bytes())
    data[8192:65536] = b"\xff" * (65536 - 8192)
    file.write_bytes(data)

    refused = target.refused(address(file))

    assert "is damaged" in refused
    assert "restore a backup of it" in refused


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("drone.sqlite", "the address of the database must be sqlite:///PATH"),
        ("postgres://drone:s3cr3t@127.0.0.1:1/drone", "postgres://127.0.0.1:1/drone cannot be read"),
        ("mysql://drone:s3cr3t@127.0.0.1:1/drone", "mysql://127.0.0.1:1/drone cannot be read"),
        ("postgres://drone:s3cr3t@127.0.0.1:port/drone", "write special characters of the password as %XX"),
        ("mysql://drone:1/s3cr3t@127.0.0.1/drone", "write special characters of the password as %XX"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_without_its_password(target: Target, url: str, words: str) -> None:
    refused = target.refused(url)

    assert words in refused
    assert "s3cr3t" not in refused


def test_a_bucket_that_is_none_is_wrong_usage(target: Target) -> None:
    done = target.move(address(PLAIN), "--logs", "https://bucket.example.com")

    assert done.returncode == 2
    assert "is neither s3://BUCKET/PREFIX nor az://CONTAINER" in done.stderr
