"""Transfers of artifacts: uploads that send no bytes the server has, and downloads that go on where they ended."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.cli.remote.client import Client, Json, Refused, refusal
from app.errors import AppError, Invalid

#: Bytes that are read or written together.
PIECE = 1024 * 1024
#: Bytes from which on the server is asked whether it has them already.
WORTH_ASKING = 10 * 1024
#: The status of an answer to who has as many bytes as the file, or more.
REACHES_BEYOND = 416
#: What is told of the bytes that came.
Tell = Callable[[int], None]


class Damaged(AppError):
    """The bytes that came are not those that the server has."""

    code = "damaged"


@dataclass(frozen=True, slots=True)
class Place:
    """An artifact repository and a path in it, as `REPOSITORY/PATH`; `folder`: the path ends with a slash."""

    repo: str
    path: str
    folder: bool = False

    def __str__(self) -> str:
        return f"{self.repo}/{self.path}"

    @property
    def url(self) -> str:
        """The part of a URL."""
        return f"{quote(self.repo, safe='')}/{quote(self.path, safe='/')}".rstrip("/")

    def joined(self, name: str) -> "Place":
        """A path below this one."""
        return Place(self.repo, f"{self.path}/{name}".strip("/"))


def place_of(text: str) -> Place:
    """The place that a text names; Invalid without a repository."""
    repo, _, path = text.strip("/").partition("/")
    if not repo:
        raise Invalid(f"{text!r} names no artifact repository: write REPOSITORY/PATH, as in libs-dev-local/org/app.jar")
    return Place(repo, path, text.endswith("/") or not path)


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def put(client: Client, file: Path, place: Place, properties: Sequence[tuple[str, str]], tell: Tell) -> Json:
    """Upload a file; the server's answer. Damaged when the server has got other bytes."""
    digest, size = sha256_of(file), file.stat().st_size
    path = f"/artifactory/{place.url}{matrix(properties)}"
    if size >= WORTH_ASKING:
        response = client.send("PUT", path, headers={"X-Checksum-Sha256": digest, "X-Checksum-Deploy": "true"})
        if response.is_success:
            tell(size)
            return _stored(response.json(), digest)
    headers = {"X-Checksum-Sha256": digest, "Content-Length": str(size), "Content-Type": "application/octet-stream"}
    response = client.send("PUT", path, headers=headers, content=pieces(file, tell))
    if not response.is_success:
        raise refusal(response)
    return _stored(response.json(), digest)


def _stored(answer: Any, digest: str) -> Json:
    if not isinstance(answer, dict) or (answer.get("checksums") or {}).get("sha256") != digest:
        raise Damaged("the server has stored other bytes than were sent; try again")
    return answer


def pieces(file: Path, tell: Tell) -> Iterator[bytes]:
    """The bytes of a file."""
    with file.open("rb") as opened:
        while piece := opened.read(PIECE):
            yield piece
            tell(len(piece))


def matrix(properties: Sequence[tuple[str, str]]) -> str:
    """Properties as they stand behind the path of an upload."""
    return "".join(f";{quote(key, safe='')}={quote(value, safe='')}" for key, value in properties)


@dataclass(frozen=True, slots=True)
class Got:
    """A file that was downloaded, its size, and whether an earlier part of it was there."""

    file: Path
    size: int
    sha256: str
    resumed: bool


def get(client: Client, place: Place, target: Path, begin: Callable[[int, int], Tell]) -> Got:
    """Download a file; what came of an earlier download that broke off is not sent again.

    `begin` is told how many bytes the file has and how many are there, and returns what is told of the rest. Damaged
    when the bytes are not those that the server announced; then nothing is left.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        return _get(client, place, target, part, begin)
    except Refused as error:
        if error.status != REACHES_BEYOND:
            raise
    part.unlink()
    return _get(client, place, target, part, begin)


def _get(client: Client, place: Place, target: Path, part: Path, begin: Callable[[int, int], Tell]) -> Got:
    had = part.stat().st_size if part.exists() else 0
    kept = part.with_name(f"{part.name}.sha256")
    headers = _resuming(had, kept)
    with client.reading(f"/artifactory/{place.url}", headers) as response:
        resumed = response.status_code == 206
        had = had if resumed else 0
        announced = response.headers.get("X-Checksum-Sha256", "")
        total = had + int(response.headers.get("Content-Length", "0"))
        kept.write_text(f"{announced} {response.headers.get('ETag', '')}")
        tell = begin(total, had)
        with part.open("ab" if resumed else "wb") as file:
            for piece in response.iter_raw():  # as it comes, so that all of it is kept when the rest does not come
                file.write(piece)
                tell(len(piece))
            file.flush()
            os.fsync(file.fileno())
    found = sha256_of(part)
    if announced and found != announced:
        part.unlink()
        kept.unlink()
        raise Damaged(f"{place}: the bytes that came have the sha256 {found}, and {announced} was announced; try again")
    part.replace(target)
    kept.unlink()
    return Got(target, total, found, resumed)


def _resuming(had: int, kept: Path) -> Mapping[str, str]:
    """The headers that ask for the rest of a file, if the server still has the same file."""
    if not had or not kept.exists():
        return {}
    _, _, tag = kept.read_text().partition(" ")
    return {"Range": f"bytes={had}-", "If-Range": tag} if tag else {}


def files_below(client: Client, place: Place) -> list[Json]:
    """The files below a folder, with their paths in `uri`."""
    query = {"list": "", "deep": "1"}
    answer = client.record("GET", f"/artifactory/api/storage/{place.url}", query=query)
    return [entry for entry in answer.get("files") or [] if isinstance(entry, dict)]
