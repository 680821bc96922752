"""Reading archives that clients send to be unpacked: zip, tar and gzipped tar, one entry after another.

Nothing of an archive is trusted. Names that lead elsewhere, links and devices are refused, and so is what grows beyond
the limits; each error names the entry. All functions wait for the disk: call them in a thread.
"""

import gzip
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from app import size
from app.artifacts.address import PATH_LIMIT, check_name
from app.errors import Invalid, Problem

#: The most entries of an archive.
ENTRIES = 50_000
#: The most bytes of all entries together, and how many times the size of the archive they may have, beyond a floor.
TOTAL = 64 * 1024**3
RATIO = 200
FLOOR = 16 * 1024**2
#: The most bytes of a zip's directory, which is read at once, and of a tar's header, which may hold a long name.
DIRECTORY = 8 * 1024**2
HEADER = 64 * 1024
_READ = 256 * 1024
#: Where the record at the end of a zip has the size of the directory.
_DIRECTORY_SIZE = 5
_HEADERS = {
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
}  # fmt: skip
#: Errors of the libraries about archives that are damaged, or use what the libraries do not know.
_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError,
    OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive; its bytes are read before the next entry is asked for."""

    #: Below the folder that is unpacked into, without slashes around.
    path: str
    source: "Source"


class Source:
    """The bytes of an entry."""

    def __init__(self, file: IO[bytes], path: str, budget: "_Budget") -> None:
        self._file = file
        self._path = path
        self._budget = budget

    def read(self) -> bytes:
        """The next bytes; none at the end. Invalid when the archive is damaged or too large."""
        try:
            found = self._file.read(_READ)
        except _BROKEN as error:
            refuse(f"the archive is damaged at its entry {self._path!r}: {error}")
        self._budget.spend(len(found), self._path)
        return found


class _Budget:
    """The bytes that the entries of an archive may have."""

    def __init__(self, archive: int) -> None:
        self._limit = min(TOTAL, FLOOR + RATIO * archive)
        self._left = self._limit

    def spend(self, count: int, path: str) -> None:
        self._left -= count
        if self._left < 0:
            words = f"at most {size.text(self._limit)} are unpacked of an archive of this size"
            refuse(f"the archive is too large at its entry {path!r}: {words}")


def entries(file: IO[bytes]) -> Iterator[Entry]:
    """The files in an archive, in its order. Invalid names the entry that is against a rule."""
    length = file.seek(0, 2)
    file.seek(0)
    start = file.read(512)
    file.seek(0)
    budget = _Budget(length)
    try:
        if start.startswith((b"PK\3\4", b"PK\5\6")):
            yield from _of_zip(file, budget)
        elif start.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file) as unpacked:
                counted = _Counted(unpacked, budget)
                yield from _of_tar(counted, _Budget(length))
                while counted.read(_READ):  # the checksum stands behind the end of the tar
                    pass
        elif start[257:262] == b"ustar" or (len(start) == 512 and not start.strip(b"\0")):
            yield from _of_tar(file, budget)
        else:
            refuse("the body is no archive that is unpacked here; send a zip, a tar or a gzipped tar")
    except _BROKEN as error:
        refuse(f"the archive is damaged: {error}")


class _Counted:
    """The bytes of a compressed archive, of which no more are unpacked than the limit allows."""

    def __init__(self, file: gzip.GzipFile, budget: _Budget) -> None:
        self._file = file
        self._budget = budget

    def read(self, count: int) -> bytes:
        found = self._file.read(count)
        self._budget.spend(len(found), "(headers)")
        return found


def _of_zip(file: IO[bytes], budget: _Budget) -> Iterator[Entry]:
    # The record that ZipFile will use: no public function finds the record without reading the whole directory.
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if end is None:
        raise zipfile.BadZipFile("the directory at its end is missing")
    if end[_DIRECTORY_SIZE] > DIRECTORY:
        refuse(f"the archive has too many entries: its directory is larger than {size.text(DIRECTORY)}")
    with zipfile.ZipFile(file) as archive:
        found = archive.infolist()
        _check_count(len(found))
        for info in found:
            path = _checked(info.orig_filename)
            mode = stat.S_IFMT(info.external_attr >> 16)
            if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                refuse(f"the entry {path!r} of the archive is a link or a device; only files are unpacked")
            if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                refuse(f"the entry {path!r} of the archive is encrypted, or compressed by another method than deflate")
            if not info.is_dir() and path:
                with archive.open(info) as source:
                    yield Entry(path, Source(source, path, budget))


class _Member(tarfile.TarInfo):
    """A header of a tar; one that holds a name is read as a whole, so it must not be large."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _HEADERS and self.size > HEADER:
            raise tarfile.ReadError(f"a header of {self.size} bytes is too large")
        return super()._proc_member(archive)  # type: ignore[misc]  # no type has this method


def _of_tar(file: Any, budget: _Budget) -> Iterator[Entry]:
    with tarfile.open(fileobj=file, mode="r|", tarinfo=_Member) as archive:
        for at, info in enumerate(iter(archive.next, None)):
            archive.members.clear()  # type: ignore[attr-defined]  # else the library keeps all headers
            _check_count(at + 1)
            path = _checked(info.name)
            if info.isdir():
                continue
            if not info.isreg() or info.issparse():
                refuse(f"the entry {path!r} of the archive is a link, a device or sparse; only files are unpacked")
            source = archive.extractfile(info)
            assert source is not None
            if path:
                yield Entry(path, Source(source, path, budget))


def _check_count(count: int) -> None:
    if count > ENTRIES:
        refuse(f"the archive has too many entries; at most {ENTRIES} are unpacked")


def _checked(name: str) -> str:
    """The path of an entry, without `./` and slashes around; Invalid when the name leads elsewhere."""
    if name.startswith("/"):
        refuse(
            f"the entry {name[:200]!r} of the archive has an absolute name; names must lead into the archive's folder"
        )
    names = [part for part in name.split("/") if part not in ("", ".")]
    try:
        for part in names:
            check_name(part)
        path = "/".join(names)
        path.encode()
    except (Invalid, UnicodeError) as error:
        refuse(f"the entry {name[:200]!r} of the archive has a bad name: {error}")
    if len(path.encode()) > PATH_LIMIT:
        refuse(f"the entry {name[:200]!r} of the archive has a name of more than {PATH_LIMIT} bytes")
    return path


def refuse(words: str) -> NoReturn:
    """The error for an archive that is not unpacked."""
    raise Invalid.of([Problem("", "bad_archive", f"{words}; nothing was unpacked")])
