"""A restore adds what is missing, and deletes only what an interrupted restore had put into place."""

import os
from pathlib import Path

import pytest

from app.errors import AppError
from app.folder import Folder
from app.main import backup
from app.main.backup import BadBackup
from app.settings.server import Settings
from tests import gantry
from tests.soon import soon

#: No command here connects to it: the database of a server on PostgreSQL is in no backup.
ELSEWHERE = "postgresql://nobody@127.0.0.1:1/gantry"


class Place:
    """A data folder of a server on PostgreSQL, whose logs are in a folder that other servers use, too."""

    def __init__(self, data: Path, logs: Path | None) -> None:
        self.data = data
        self.logs = logs or data / "logs"
        self.settings = Settings().model_copy(update={"data": data, "logs": logs, "database_url": ELSEWHERE})

    def filled(self, key: str) -> "Place":
        """With a key."""
        Folder(self.data, self.logs).keep("secret", key)
        return self

    def log(self, name: str, text: str) -> None:
        path = self.logs / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)

    def found(self) -> dict[str, str]:
        """The logs."""
        return {str(path.relative_to(self.logs)): path.read_text() for path in self.logs.rglob("*") if path.is_file()}

    def keys(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in (self.data / "keys").iterdir()}

    async def backup(self, file: Path) -> Path:
        await backup.backup(self.settings, file)
        return file

    async def restore(self, file: Path) -> None:
        await backup.restore(self.settings, file)


@pytest.fixture
def first(tmp_path: Path) -> Place:
    return Place(tmp_path / "first", tmp_path / "logs").filled("the first key")


@pytest.fixture
def new(tmp_path: Path) -> Place:
    """An empty folder, with an empty folder of logs."""
    return Place(tmp_path / "new", tmp_path / "new-logs")


async def interrupted(first: Place, new: Place, tmp_path: Path) -> Path:
    """A backup whose restore could not put all logs into place."""
    for name in ("0/1.json", "1/1000.json", "2/2000.json"):
        first.log(name, f"[{name}]")
    file = await first.backup(tmp_path / "backup")
    new.logs.mkdir()
    (new.logs / "1").touch()  # where a folder is wanted
    with pytest.raises(AppError, match=str(new.logs / "1")):
        await new.restore(file)
    (new.logs / "1").unlink()
    assert (new.found(), new.keys()) == ({"0/1.json": "[0/1.json]"}, {"secret": "the first key"})
    return file


async def test_servers_that_share_their_logs_are_restored_one_after_the_other(first: Place, tmp_path: Path) -> None:
    second = Place(tmp_path / "second", first.logs).filled("the second key")
    first.log("0/1.json", "[1]")
    first.log("0/2.ndjson", "a\n")
    first.log("0/3.ndjson", "a\n")
    early = await first.backup(tmp_path / "early")
    first.log("0/2.ndjson", "a\nb\n")
    (first.logs / "0/3.ndjson").rename(first.logs / "0/3.json")
    first.log("4/4000.json", "[4]")
    late = await second.backup(tmp_path / "late")

    for number, files in enumerate([(early, late), (late, early)]):
        logs = tmp_path / f"logs-{number}"
        places = [Place(tmp_path / f"{number}-{file.name}", logs) for file in files]
        for place, file in zip(places, files, strict=True):
            await place.restore(file)

        found = places[0].found()
        assert found["0/2.ndjson"] in ("a\n", "a\nb\n")
        assert (found["0/1.json"], found["0/3.json"], found["4/4000.json"]) == ("[1]", "a\n", "[4]")
        assert ("0/3.ndjson" in found) == (files[0] == early)
        assert {place.keys()["secret"] for place in places} == {"the first key", "the second key"}


@pytest.mark.parametrize("name", ["0/1.json", "0/1.ndjson"])
async def test_a_shared_folder_that_holds_another_log_of_a_step_is_refused(
    first: Place, new: Place, tmp_path: Path, name: str
) -> None:
    first.log(name, "of this server\n")
    file = await first.backup(tmp_path / "backup")
    new.log(name, "of another\n")

    with pytest.raises(AppError, match=f"{name} is there already.*GANTRY_LOGS") as refused:
        await new.restore(file)

    assert refused.value.code == "folder_not_empty"
    assert (new.found(), new.keys()) == ({name: "of another\n"}, {})


async def test_logs_in_the_data_folder_are_refused_even_if_they_are_the_same(first: Place, tmp_path: Path) -> None:
    first.log("0/1.json", "[1]")
    file = await first.backup(tmp_path / "backup")
    alone = Place(tmp_path / "alone", None)
    alone.log("0/1.json", "[1]")

    with pytest.raises(AppError, match=r"0/1\.json is there already"):
        await alone.restore(file)


