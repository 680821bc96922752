"""What the server makes is for its own account alone, whatever the umask; what others can read already is a warning."""

import sys
from pathlib import Path

import pytest

from tests import postgres
from tests.acceptance.conftest import SLUG, first_build
from tests.acceptance.server import Server
from tests.scm.repository import Repository

PIPELINE = """
kind: pipeline
type: exec
name: default
steps:
- {name: only, commands: [umask, touch made, "stat -c %a made"]}
"""
#: Runs the command with a umask that closes nothing.
OPEN_HANDED = ("sh", "-c", 'umask 0; exec "$0" -m app "$@"', sys.executable)


class OpenHanded(Server):
    program = OPEN_HANDED


@pytest.fixture
def server(tmp_path: Path) -> OpenHanded:
    return OpenHanded(tmp_path / "server", git_roots=str(tmp_path))


def _open(folder: Path) -> dict[str, str]:
    """What other accounts may read or write, with its mode."""
    modes = {path: path.lstat().st_mode & 0o777 for path in folder.rglob("*") if not path.is_symlink()}
    return {str(path.relative_to(folder)): oct(mode) for path, mode in modes.items() if mode & 0o077}


def test_every_file_is_closed_to_others_and_steps_have_the_umask_of_the_server_s_start(
    server: OpenHanded, tmp_path: Path
) -> None:
    with server:
        first_build(server, Repository(tmp_path / "hello-world"), PIPELINE)

        assert _open(server.data) == {}
        database: set[str] = set() if postgres.SERVER else {"gantry.sqlite", "gantry.sqlite-wal"}
        assert {path.name for path in server.data.iterdir()} >= {"keys", "logs", *database}
        assert server.data.stat().st_mode & 0o777 == 0o700
        assert server.output(SLUG, 1, 1, 2).splitlines()[1] == "0000"
        assert server.output(SLUG, 1, 1, 2).splitlines()[-1] == "666"
        assert "other accounts" not in server.log.read_text()


def test_a_data_folder_that_others_can_read_is_a_warning_that_says_the_command(server: OpenHanded) -> None:
    server.data.mkdir(parents=True, mode=0o755)
    server.data.chmod(0o755)

    with server:
        warned = [line for line in server.log.read_text().splitlines() if "other accounts" in line]

    assert len(warned) == 1
    assert '"level":"warning"' in warned[0]
    assert f"chmod -R go-rwx {server.data}" in warned[0]
    assert server.data.stat().st_mode & 0o777 == 0o755


def test_so_are_logs_and_a_database_elsewhere_that_others_can_read(server: OpenHanded, tmp_path: Path) -> None:
    logs, database = tmp_path / "my logs", tmp_path / "elsewhere.sqlite"
    logs.mkdir(mode=0o777)
    logs.chmod(0o777)
    database.touch()
    database.chmod(0o644)

    done = server.attempt("--check", GANTRY_LOGS=str(logs), GANTRY_DATABASE_URL=f"sqlite:///{database}")

    assert done.returncode == 0, done.stderr
    assert f"chmod -R go-rwx '{logs}'" in done.stderr
    assert f"chmod -R go-rwx {database}" in done.stderr
