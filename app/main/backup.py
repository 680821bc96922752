"""A backup of a server as one file, and the way back (docs/backup.md).

A backup is a compressed tar: the database, if it is an SQLite file, as it was at one moment; then the keys; then the
logs; then the bytes of artifacts, if they are in a folder; last a manifest with one digest of all. Logs and artifacts
come after the database, for they are written before the database names them. What a later version keeps beside them
becomes one more part in `_parts`.
"""

import gzip
import hashlib
import os
import re
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Protocol

import orjson
from pydantic import Field, TypeAdapter

from app import DISTRIBUTION
from app.db import file
from app.db.connect import connect, file_of, is_absent
from app.db.migrate import present_version, versions
from app.errors import AppError, Unavailable
from app.folder import Folder, private, sync
from app.main import backup_blobs
from app.main.backup_blobs import Copying
from app.main.maintenance import SEALED, NoDatabase, open_folder
from app.main.restoring import DATABASE, Target
from app.sealing import keyring, renew
from app.settings.server import Settings

FORMAT = 1
MANIFEST = "manifest.json"
#: The names of all that a backup may hold. No other name is unpacked.
_NAME = re.compile(
    r"gantry\.sqlite|keys/(?!.*\.new\Z)[A-Za-z0-9][A-Za-z0-9._-]*|logs/([0-9]+)/([0-9]+)\.(json|ndjson)"
    rf"|blobs/{backup_blobs.PLACE}"
)
#: Low, because logs and databases become small at any level, and a server works meanwhile.
_LEVEL = 2
_CHUNK = 1024 * 1024
#: Begins the name of the folder, in the data folder, into which a restore unpacks.
_UNPACKED = ".restore-"


