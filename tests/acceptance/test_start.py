"""A server that cannot or should not start says why, in words and all at once, and leaves things as they were."""

import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.server import Server, on_sqlite
from tests.scm.repository import Repository

Place = tuple[Server, Repository]


@pytest.fixture
def server(place: Place) -> Server:
    return place[0]


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _refusal(done: "subprocess.CompletedProcess[str]") -> str:
    """What it says; it must have ended with 1, without a traceback, saying nothing on standard output."""
    assert (done.returncode, done.stdout) == (1, ""), done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_every_problem_of_the_settings_is_listed_at_once(server: Server) -> None:
    said = _refusal(
        server.attempt(
            GANTRY_BIND="nowhere",
            GANTRY_URL="ftp://x",
            GANTRY_DATABASE_URL="mysql://u:hunter2@x/y",
            GANTRY_ADMIN="username:a b,token:hunter2,colour:red",
            GANTRY_SECRET_KEY="hunter2",
            GANTRY_RUNNER_CAPACITY="-1",
            GANTRY_DEMO="perhaps",
            GANTRY_COLOUR="red",
            GANTRY_PORT="1",
        )
    )

    lines = said.splitlines()
    assert lines[0] == "gantry: the settings are wrong:"
    named = [line.split()[0] for line in lines[1:]]
    assert sorted(named) == sorted(
        [
            "GANTRY_COLOUR", "GANTRY_PORT", "GANTRY_BIND", "GANTRY_URL", "GANTRY_DATABASE_URL", "GANTRY_ADMIN",
            "GANTRY_SECRET_KEY", "GANTRY_RUNNER_CAPACITY", "GANTRY_DEMO",
        ]
    )  # fmt: skip
    assert "hunter2" not in said
    assert not server.data.exists()


def test_a_problem_is_told_under_the_name_that_was_given(server: Server) -> None:
    for name in ("GANTRY_BIND", "GANTRY_ADMIN", "GANTRY_DATABASE_URL"):
        del server.environment[name]

    said = _refusal(
        server.attempt(
            "--check",
            DRONE_SERVER_PORT="80",
            DRONE_USER_CREATE="username:bot,machine:true",
            DRONE_DATABASE_DRIVER="mysql",
            DRONE_RUNNER_CAPACITY="two",
            DRONE_RPC_SECRET="short",
        )
    )

    rules = {
        "DRONE_SERVER_PORT": ":PORT",
        "DRONE_USER_CREATE": "token",
        "DRONE_DATABASE_DRIVER": "sqlite3 or postgres",
        "DRONE_RUNNER_CAPACITY": "integer",
        "DRONE_RPC_SECRET": "8 characters",
    }
    found = dict(line.split(maxsplit=1) for line in said.splitlines()[1:])
    assert found.keys() == rules.keys()
    assert not [name for name, rule in rules.items() if rule not in found[name]]


def test_drones_environment_file_works_and_gantrys_names_win(server: Server, tmp_path: Path) -> None:
    drone = {
        "DRONE_SERVER_HOST": "ci.example.com",
        "DRONE_SERVER_PROTO": "https",
        "DRONE_USER_CREATE": "username:mona,machine:false,admin:true,token:55f24eb3d61ef6ac5e83d550178638dc",
        "DRONE_DATABASE_DRIVER": "sqlite3",
        "DRONE_DATABASE_DATASOURCE": str(tmp_path / "elsewhere.sqlite"),
        "DRONE_RPC_SECRET": "correct-horse-battery-staple",
        "DRONE_RUNNER_CAPACITY": "1",
        "DRONE_GITEA_SERVER": "https://git.example.com",
    }
    for name in ("GANTRY_ADMIN", "GANTRY_DATABASE_URL"):
        del server.environment[name]
    server.environment |= drone

    with server, server.visitor({"Authorization": "55f24eb3d61ef6ac5e83d550178638dc"}) as mona:
        assert mona.get("/api/user").json()["login"] == "mona"
        mona.post(
            "/api/repos", json={"namespace": "a", "name": "b", "git_http_url": _url(server), "default_branch": "x"}
        )
        assert mona.get("/api/repos/a/b/hook").json()["url"] == "https://ci.example.com"

    assert (tmp_path / "elsewhere.sqlite").exists()
    assert not (server.data / "gantry.sqlite").exists()


def _url(server: Server) -> str:
    return f"file://{server.folder.parent}/hello-world"


