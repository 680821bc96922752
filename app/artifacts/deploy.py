"""Putting files: where they go, whether they may go there, and the transactions that put them.

Contract artifactory-storage 3.1, 3.2. What can be judged is judged twice: before the bytes come, and again in the
transaction that puts them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.artifacts import items, known, patterns, placing, properties, repositories, system
from app.artifacts.access import Visitor
from app.artifacts.address import Address
from app.artifacts.blobs import rows
from app.artifacts.blobs.store import Received
from app.artifacts.checksums import differing
from app.artifacts.items import Found, Stamp
from app.artifacts.model import ArtifactRepository, Blob, Item, Sums, depth, parted
from app.artifacts.placing import Wanted
from app.artifacts.properties import Properties
from app.db.tx import Tx, one
from app.errors import AppError, Conflict, Invalid, Problem


@dataclass(frozen=True, slots=True)
class File:
    """A file to be put, and what the client said of it."""

    path: str
    mime: str
    #: The checksums that the client sent.
    sent: Sums


@dataclass(frozen=True, slots=True)
class Place:
    """What a request puts, and the local repository that takes it."""

    repo: ArtifactRepository
    file: File
    properties: Properties = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path in the repository."""
        return self.file.path


@dataclass(frozen=True, slots=True)
class Put:
    """A file that was put, with its bytes; `unchanged`: an immutable repository had the same file already."""

    repo: ArtifactRepository
    item: Item
    blob: Blob
    unchanged: bool = False


def takes(visitor: Visitor, address: Address) -> Tx[ArtifactRepository]:
    """The local repository that takes what is put at an address.

    Unauthorized or Forbidden before anything is told of the repository; then NoRepository, or Invalid for a virtual
    repository that takes nothing.
    """
    row = yield from one(repositories.BY_KEY, key=address.repo)
    named = repositories.MAPPER.make(row) if row is not None else ArtifactRepository(0, address.repo)
    local = named
    if named.kind == "virtual":
        if not named.deploy_to:
            yield from _refuse_virtual(visitor, named, address)
        row = yield from one(repositories.BY_ID, id=named.deploy_to)
        assert row is not None
        local = repositories.MAPPER.make(row)
    if not visitor.rights.may("deploy", local, address.path):
        visitor.refuse("deploy", address.repo, address.path)
    if not local.id:
        raise repositories.NoRepository(f"there is no artifact repository {address.repo}")
    if local.system:
        raise system.put_refused(local)
    return local


def _refuse_virtual(visitor: Visitor, virtual: ArtifactRepository, address: Address) -> Tx[None]:
    every = yield from repositories.read_all()
    if not any(visitor.rights.somewhere("read", member) for member in every.locals_of(virtual)):
        visitor.refuse("deploy", address.repo, address.path)
    words = f"the virtual repository {virtual.key} has no defaultDeploymentRepo, so it takes no files; name a local one"
    raise Invalid.of([Problem("repo", "no_deployment_repository", words)])


def judge(
    visitor: Visitor, repo: ArtifactRepository, sums: Mapping[str, Sums], *, bytes_known: bool
) -> Tx[dict[str, Found]]:
    """What is at the paths of some files and at their folders; an error when a file may not be put there.

    `sums` are the checksums by path. Unless `bytes_known`, they are what the client sent, perhaps nothing, and a file
    that may have the same bytes is no reason to refuse.
    """
    there, refused = yield from judge_each(visitor, repo, sums)
    for error in refused.values():
        raise error
    missing = [path for path in sums if path not in there and (folder := _folder(path)) and folder not in there]
    if missing and not bytes_known:
        yield from _judge_folders(repo, missing)
    return there


def judge_each(
    visitor: Visitor, repo: ArtifactRepository, sums: Mapping[str, Sums]
) -> Tx[tuple[dict[str, Found], dict[str, AppError]]]:
    """What is at the paths of some files and at their folders, and by path why a file may not be put there."""
    there = yield from placing.among(repo.id, [*sums, *filter(None, map(_folder, sums))])
    refused: dict[str, AppError] = {}
    for path, each in sums.items():
        try:
            visitor.require("deploy", repo, path)
            patterns.check(repo, path)
            if (found := there.get(path)) is not None:
                _judge_replacing(visitor, repo, found, each)
            elif (around := there.get(_folder(path))) is not None and not around.item.folder:
                refused[path] = items.file_in_the_way(around.item.whole_path)
        except AppError as error:
            refused[path] = error
    return there, refused


def _folder(path: str) -> str:
    """The folder of a file; empty at the top of a repository."""
    return path.rpartition("/")[0]


def _judge_folders(repo: ArtifactRepository, paths: Sequence[str]) -> Tx[None]:
    wholes = {folder for path in paths for folder in placing.folders_of(path)}
    for found in (yield from placing.among(repo.id, wholes)).values():
        if not found.item.folder:
            raise items.file_in_the_way(found.item.whole_path)