class BadBackup(AppError):
    """The file is no backup that can be restored."""

    code = "bad_backup"


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a backup: when it was made, by which version, of which database, and how much of each part."""

    #: Unix seconds.
    made: Annotated[int, Field(ge=0, le=1 << 40)]
    gantry: str
    database: str
    format: int = FORMAT
    bytes: int = 0
    keys: int = 0
    logs: int = 0
    #: Contents of artifacts; of those that the database names, `lost` were missing or damaged before the backup.
    blobs: int = 0
    lost: int = 0
    digest: str = ""


async def backup(settings: Settings, target: Path) -> Contents:
    """Write a backup, also while the server runs; the file is there only when the backup is whole. AppError.

    Nothing in the data folder is changed.
    """
    source = file_of(settings.database)
    _refuse_wrong_way(settings, target)
    with (
        private(),
        _writable(target),
        backup_blobs.holding(settings),
        tempfile.TemporaryDirectory(prefix=".gantry-", dir=target.parent) as aside,
    ):
        staged, keys = Folder(Path(aside) / "data"), _keys(settings.data)
        for name, text in keys.items():
            staged.keep(name, text)
        if source is not None:
            file.copy(source, copied := staged.path / DATABASE)
            await _check(settings, staged, copied)
        if _keys(settings.data) != keys:
            raise Unavailable("the keys of the server were changed during the backup: make it again")
        written = Path(aside) / "backup"
        blobs = await _blobs(settings, staged)
        contents = _write(written, staged, settings.logs or settings.data / "logs", blobs, made=int(time.time()))
        written.rename(target)
        sync(target.parent)
    return contents


async def restore(settings: Settings, source: Path, *, only_check: bool = False) -> Contents:
    """Put a backup into an empty data folder, after everything in it was checked; or only check it. AppError.

    When a restore was interrupted, no server starts on the folder until the restore was repeated.
    """
    async with AsyncExitStack() as stack:
        if only_check:
            stack.enter_context(private())
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gantry-")))
        else:
            folder, _ = open_folder(stack, settings, restoring=True)
            stack.enter_context(_writable(folder.path))
            target = Target(folder, settings)
            target.refuse_full()
            for left in folder.path.glob(f"{_UNPACKED}*"):  # by a restore that was killed: the folder is locked
                shutil.rmtree(left)
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_UNPACKED, dir=folder.path)))
        with _writable(place):
            staged = Folder(place / "data")
            contents = _unpack(source, staged.path)
            if contents.database == "sqlite":
                await _check(settings, staged, staged.path / DATABASE)
                await _check_blobs(source, settings, staged, contents)
            if not only_check:
                _refuse_other(contents, settings)
                target.put(staged)
    return contents


def _refuse_wrong_way(settings: Settings, target: Path) -> None:
    """Refuse to back up nothing, and to replace a file."""
    if not (settings.data / "keys").is_dir() or is_absent(settings.database):
        raise NoDatabase(f"there is no data of a server at {settings.data}: is GANTRY_DATA the server's own?")
    if target.exists():
        raise AppError(f"{target} exists already: name a file that does not", code="file_exists")


async def _check(settings: Settings, staged: Folder, copied: Path) -> None:
    """Check a copied database, that this version can use the database, and that the copied keys open its secrets."""
    file.check(copied, thorough=True)
    db = connect(f"sqlite:///{copied}")
    await db.open()
    try:
        if await db.read(present_version(db.dialect)) == len(versions(db.dialect)):
            await db.read(renew.check(keyring.seal(settings, staged), SEALED))
    finally:
        await db.close()


async def _blobs(settings: Settings, staged: Folder) -> Copying:
    """The bytes of artifacts to copy: those that the copied database names, else all that there are."""
    folder = backup_blobs.folder_of(settings)
    if folder is None:
        return Copying(staged.blobs, (), expected=False)
    if (database := staged.path / DATABASE).exists():
        return Copying(folder, await backup_blobs.named(database), expected=True)
    return Copying(folder, backup_blobs.found(folder), expected=False)


async def _check_blobs(source: Path, settings: Settings, staged: Folder, contents: Contents) -> None:
    """Check that a backup has the bytes that its database names, but for those that were lost before."""
    if settings.blobs and settings.blobs_folder is None:  # the bytes are elsewhere
        return
    gone = backup_blobs.missing(await backup_blobs.named(staged.path / DATABASE), staged.blobs)
    if len(gone) > contents.lost:
        words = f"{source} lacks the bytes of {len(gone)} artifacts, as of a server that keeps them in S3"
        raise BadBackup(f"{words}: set GANTRY_BLOBS as that server had it")


def _keys(data: Path) -> dict[str, str]:
    """The keys of a server. A key that is just being written has another name until it is whole."""
    found = {}
    for path in (data / "keys").iterdir():
        if path.is_file() and _NAME.fullmatch(f"keys/{path.name}"):
            with suppress(FileNotFoundError):  # deleted meanwhile
                found[path.name] = path.read_text()
    return found


class Readable(Protocol):
    """What is read to its end."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""
        ...


