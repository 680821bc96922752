"""A Drone on MySQL comes over; a real MariaDB runs while these tests do, where it is installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from app.cli.bench.server import free_port
from tests.migrate.conftest import Target, parts
from tests.migrate.source import KEY, SEALED, rows
from tests.migrate.test_real import FOUND
from tests.soon import soon_sync

SERVER, INSTALL = shutil.which("mariadbd", path="/usr/sbin:/usr/bin"), shutil.which("mariadb-install-db")
HAS_ALL = bool(SERVER and INSTALL and shutil.which("my_print_defaults"))
pytestmark = pytest.mark.skipif(not HAS_ALL, reason="needs mariadb-server-core and mariadb-client-core of Debian")
#: Types of columns of Drone on MySQL, by those on SQLite; a text that is part of a key has a length.
_TYPES = {"integer": "INTEGER", "number": "INTEGER", "boolean": "BOOLEAN", "blob": "MEDIUMBLOB"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database with Drone's tables."""
    assert SERVER is not None
    assert INSTALL is not None
    folder = tmp_path_factory.mktemp("mariadb")
    port = free_port()
    user = ["--user=root"] if os.geteuid() == 0 else []
    place = ["--no-defaults", *user, f"--datadir={folder / 'data'}"]
    made = subprocess.run(
        [INSTALL, *place, "--auth-root-authentication-method=normal", "--skip-test-db"], capture_output=True
    )
    assert made.returncode == 0, made.stderr
    options = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}", "--skip-log-bin"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([SERVER, *place, *options], stdout=log, stderr=log)
    try:
        soon_sync(lambda: _answers(port), "MariaDB answers", about=(folder / "log").read_text)
        with closing(_connect(port)) as raw:
            _fill(raw, SEALED)
        yield f"mysql://drone:pass%40word@127.0.0.1:{port}/drone"
    finally:
        process.terminate()
        process.wait(60)


def _connect(port: int) -> Any:
    return pymysql.connect(host="127.0.0.1", port=port, user="root", charset="utf8mb4", autocommit=True)


def _answers(port: int) -> bool:
    try:
        _connect(port).close()
    except pymysql.MySQLError:
        return False
    return True


def _fill(raw: Any, file: Path) -> None:
    """Copy a database of SQLite, with the types that Drone has on MySQL."""
    with raw.cursor() as cursor:
        cursor.execute("CREATE DATABASE drone CHARACTER SET utf8mb4")
        cursor.execute("CREATE USER drone IDENTIFIED BY 'pass@word'")
        cursor.execute("GRANT SELECT ON drone.* TO drone")
        cursor.execute("USE drone")
        for (table,) in rows(file, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"):
            columns = [(name, kind.lower()) for _, name, kind, *_ in rows(file, f"PRAGMA table_info({table})")]
            listed = ", ".join(f"{name} {_TYPES.get(kind, 'TEXT')}" for name, kind in columns)
            cursor.execute(f"CREATE TABLE {table} ({listed})")
            if found := rows(file, f"SELECT * FROM {table}"):
                cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(columns))})", found)
        cursor.execute("UPDATE builds SET build_message = 'fixé 🎉' WHERE build_id = 1")


def test_a_drone_on_mysql_comes_over(target: Target, address: str) -> None:
    report = target.moved(address, "--encryption-key", KEY)

    assert parts(report) == FOUND
    assert report["verified"]
    assert "drone:" not in report["source"]
    assert target.rows("SELECT message FROM builds WHERE id = 1") == [("fixé 🎉",)]
    logs = dict(rows(SEALED, "SELECT log_id, log_data FROM logs"))
    assert all((target.data / "logs" / "0" / f"{step_id}.json").read_bytes() == data for step_id, data in logs.items())


def test_a_wrong_password_is_refused_without_the_password(target: Target, address: str) -> None:
    refused = target.refused(address.replace("pass%40word", "s3cr3t"))

    assert "Access denied" in refused
    assert "s3cr3t" not in refused


def test_without_the_driver_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from app.cli import main

    monkeypatch.setitem(sys.modules, "pymysql", None)

    done = CliRunner().invoke(main, ["migrate", "drone", "--from", "mysql://drone@127.0.0.1/drone"])

    assert done.exit_code == 1
    assert "pip install 'gantry-server[mysql]'" in done.output
