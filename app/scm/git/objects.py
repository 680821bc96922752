"""Commits, trees and files of a repository, as `git cat-file --batch` prints them."""

import re
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from app.errors import NotFound, Unreadable
from app.scm import files
from app.scm.host import Commit, TooLarge

_LARGEST_COMMIT = 4 * 1024 * 1024
_LARGEST_TREE = 32 * 1024 * 1024
_PERSON = re.compile(r"(?P<name>[^<]*)<(?P<email>[^>]*)>(?: (?P<time>-?\d{1,12}))?")


class Absent(Unreadable):
    """The repository has no such object, or can no longer read it.

    `peeled` is true when the name asked for a commit or tree, by ^{commit} or ^{tree}.
    """

    code = "object_missing"

    def __init__(self, name: str) -> None:
        self.oid, mark, _ = name.partition("^")
        self.peeled = bool(mark)
        super().__init__(f"object {self.oid} is not there")


@dataclass(frozen=True, slots=True)
class Header:
    """Id, kind and size of an object; `kind` is commit, tree, blob or tag, `size` is in bytes."""

    oid: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Object:
    """One object as git stores it."""

    oid: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a tree."""

    mode: str
    name: bytes
    oid: str


class Objects:
    """Reads the objects of one repository, one request after the other."""

    def __init__(self, requests: StreamWriter, answers: StreamReader) -> None:
        self._requests = requests
        self._answers = answers

    async def find(self, name: str) -> Header:
        """The header of the object `name`, an id that may end in ^{kind}; Absent when the repository lacks the object.

        The body of the object comes next: read it before the next call, or end the process by an error.
        """
        if self._requests.is_closing():  # git died at an earlier request; uvloop would raise for the write
            raise Absent(name)
        try:
            self._requests.write(f"{name}\n".encode())
            await self._requests.drain()
            words = (await self._answers.readuntil()).decode().split()
        except (IncompleteReadError, ConnectionError):  # git dies at an object that it cannot read
            words = []
        if len(words) != 3:  # "NAME missing", "NAME ambiguous"
            raise Absent(name)
        return Header(words[0], words[1], int(words[2]))

    async def read(self, name: str, *, most: int) -> Object:
        """A whole object; TooLarge, before the body is read, when the object has more than `most` bytes."""
        found = await self.find(name)
        if found.size > most:
            raise TooLarge(f"{found.kind} {found.oid[:12]} has {found.size} bytes", size=found.size)
        try:
            body = await self._answers.readexactly(found.size + 1)
        except IncompleteReadError:
            raise Absent(name) from None
        return Object(found.oid, body[:-1])


async def read_commit(objects: Objects, name: str) -> Commit:
    """The commit of an id, or the commit that the tag of this id names."""
    try:
        found = await objects.read(f"{name}^{{commit}}", most=_LARGEST_COMMIT)
    except Absent as absent:
        with suppress(Absent):  # there is no object of any kind
            other = await objects.find(name)
            raise NotFound(f"{name} is a {other.kind}, not a commit") from None
        raise absent from None
    return _commit(found)


def commit_named(oid: str) -> Callable[[Objects], Awaitable[Commit]]:
    """Reads the commit of an id."""
    return lambda found: read_commit(found, oid)


async def read_parent(objects: Objects, name: str) -> str:
    """The id of the first parent of a commit; empty for a first commit."""
    found = await objects.read(f"{name}^{{commit}}", most=_LARGEST_COMMIT)
    head, _, _ = found.body.partition(b"\n\n")
    parents = (line.removeprefix(b"parent ") for line in head.split(b"\n") if line.startswith(b"parent "))
    return next(parents, b"").decode()


async def read_text(objects: Objects, sha: str, path: str, *, most: int) -> str:
    """The text of a regular file at a commit, without a byte order mark.

    Unreadable, with a code for each reason, when the file is absent, not a regular file (symbolic links are never
    followed), larger than `most` bytes or not UTF-8.
    """
    oid = await _find(objects, sha, path)
    try:
        blob = await objects.read(oid, most=most)
    except TooLarge as error:
        raise files.too_large(path, sha, most=most, size=error.details["size"]) from None
    return files.text(blob.body, path, sha)


async def _find(objects: Objects, sha: str, path: str) -> str:
    """The id of the file. The trees are read one by one, because `COMMIT:path` does not give the modes."""
    tree = await objects.read(f"{sha}^{{tree}}", most=_LARGEST_TREE)
    *folders, file = path.split("/")
    for depth, folder in enumerate(folders, start=1):
        entry = _entry(tree, folder, sha, path)
        if entry.mode.startswith("100"):
            raise files.not_found(path, sha)
        if entry.mode != "40000":
            raise files.unsuitable(entry.mode, "/".join(folders[:depth]), sha)
        tree = await objects.read(entry.oid, most=_LARGEST_TREE)
    entry = _entry(tree, file, sha, path)
    if not entry.mode.startswith("100"):
        raise files.unsuitable(entry.mode, path, sha)
    return entry.oid


def _entry(tree: Object, name: str, sha: str, path: str) -> Entry:
    wanted = name.encode()
    for entry in _entries(tree):
        if entry.name == wanted:
            return entry
    raise files.not_found(path, sha)


def _entries(tree: Object) -> Iterator[Entry]:
    """Lines of `MODE SP NAME NUL ID`, the id in binary and as long as the tree's own."""
    width = len(tree.oid) // 2
    start = 0
    while (end := tree.body.find(b"\0", start)) >= 0:
        mode, _, name = tree.body[start:end].partition(b" ")
        start = end + 1 + width
        yield Entry(mode.decode(), name, tree.body[end + 1 : start].hex())


def _commit(found: Object) -> Commit:
    head, _, message = found.body.partition(b"\n\n")
    # the first field of each name counts; a line that begins with a space continues the line before
    lines = (line.partition(b" ") for line in reversed(head.split(b"\n")))
    fields = {name: value for name, _, value in lines if name}
    charset = fields.get(b"encoding", b"utf-8").decode("ascii", "replace")
    name, email, _ = _person(_decode(fields.get(b"author", b""), charset))
    _, _, timestamp = _person(_decode(fields.get(b"committer", b""), charset))
    return Commit(
        sha=found.oid,
        message=_decode(message, charset),
        author_login="",
        author_name=name,
        author_email=email,
        timestamp=timestamp,
    )


def _person(text: str) -> tuple[str, str, int]:
    found = _PERSON.match(text)
    if not found:
        return text.strip(), "", 0
    return found["name"].strip(), found["email"].strip(), int(found["time"] or 0)


def _decode(raw: bytes, charset: str) -> str:
    """Text that any database accepts: bytes that cannot be decoded, and NUL, become U+FFFD."""
    try:
        text = raw.decode(charset, "replace")
    except LookupError:
        text = raw.decode(errors="replace")
    return text.replace("\0", "\ufffd")