async def test_a_repeated_restore_deletes_only_what_the_interrupted_one_had_put_there(
    first: Place, new: Place, tmp_path: Path
) -> None:
    file = await interrupted(first, new, tmp_path)
    new.log("2/2001.json", "of another server")

    await new.restore(file)

    assert set(new.found()) == {"0/1.json", "1/1000.json", "2/2000.json", "2/2001.json"}
    assert not (new.data / "restoring").exists()


async def test_a_repeated_restore_deletes_what_is_not_in_another_backup(
    first: Place, new: Place, tmp_path: Path
) -> None:
    await interrupted(first, new, tmp_path)
    other = await Place(tmp_path / "other", None).filled("another key").backup(tmp_path / "other-backup")

    await new.restore(other)

    assert (new.found(), new.keys()) == ({}, {"secret": "another key"})


async def test_a_live_log_takes_the_place_of_a_stored_log_of_the_interrupted_restore(
    first: Place, new: Place, tmp_path: Path
) -> None:
    await interrupted(first, new, tmp_path)
    other = Place(tmp_path / "other", None).filled("another key")
    other.log("0/1.ndjson", "live\n")

    await new.restore(await other.backup(tmp_path / "other-backup"))

    assert new.found() == {"0/1.ndjson": "live\n"}


async def test_a_folder_that_was_renamed_after_an_interrupted_restore_leaves_the_folder_of_its_old_name_alone(
    first: Place, new: Place, tmp_path: Path
) -> None:
    file = await interrupted(first, new, tmp_path)
    (new.data / "keys" / "secret").unlink()  # as if it was interrupted before
    new.data.rename(tmp_path / "renamed")
    new.filled("a new key")

    await Place(tmp_path / "renamed", tmp_path / "more-logs").restore(file)

    assert (new.keys(), new.found()) == ({"secret": "a new key"}, {"0/1.json": "[0/1.json]"})


async def test_a_repeated_restore_of_what_is_no_backup_deletes_nothing(
    first: Place, new: Place, tmp_path: Path
) -> None:
    file = await interrupted(first, new, tmp_path)
    before = new.found(), new.keys()
    (tmp_path / "part").write_bytes(file.read_bytes()[:-20])

    with pytest.raises(BadBackup):
        await new.restore(tmp_path / "part")

    assert (new.found(), new.keys()) == before
    assert (new.data / "restoring").exists()


async def test_a_repeated_restore_refuses_what_it_has_not_put_there(first: Place, new: Place, tmp_path: Path) -> None:
    file = await interrupted(first, new, tmp_path)
    (new.data / "keys" / "more").write_text("a key of somebody else")

    with pytest.raises(AppError, match="keys/more is there already"):
        await new.restore(file)

    assert new.keys() == {"secret": "the first key", "more": "a key of somebody else"}


async def test_what_a_killed_restore_has_unpacked_is_removed_by_the_next_one(
    first: Place, new: Place, tmp_path: Path
) -> None:
    first.log("0/1.json", os.urandom(500_000).hex())  # more than the restore reads at once
    file = await first.backup(tmp_path / "backup")
    endless = tmp_path / "endless"
    os.mkfifo(endless)
    env = {"GANTRY_DATA": str(new.data), "GANTRY_LOGS": str(new.logs), "GANTRY_DATABASE_URL": ELSEWHERE}
    with (tmp_path / "said").open("w") as said:
        killed = gantry.start(["restore", str(endless)], os.environ | env, out=said, err=said)
    await soon(lambda: list(new.data.glob(".restore-*")))
    with endless.open("wb") as begun:
        begun.write(file.read_bytes()[:-20])
        begun.flush()
        await soon(lambda: list(new.data.glob(".restore-*/data/keys/secret")))
        killed.kill()
        killed.wait()
    assert list(new.data.glob(".restore-*"))

    await new.restore(file)

    assert list(new.data.glob(".restore-*")) == []
    assert new.keys() == {"secret": "the first key"}


async def test_every_file_and_folder_is_on_the_disk_before_a_server_may_start(
    first: Place, new: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first.log("0/1.json", "[1]")
    first.log("1/1000.ndjson", "a\n")
    file = await first.backup(tmp_path / "backup")
    synced: set[str] = set()

    def fsync(handle: int) -> None:
        to_disk(handle)
        if (new.data / "restoring").exists():
            synced.add(str(Path(f"/proc/self/fd/{handle}").readlink()))

    to_disk = os.fsync
    monkeypatch.setattr(os, "fsync", fsync)
    await new.restore(file)

    wanted = ["", "0", "0/1.json", "1", "1/1000.ndjson"]
    assert {str(new.data / "keys"), str(new.data / "keys" / "secret")} <= synced
    assert {str(new.logs / name) for name in wanted} <= synced
