"""The bytes of artifacts in a backup: read from their folder after the database was copied, while none are removed."""

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from app.artifacts.blobs.folder import held
from app.db.connect import connect
from app.db.migrate import present_version, versions
from app.db.tx import many
from app.settings.server import Settings

log = logging.getLogger(__name__)

#: The form of a place in a folder; the place begins with the SHA-256 of the bytes.
PLACE = r"[0-9a-f]{2}/[0-9a-f]{64}-[0-9a-f]{8}"
PLACES = "SELECT place FROM blobs ORDER BY id"


def folder_of(settings: Settings) -> Path | None:
    """The folder of the bytes; None when they are in no folder of this machine, or when there are none."""
    if settings.blobs and settings.blobs_folder is None:
        return None
    folder = settings.blobs_folder or settings.data / "blobs"
    return folder if folder.is_dir() else None


def holding(settings: Settings) -> AbstractContextManager[None]:
    """While the block lasts, no server removes bytes of artifacts; the uploads of all servers go on."""
    folder = folder_of(settings)
    return held(folder) if folder is not None else nullcontext()


async def named(database: Path) -> list[str]:
    """The places that a copied database names; none for a database of a version before there were artifacts."""
    db = connect(f"sqlite:///{database}")
    await db.open()
    try:
        if await db.read(present_version(db.dialect)) != len(versions(db.dialect)):
            return []
        return [row["place"] for row in await db.read(many(PLACES))]
    finally:
        await db.close()


def found(folder: Path) -> Iterator[str]:
    """All places of a folder."""
    for path in sorted(folder.glob("??/*")):
        yield f"{path.parent.name}/{path.name}"


@dataclass(slots=True)
class Copying:
    """The bytes of these places: names, opened files and sizes for a backup. What is lost is counted, and logged.

    `expected` = every place must be there, for a database names it.
    """

    folder: Path
    places: Iterable[str]
    expected: bool
    lost: int = field(default=0, init=False)

    def parts(self) -> Iterator[tuple[str, "Checked", int]]:
        """All parts; each must be read to its end before the next."""
        for place in self.places:
            try:
                file = (self.folder / place).open("rb")
            except FileNotFoundError:
                if self.expected:
                    self._lose(place, "the bytes are not there")
                continue
            with file:
                checked = Checked(file)
                yield place, checked, os.fstat(file.fileno()).st_size
                if checked.sha256 != Path(place).name[:64]:
                    self._lose(place, "the bytes have another SHA-256: the backup has them as they are")

    def _lose(self, place: str, reason: str) -> None:
        self.lost += 1
        log.warning("the bytes of an artifact are lost", extra={"place": place, "reason": reason})


class Checked:
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self._hash.update(data)
        return data

    @property
    def sha256(self) -> str:
        """Of all that was read."""
        return self._hash.hexdigest()


def missing(places: Iterable[str], folder: Path) -> list[str]:
    """The places that a folder lacks."""
    return [place for place in places if not (folder / place).is_file()]
