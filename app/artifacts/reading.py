"""Finding what a request wants to read: in a local repository, or in the members of a virtual one.

Contract artifactory-storage 3.3. Only what the caller may read is looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from app.artifacts import properties, repositories
from app.artifacts.access import Visitor
from app.artifacts.address import Address
from app.artifacts.items import Found, found_of
from app.artifacts.model import TOP, ArtifactRepository, parted
from app.artifacts.repositories import NoRepository, Repositories
from app.artifacts.visible import VISIBLE, visible_to
from app.db.tx import Tx, many, one
from app.errors import NotFound

#: The ends of paths that stand for a checksum of the file without the end.
SUMS = {".sha1": "sha1", ".md5": "md5", ".sha256": "sha256"}
#: The most entries that a page of a folder shows.
SHOWN = 5000
#: The item at a path, of the first repository that has it.
FIRST = """
    SELECT items.*, blobs.sha256, blobs.sha1, blobs.md5, blobs.size, blobs.place, blobs.used
    FROM :rows(members; at bigint, id bigint) AS member CROSS JOIN items LEFT JOIN blobs ON blobs.id = items.blob_id
    WHERE items.repo_id = member.id AND items.path = :path AND items.name = :name AND items.folder = :folder
    ORDER BY member.at LIMIT 1
"""
_CHILDREN = """
    SELECT child.name, child.folder, child.modified, blobs.size
    FROM :rows(members; at bigint, id bigint) AS member
    CROSS JOIN items AS child LEFT JOIN blobs ON blobs.id = child.blob_id
    WHERE child.repo_id = member.id AND child.path = :path AND child.name <> '.' AND ({condition})
    ORDER BY child.name, member.at LIMIT :limit
"""
CHILDREN = _CHILDREN.format(condition="TRUE")
#: An item, or anything below it, that the caller may read.
_BELOW = "CASE WHEN child.path = '.' THEN child.name ELSE child.path || '/' || child.name END"
VISIBLE_CHILDREN = _CHILDREN.format(
    condition=f"""
    EXISTS (SELECT 1 FROM items WHERE items.id = child.id AND {VISIBLE})
    OR child.folder AND EXISTS (
        SELECT 1 FROM items WHERE items.repo_id = child.repo_id AND items.path = {_BELOW} AND {VISIBLE}
    )
    OR child.folder AND EXISTS (
        SELECT 1 FROM items WHERE items.repo_id = child.repo_id AND items.path > {_BELOW} || '/'
            AND items.path < {_BELOW} || '0' AND {VISIBLE}
    )
"""  # noqa: S608 - fixed texts
)


@dataclass(frozen=True, slots=True)
class Download:
    """A file to read. With `sum`, its checksum of this name is wanted in place of its bytes."""

    repo: ArtifactRepository
    found: Found
    sum: str = ""


@dataclass(frozen=True, slots=True)
class Child:
    """What a page shows of a file or a folder."""

    name: str
    folder: bool
    #: Unix milliseconds.
    modified: int
    size: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder and what is in it, by name; `more`: there is more than is listed."""

    children: Sequence[Child]
    more: bool


class NoFile(NotFound):
    """There is no such file."""

    code = "no_file"


def download(visitor: Visitor, address: Address) -> Tx[Download]:
    """The file at an address, or the checksum that the address names.

    Unauthorized or Forbidden before anything is told of the repository; then NoRepository, NoFile.
    """
    looked = yield from _members(visitor, address)
    may = False
    for path, sum_name in _meant(address.path):
        readable = [repo for repo in looked if visitor.rights.may("read", repo, path)]
        may = may or bool(readable)
        found = yield from _first(readable, path)
        if found is not None:
            if address.matrix:
                yield from _constrain(found, address)
            return Download(next(repo for repo in readable if repo.id == found.item.repo_id), found, sum_name)
    if not may and (looked or not _might(visitor, address)):
        visitor.refuse("read", address.repo, address.path)
    raise NoFile(
        f"File not found: there is no file {address.path} in {address.repo}; the address of a folder ends with a slash"
    )


def _members(visitor: Visitor, address: Address) -> Tx[Sequence[ArtifactRepository]]:
    """The local repositories to look in, in their order."""
    row = yield from one(repositories.BY_KEY, key=address.repo)
    if row is None:
        if not _might(visitor, address):
            visitor.refuse("read", address.repo, address.path)
        raise NoRepository(f"there is no artifact repository {address.repo}")
    repo = repositories.MAPPER.make(row)
    return [repo] if repo.kind == "local" else (yield from repositories.read_all()).locals_of(repo)


def _might(visitor: Visitor, address: Address) -> bool:
    """Whether the caller could read the path if there were a local repository of this key."""
    return visitor.rights.may("read", ArtifactRepository(0, address.repo), address.path)


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
    looked = yield from _members(visitor, address)
    found = [repo for repo in looked if visitor.rights.somewhere("read", repo)]
    if not found and (looked or not _might(visitor, address)):
        visitor.refuse("read", address.repo, address.path)
    visible = visible_to(visitor.rights, Repositories({repo.key: repo for repo in found}, {}))
    rows = yield from many(
        VISIBLE_CHILDREN if visible.partial else CHILDREN,
        members=_entries(found),
        path=address.path or TOP,
        limit=SHOWN + 1,
        **(visible.parameters() if visible.partial else {}),
    )
    if not rows:
        readable = [repo for repo in found if visitor.rights.may("read", repo, address.path)]
        if (yield from _first(readable, address.path, folder=True)) is None:
            raise NoFile(f"File not found: there is no folder {address.path} in {address.repo}")
    children: dict[str, Child] = {}
    for row in rows[:SHOWN]:
        child = Child(row["name"], bool(row["folder"]), row["modified"], row["size"] or 0)
        children.setdefault(child.name, child)
    return Folder(list(children.values()), len(rows) > SHOWN)
