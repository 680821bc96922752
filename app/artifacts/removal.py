"""Removing files and folders (contract artifactory-storage 3.4)."""

from dataclasses import dataclass

from app.artifacts import items, repositories, system, trees
from app.artifacts.access import Visitor
from app.artifacts.address import Address
from app.artifacts.items import Found
from app.artifacts.model import ArtifactRepository
from app.artifacts.reading import NoFile
from app.artifacts.repositories import NoRepository
from app.artifacts.visible import VISIBLE, visible_in
from app.db.tx import Tx, one, run
from app.moments import Actor, Change

COUNT = trees.statement("""
    SELECT count(*) AS items, count(items.blob_id) AS files, CAST(COALESCE(sum(blobs.size), 0) AS BIGINT) AS size
    FROM items LEFT JOIN blobs ON blobs.id = items.blob_id WHERE {tree} AND items.depth > 0
""")
#: An item that the caller may not remove.
KEPT = trees.statement(
    # Made of fixed texts and names of columns alone.
    f"SELECT items.id FROM items WHERE {{tree}} AND items.depth > 0 AND NOT {VISIBLE} LIMIT 1"  # noqa: S608 - a constant
)


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed: files and folders, and the bytes of the files."""

    repo: str
    path: str
    files: int
    folders: int
    size: int


def judge(visitor: Visitor, address: Address) -> Tx[ArtifactRepository]:
    """The repository from which something shall be removed; a virtual one, perhaps.

    Unauthorized or Forbidden before anything is told of the repository; then NoRepository.
    """
    row = yield from one(repositories.BY_KEY, key=address.repo)
    repo = repositories.MAPPER.make(row) if row is not None else ArtifactRepository(0, address.repo)
    if repo.kind == "virtual":
        among = (yield from repositories.read_all()).locals_of(repo)
        if not any(visitor.rights.somewhere("read", member) for member in among):
            visitor.refuse("delete", address.repo, address.path)
        return repo
    visitor.require("delete", repo, address.path)
    if not repo.id:
        raise NoRepository(f"there is no artifact repository {address.repo}")
    if repo.system == "bundles":
        raise system.removal_refused(repo, address.path)
    return repo


def find(repo: ArtifactRepository, address: Address) -> Tx[Found]:
    """What is at the address; NoFile. An address that ends with a slash means a folder only."""
    found = yield from items.find(repo.id, address.path)
    if found is None or (address.folder and not found.item.folder):
        raise NoFile(
            f"File not found: there is no {'folder' if address.folder else 'file'} {address.path} in {repo.key}"
        )
    return found


def remove_file(repo: ArtifactRepository, address: Address) -> Tx[Removed]:
    """Remove a file. NoFile when it is gone, or a folder now."""
    yield from repositories.share(repo.id)
    found = yield from find(repo, address)
    if found.item.folder:
        raise NoFile(f"File not found: {address.path} in {repo.key} is a folder now; try again")
    yield from run(items.REMOVE, id=found.item.id)
    return Removed(repo.key, address.path, 1, 0, found.file.size)


def remove_folder(visitor: Visitor, repo: ArtifactRepository, address: Address) -> Tx[Removed]:
    """Remove a folder with all below it, or all that is in a repository. Nothing, when the caller may not remove all.

    In a repository of build-info the runs go with their files.
    """
    yield from repositories.hold(repo.id)
    yield from find(repo, address)
    path = address.path
    tree = trees.parameters(repo.id, path)
    visible = visible_in(visitor.rights, [repo], "delete")
    if repo.id not in visible.whole and (yield from one(KEPT.of(path), **tree, **visible.parameters())) is not None:
        visitor.refuse("delete", repo.key, f"{path}/**" if path else "**")
    counted = yield from one(COUNT.of(path), **tree)
    assert counted is not None
    yield from items.remove_tree(repo.id, path)
    return Removed(repo.key, path, counted["files"], counted["items"] - counted["files"], counted["size"])


def moment(by: Actor, removed: Removed) -> Change:
    """Files or folders were removed."""
    before = {"files": removed.files, "folders": removed.folders, "size": removed.size}
    return Change("artifact.delete", by, f"{removed.repo}:{removed.path}", before=before)
