"""Finding what a request wants to read: in a local repository, or in the members of a virtual one.

Contract artifactory-storage 3.3. Only what the caller may read is looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from app.artifacts import finding, properties
from app.artifacts.access import Visitor
from app.artifacts.address import Address
from app.artifacts.items import COLUMNS, JOIN, Found, found_of
from app.artifacts.listing import children as list_children
from app.artifacts.model import ArtifactRepository, parted
from app.db.tx import Tx, one
from app.errors import NotFound

#: The ends of paths that stand for a checksum of the file without the end.
SUMS = {".sha1": "sha1", ".md5": "md5", ".sha256": "sha256"}
#: The most entries that a page of a folder shows.
SHOWN = 5000
#: The item at a path, of the first repository that has it.
FIRST = f"""
    SELECT {COLUMNS} FROM :rows(members; at bigint, id bigint) AS member CROSS JOIN items {JOIN}
    WHERE items.repo_id = member.id AND items.path = :path AND items.name = :name AND items.folder = :folder
    ORDER BY member.at LIMIT 1
"""  # noqa: S608 - fixed texts


@dataclass(frozen=True, slots=True)
class Download:
    """A file to read. With `sum`, its checksum of this name is wanted in place of its bytes."""

    repo: ArtifactRepository
    found: Found
    sum: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """What is in a folder, by name; `more`: there is more than is listed."""

    children: Sequence[Found]
    more: bool


class NoFile(NotFound):
    """There is no such file."""

    code = "no_file"


def download(visitor: Visitor, address: Address) -> Tx[Download]:
    """The file at an address, or the checksum that the address names.

    Unauthorized or Forbidden before anything is told of the repository; then NoRepository, NoFile.
    """
    looked = yield from finding.members(visitor, address)
    may = False
    for path, sum_name in _meant(address.path):
        readable = [repo for repo in looked if visitor.rights.may("read", repo, path)]
        may = may or bool(readable)
        found = yield from _first(readable, path)
        if found is not None:
            if address.matrix:
                yield from _constrain(found, address)
            return Download(next(repo for repo in readable if repo.id == found.item.repo_id), found, sum_name)
    if not may:
        finding.refuse(visitor, address, looked)
    raise NoFile(
        f"File not found: there is no file {address.path} in {address.repo}; the address of a folder ends with a slash"
    )


def _meant(path: str) -> list[tuple[str, str]]:
    """The paths that a path may mean: itself, and the file whose checksum it names."""
    for end, name in SUMS.items():
        base = path.removesuffix(end)
        if base != path and not base.endswith("/"):
            return [(path, ""), (base, name)] if base else [(path, "")]
    return [(path, "")]


def _first(among: Sequence[ArtifactRepository], path: str, *, folder: bool = False) -> Tx[Found | None]:
    path, name = parted(path)
    row = yield from one(FIRST, members=_entries(among), path=path, name=name, folder=folder)
    return found_of(row) if row is not None else None


def _entries(repos: Sequence[ArtifactRepository]) -> str:
    return orjson.dumps([(at, repo.id) for at, repo in enumerate(repos)]).decode()


def _constrain(found: Found, address: Address) -> Tx[None]:
    """NoFile when a property of the file has other values than the address wants.

    A file without the property fits, unless the key is marked as mandatory.
    """
    has = (yield from properties.of_sets([found.item.set_id]))[found.item.set_id]
    for key, value in address.matrix:
        name = key.removesuffix("+")
        if value in has.get(name, ()) or (name == key and name not in has):
            continue
        values = ", ".join(has[name]) if name in has else "not set"
        words = f"File not found: {address} exists, but its property {name} is {values}, and {value} is asked for"
        raise NoFile(words)


def listing(visitor: Visitor, address: Address) -> Tx[Folder]:
    """What a folder holds for the caller. NoFile when there is none, or none in which the caller may read anything."""
    looked = yield from finding.members(visitor, address)
    readable = [repo for repo in looked if visitor.rights.somewhere("read", repo)]
    if not readable:
        finding.refuse(visitor, address, looked)
    children, more = yield from list_children(visitor, readable, address.path, SHOWN)
    if not children:
        among = [repo for repo in readable if visitor.rights.may("read", repo, address.path)]
        if (yield from _first(among, address.path, folder=True)) is None:
            raise NoFile(f"File not found: there is no folder {address.path} in {address.repo}")
    return Folder(children, more)