def test_the_administrator_is_updated_at_every_start(server: Server) -> None:
    server.start()
    server.stop()
    server.environment["GANTRY_ADMIN"] = "username:octocat,admin:true,token:another-token-of-octocat"
    server.start()
    with server.visitor({"Authorization": "another-token-of-octocat"}) as octocat:
        assert octocat.get("/api/user").json()["admin"] is True
        assert len(octocat.get("/api/users").json()) == 1


def test_check_only_checks(server: Server) -> None:
    done = server.attempt("--check")
    assert (done.returncode, done.stdout) == (0, "the settings are good\n")
    with server:
        server.json("POST", "/api/users", json={"login": "ada"})
    before = _contents(server.data)

    again = server.attempt("--check")

    assert (again.returncode, again.stdout) == (0, "the settings are good\n")
    assert _contents(server.data) == before


def test_a_second_server_on_the_folder_is_refused(server: Server) -> None:
    with server:
        refusals = [_refusal(server.attempt(*flags, GANTRY_BIND="127.0.0.1:0")) for flags in ([], ["--check"])]
        assert server.json("GET", "/api/user")["login"] == "octocat"

    for said in refusals:
        assert f"a server runs on {server.data}; stop it first, or name another folder in GANTRY_DATA" in said
    with server.visitor():
        assert server.attempt("--check").returncode == 0


def test_a_port_that_is_taken_is_named(server: Server, tmp_path: Path) -> None:
    with server:
        said = _refusal(server.attempt(GANTRY_DATA=str(tmp_path / "other")))

    assert f"cannot listen on 127.0.0.1:{server.port}: Address already in use; see GANTRY_BIND" in said


def _database(path: Path, *tables: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        for table in tables:
            database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, value TEXT)")
        database.execute(f"INSERT INTO {tables[0]} VALUES (1, 'precious')")
        database.commit()


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (["users", "repos", "builds", "migrations", "stages", "steps", "perms"], "Drone's own tables"),
        (["users", "orders"], "another program's tables (users)"),
    ],
)
@on_sqlite
def test_a_database_of_another_program_is_refused_untouched(server: Server, tables: list[str], words: str) -> None:
    path = server.data / "gantry.sqlite"
    _database(path, *tables)

    for said in (_refusal(server.attempt("--check")), _refusal(server.attempt())):
        assert words in said
        assert "GANTRY_DATABASE_URL" in said
    with closing(sqlite3.connect(path)) as database:
        found = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert found == set(tables)
        assert database.execute(f"SELECT value FROM {tables[0]}").fetchall() == [("precious",)]


def test_a_newer_database_is_refused(server: Server) -> None:
    with server:
        pass
    server.execute("INSERT INTO schema_versions VALUES (999, 0)")

    for said in (_refusal(server.attempt("--check")), _refusal(server.attempt())):
        assert "the database is at version 999, newer than this Gantry; upgrade Gantry" in said


def test_another_key_for_the_secrets_is_told_at_the_start(server: Server) -> None:
    with server:
        server.register(_url(server), default_branch="main")

    for flags in (["--check"], []):
        said = _refusal(server.attempt(*flags, GANTRY_SECRET_KEY="this-is-another-key"))
        assert "sealed with another key; set GANTRY_SECRET_KEY back" in said


@on_sqlite
@pytest.mark.parametrize("kind", ["no database", "a folder", "a folder nobody may write", "a file for the data"])
def test_what_is_no_database_or_folder_is_named(server: Server, kind: str) -> None:
    path = server.data / "gantry.sqlite"
    if kind == "a file for the data":
        server.folder.mkdir()
        server.data.write_text("x")
    else:
        server.data.mkdir(parents=True)
    if kind == "no database":
        path.write_bytes(os.urandom(8192))
    elif kind == "a folder":
        path.mkdir()
    elif kind == "a folder nobody may write":
        server.environment["GANTRY_DATA"] = "/proc/nothing"

    said = _refusal(server.attempt())

    assert server.environment["GANTRY_DATA"] in said


def test_a_postgresql_that_does_not_answer_is_a_clear_message_without_its_password(server: Server) -> None:
    address = "postgresql://gantry:hunter2@127.0.0.1:1/gantry"

    said = _refusal(server.attempt(GANTRY_DATABASE_URL=address))

    assert "the database cannot be reached" in said
    assert "hunter2" not in said