class _Digest:
    """One digest of the names, the sizes and the bytes of all files, in their order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def begin(self, name: str, size: int) -> None:
        self._hash.update(f"{name}\0{size}\n".encode())

    def reading(self, source: Readable) -> "_Reader":
        return _Reader(source, self._hash)

    def text(self) -> str:
        return self._hash.hexdigest()


class _Reader:
    """A file of which everything that is read is hashed, too."""

    def __init__(self, source: Readable, digest: Any) -> None:
        self._source = source
        self._digest = digest

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._digest.update(data)
        return data


def _parts(staged: Folder, logs: Path, blobs: Copying) -> Iterator[tuple[str, Readable, int]]:
    """Everything that is backed up: name, opened file and bytes."""
    if (database := staged.path / DATABASE).exists():
        with database.open("rb") as opened:
            yield DATABASE, opened, database.stat().st_size
    for name, text in sorted(_keys(staged.path).items()):
        data = text.encode()
        yield f"keys/{name}", BytesIO(data), len(data)
    for folder in sorted(logs.iterdir()) if logs.is_dir() else []:
        for step in sorted({path.stem for path in folder.iterdir()}) if folder.is_dir() else []:
            if _NAME.fullmatch(f"logs/{folder.name}/{step}.json") and (log := _log(folder, step)):
                kind, data = log
                yield f"logs/{folder.name}/{step}.{kind}", BytesIO(data), len(data)
    for place, source, size in blobs.parts():
        yield f"blobs/{place}", source, size


def _log(folder: Path, step: str) -> tuple[str, bytes] | None:
    """The log of a step: the stored one, else the whole lines of the live one; None when it was deleted meanwhile."""
    for kind in ("json", "ndjson", "json"):  # the stored log may take the place of the live one meanwhile
        with suppress(FileNotFoundError):
            data = (folder / f"{step}.{kind}").read_bytes()
            return kind, data if kind == "json" else data[: data.rfind(b"\n") + 1]
    return None


def _write(path: Path, staged: Folder, logs: Path, blobs: Copying, *, made: int) -> Contents:
    digest, count = _Digest(), {"bytes": 0, "keys": 0, "logs": 0, "blobs": 0}
    database = "sqlite" if (staged.path / DATABASE).exists() else "postgresql"
    with path.open("xb") as raw:
        with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=_LEVEL) as tar:
            for name, source, size in _parts(staged, logs, blobs):
                digest.begin(name, size)
                _add(tar, name, digest.reading(source), size, made)
                count["bytes"] += size
                if (part := name.partition("/")[0]) in count:
                    count[part] += 1
            contents = Contents(made, version(DISTRIBUTION), database, digest=digest.text(), lost=blobs.lost, **count)
            manifest = orjson.dumps(asdict(contents))
            _add(tar, MANIFEST, BytesIO(manifest), len(manifest), made)
        raw.flush()
        os.fsync(raw.fileno())
    return contents


def _add(tar: tarfile.TarFile, name: str, source: Any, size: int, made: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, made, 0o600
    tar.addfile(member, source)


def _unpack(source: Path, target: Path) -> Contents:
    """Write the files of a backup below a folder; BadBackup unless all of them are there as they were written."""
    digest = _Digest()
    try:
        with gzip.open(source) as plain, tarfile.open(fileobj=plain, mode="r|") as tar:
            for member in tar:
                opened = tar.extractfile(member) if member.isfile() else None
                if opened is None or not (member.name == MANIFEST or _NAME.fullmatch(member.name)):
                    raise BadBackup(f"{source} is no backup of Gantry: it holds {member.name[:100]!r}")
                if member.name == MANIFEST:
                    return _judged(source, opened.read(_CHUNK), digest.text())
                digest.begin(member.name, member.size)
                path = target / member.name
                path.parent.mkdir(exist_ok=True)
                with path.open("xb") as file_:
                    shutil.copyfileobj(digest.reading(opened), file_, _CHUNK)
                    os.fsync(file_.fileno())
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadBackup(f"{source} is not a whole backup: {error}") from error
    raise BadBackup(f"{source} is not a whole backup: its end is missing")


def _judged(source: Path, manifest: bytes, digest: str) -> Contents:
    try:
        contents = TypeAdapter(Contents).validate_json(manifest)
    except ValueError as error:
        raise BadBackup(f"{source} is no backup of Gantry: its manifest cannot be read") from error
    if contents.format != FORMAT:
        words = f"{source} was made by Gantry {contents.gantry}, which writes another form of backups"
        raise BadBackup(f"{words}: restore it with that version")
    if contents.digest != digest:
        raise BadBackup(f"{source} is damaged: what is in it is not what was written")
    return contents


def _refuse_other(contents: Contents, settings: Settings) -> None:
    """Refuse a backup of a server on another kind of database than that of the settings."""
    wanted = "sqlite" if file_of(settings.database) else "postgresql"
    if contents.database != wanted:
        words = f"the backup is of a server on {contents.database}, and the settings name a database of {wanted}"
        raise BadBackup(f"{words}: set GANTRY_DATABASE_URL as that server had it")


@contextmanager
def _writable(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{error.filename or place} cannot be read or written: {error.strerror or error}"
        raise AppError(message, code="bad_file") from error
