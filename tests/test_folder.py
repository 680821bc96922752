"""The data folder: nobody else looks inside, and one server has it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.folder import BadFolder, Folder, FolderInUse


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(autouse=True)
def _open_handed() -> Iterator[None]:
    """As a careless user would have it: whatever asks for no mode is open to all."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "deep" / "data")


def test_everything_it_makes_is_for_its_owner_alone(folder: Folder) -> None:
    for path in (folder.path, folder.logs, folder.mirrors, folder.work, folder.path / "keys"):
        assert mode(path) == 0o700


def test_a_key_is_made_once_and_for_its_owner_alone(folder: Folder) -> None:
    key = folder.key("secret")

    assert len(key) >= 32
    assert folder.key("secret") == key
    assert Folder(folder.path).key("secret") == key
    assert mode(folder.path / "keys" / "secret") == 0o600


def test_each_key_is_its_own(folder: Folder, tmp_path: Path) -> None:
    assert len({folder.key("secret"), folder.key("cookie"), Folder(tmp_path / "other").key("secret")}) == 3


def test_what_is_kept_takes_the_place_of_what_was(folder: Folder) -> None:
    assert folder.kept("token") is None

    folder.keep("token", "one")
    folder.keep("token", "two ☃")

    assert folder.kept("token") == "two ☃"
    assert mode(folder.path / "keys" / "token") == 0o600
    assert [path.name for path in (folder.path / "keys").iterdir()] == ["token"]


def test_what_is_kept_can_take_the_place_of_another(folder: Folder) -> None:
    folder.keep("token", "one")
    folder.keep("other", "two")

    folder.rename("other", "token")

    assert (folder.kept("token"), folder.kept("other")) == ("two", None)
    assert mode(folder.path / "keys" / "token") == 0o600
    with pytest.raises(BadFolder, match="keys/other"):
        folder.rename("other", "token")


def test_what_a_crash_left_behind_does_not_matter(folder: Folder) -> None:
    left = folder.path / "keys" / "token.new"
    left.write_text("half")

    folder.keep("token", "whole")

    assert folder.kept("token") == "whole"
    assert mode(folder.path / "keys" / "token") == 0o600
    assert not left.exists()


def test_a_folder_that_was_there_is_used_with_what_is_in_it(folder: Folder) -> None:
    (folder.logs / "0").mkdir()

    assert (Folder(folder.path).logs / "0").is_dir()


def test_one_server_has_it(folder: Folder) -> None:
    with folder.locked(), pytest.raises(FolderInUse, match="GANTRY_DATA"), Folder(folder.path).locked():
        pass
    with folder.locked():
        pass


def test_the_lock_ends_with_its_process(folder: Folder) -> None:
    script = (
        "import pathlib, sys; from app.folder import Folder; "
        "lock = Folder(pathlib.Path(sys.argv[1])).locked(); lock.__enter__(); print('locked', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"locked\n"
    with pytest.raises(FolderInUse), folder.locked():
        pass

    process.kill()
    process.wait()
    process.stdout.close()
    process.stdin.close()

    with folder.locked():
        pass


@pytest.mark.parametrize("blocked", ["", "keys", "logs"])
def test_a_file_in_the_way_is_named(tmp_path: Path, blocked: str) -> None:
    path = tmp_path / "data"
    if blocked:
        path.mkdir()
    (path / blocked).write_text("in the way")

    with pytest.raises(BadFolder, match=str(path)):
        Folder(path)


def test_a_lock_that_cannot_be_taken_is_named(folder: Folder) -> None:
    (folder.path / "lock").mkdir()

    with pytest.raises(BadFolder, match=str(folder.path)), folder.locked():
        pass


def test_a_key_that_cannot_be_read_or_kept_is_named(folder: Folder) -> None:
    (folder.path / "keys" / "secret").mkdir()

    uses: list[Callable[[], object]] = [
        lambda: folder.key("secret"),
        lambda: folder.kept("secret"),
        lambda: folder.keep("secret", "x"),
    ]
    for use in uses:
        with pytest.raises(BadFolder, match="keys/secret"):
            use()