def _judge_replacing(visitor: Visitor, repo: ArtifactRepository, found: Found, sums: Sums) -> None:
    path = found.item.whole_path
    if found.item.folder:
        raise items.folder_in_the_way(path)
    name = differing(sums, found.file.sums)
    if not name:
        return
    if not repo.immutable:
        visitor.require("delete", repo, path)
        return
    words = f"the repository {repo.key} is immutable, and {path} is there with other bytes"
    if visitor.rights.may("read", repo, path):
        had, has = getattr(found.file.sums, name), getattr(sums, name)
        words += f": {found.item.modified_by} put the bytes with the {name} {had}; those of the request have {has}"
    raise Conflict(words, code="immutable")


def put(
    visitor: Visitor,
    repo_id: int,
    files: Sequence[tuple[File, Received]],
    wanted: Properties,
    stamp: Stamp,
    *,
    alone: bool,
) -> Tx[list[Put]]:
    """Put files whose bytes were received, no two of them at one path; all of them or none.

    A row of other bytes with the same checksums may win: `Put.blob` names the place that is used. ChangedMeanwhile when
    another transaction was faster, unless this one is `alone` in the repository.
    """
    repo = yield from repositories.configured(repo_id, alone=alone)
    sums = {file.path: received.sums for file, received in files}
    there = yield from judge(visitor, repo, sums, bytes_known=True)
    new = [(file, received) for file, received in files if not (repo.immutable and file.path in there)]
    blobs: dict[str, Blob] = {}
    if new:
        blobs = yield from rows.add_all([received for _, received in new], stamp.at // 1000)
    linked = {file.path: (file, blobs[received.sums.sha256]) for file, received in new}
    done = yield from _link(repo, linked, there, wanted, stamp)
    return [done.get(file.path) or _unchanged(repo, there[file.path]) for file, _ in files]


def put_known(
    visitor: Visitor, repo_id: int, file: File, blob: Blob, wanted: Properties, stamp: Stamp, *, alone: bool
) -> Tx[Put]:
    """Put a file whose bytes are stored already (contract artifactory-storage 3.2). ChangedMeanwhile as above."""
    repo = yield from repositories.configured(repo_id, alone=alone)
    there = yield from judge(visitor, repo, {file.path: blob.sums}, bytes_known=True)
    if repo.immutable and file.path in there:
        return _unchanged(repo, there[file.path])
    if not (yield from rows.use(blob.id, stamp.at // 1000)):
        raise known.unknown()
    done = yield from _link(repo, {file.path: (file, blob)}, there, wanted, stamp)
    return done[file.path]


def _unchanged(repo: ArtifactRepository, found: Found) -> Put:
    return Put(repo, found.item, found.file, unchanged=True)


def _link(
    repo: ArtifactRepository,
    files: Mapping[str, tuple[File, Blob]],
    there: Mapping[str, Found],
    wanted: Properties,
    stamp: Stamp,
) -> Tx[dict[str, Put]]:
    if not files:
        return {}
    missing = [path for path in files if path not in there and path.rpartition("/")[0] not in there]
    folders = dict.fromkeys(folder for path in missing for folder in placing.folders_of(path))
    yield from items.add_folders_at(repo.id, list(folders), stamp)
    set_id = yield from properties.set_of(wanted)
    entries = [Wanted(path, blob.id, file.mime, file.sent) for path, (file, blob) in files.items()]
    ids = yield from placing.put(repo.id, entries, there, set_id, stamp)
    return {
        path: Put(repo, _item(repo.id, ids[path], file, blob, there.get(path), set_id, stamp), blob)
        for path, (file, blob) in files.items()
    }


def _item(repo_id: int, item_id: int, file: File, blob: Blob, before: Found | None, set_id: int, stamp: Stamp) -> Item:
    folder, name = parted(file.path)
    made = (before.item.created, before.item.created_by) if before else (stamp.at, stamp.by)
    return Item(
        item_id, repo_id, folder, name, False, depth(file.path), blob.id, set_id, file.mime, file.sent, *made,
        stamp.at, stamp.by, stamp.at,
    )  # fmt: skip


def put_folder(visitor: Visitor, repo_id: int, path: str, wanted: Properties, stamp: Stamp) -> Tx[Item]:
    """Make a folder with properties. A folder that is there keeps its other properties; annotate is needed to set some.

    Conflict when a file is at the path or around it.
    """
    repo = yield from repositories.configured(repo_id, alone=bool(wanted))  # or properties set meanwhile would be lost
    patterns.check_folder(repo, path)
    there = yield from placing.among(repo.id, [path])
    if path not in there:
        yield from items.add_folders_at(repo.id, [*placing.folders_of(path), path], stamp)
        there = yield from placing.among(repo.id, [path])
    elif wanted:
        visitor.require("annotate", repo, path)
    item = there[path].item
    if not item.folder:
        raise items.file_in_the_way(path)
    if wanted:
        kept = (yield from properties.of_sets([item.set_id]))[item.set_id]
        set_id = yield from properties.set_of({**kept, **wanted})
        yield from items.set_properties(item.id, set_id, stamp.at)
    return item
