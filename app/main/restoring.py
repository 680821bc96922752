"""The places into which a restore puts the files of a backup."""

import os
import shutil
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from app.db import file
from app.db.connect import file_of
from app.errors import AppError
from app.folder import Folder, sync
from app.settings.server import Settings

#: The name of the database in a backup.
DATABASE = "gantry.sqlite"


class Target:
    """The data folder into which a backup is put, and what an interrupted restore had put there.

    The file `restoring` of the folder holds the names of all files that a restore puts into place, also of the logs and
    of the database, which may be elsewhere.
    """

    def __init__(self, folder: Folder, settings: Settings) -> None:
        self._folder = folder
        self._keys = (folder.path / "keys").resolve()
        self._logs = folder.logs.resolve()
        self._blobs = folder.blobs.resolve()
        #: Servers on one PostgreSQL share folders of logs and of blobs: another server may have been restored before.
        elsewhere = file_of(settings.database) is None
        self._shared = [self._logs] if elsewhere and settings.logs else []
        self._shared += [self._blobs] if elsewhere and settings.blobs else []
        self._database = database.resolve() if (database := file_of(settings.database)) else None
        names = folder.restoring.read_bytes().split(b"\0") if folder.restoring.exists() else []
        named = {Path(os.fsdecode(name)) for name in names}
        #: Only what is in this folder: a folder may be renamed, and then the names are those of another folder's files.
        self._earlier = {path for path in named if path == self._database or self._holds(path)}

    def refuse_full(self) -> None:
        """Refuse a folder that is in use: it holds more than an interrupted restore had put there."""
        folders = [folder for folder in (self._keys, self._logs) if folder not in self._shared]
        database = [self._database] if self._database else []
        blobs = [] if self._blobs in self._shared else sorted(self._blobs.glob("??/*"))
        for path in chain(database, *(sorted(folder.rglob("*")) for folder in folders), blobs):
            if self._is_kept(path):
                way = "move data, logs and blobs away, or name empty folders in GANTRY_DATA, GANTRY_LOGS, GANTRY_BLOBS"
                raise AppError(f"{path} is there already: {way}", code="folder_not_empty")

    def put(self, staged: Folder) -> None:
        """Delete what an interrupted restore had put there, and move everything to its place, the database last."""
        moves = self._moves(staged)
        for path in self._earlier:
            path.unlink(missing_ok=True)
        self._mark(staged.path / "restoring", moves.values())
        for path, place in moves.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            if place == self._database:
                beside = place.with_name(f"{place.name}.restored")
                _move(path, beside)
                file.put(beside, place)
            else:
                _move(path, place)
        for folder in {self._logs, self._blobs, *(place.parent for place in moves.values())}:
            sync(folder)
        self._folder.restoring.unlink()
        sync(self._folder.path)

    def _moves(self, staged: Folder) -> dict[Path, Path]:
        """Every file of the backup that is to be moved, and its place."""
        moves = {path: self._keys / path.name for path in (staged.path / "keys").iterdir()}
        for path in sorted(staged.logs.glob("*/*")):
            place = self._logs / path.relative_to(staged.logs)
            if not self._is_there(path, place):
                moves[path] = place
        for path in sorted(staged.blobs.glob("*/*")):
            place = self._blobs / path.relative_to(staged.blobs)
            if not self._is_kept(place):  # no other bytes ever have the same place
                moves[path] = place
        if self._database and (copied := staged.path / DATABASE).exists():
            moves[copied] = self._database
        return moves

    def _is_there(self, log: Path, place: Path) -> bool:
        """Whether the restore of another server has put a log there already; refuses another log of the same step.

        That server's backup was made at another moment: of a live log it may hold less or more, or the stored log.
        """
        live = log.suffix == ".ndjson"
        if live and self._is_kept(place.with_suffix(".json")):
            return True
        if not self._is_kept(place):
            return False
        short, long = sorted((log.read_bytes(), place.read_bytes()), key=len)
        if short == long or (live and long.startswith(short)):
            return True
        message = f"{place} is there already and is not as in the backup: move the folder of GANTRY_LOGS away"
        raise AppError(message, code="folder_not_empty")

    def _holds(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in (self._keys, self._logs, self._blobs))

    def _is_kept(self, path: Path) -> bool:
        """Whether a file is there that no interrupted restore has put there."""
        return path.exists() and not path.is_dir() and path not in self._earlier

    def _mark(self, beside: Path, places: Iterable[Path]) -> None:
        """Write the names of all files that are put into place, before the first of them is."""
        with beside.open("xb") as marker:
            marker.write(b"\0".join(os.fsencode(place) for place in places))
            marker.flush()
            os.fsync(marker.fileno())
        beside.replace(self._folder.restoring)
        sync(self._folder.path)


def _move(path: Path, place: Path) -> None:
    """Move a file, also to another disk; its content is on the disk when this returns."""
    shutil.move(path, place)
    sync(place)
