"""Which stored files belong to a run, by the properties of the files and by checksums.

Contract artifactory-build 5.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from app.artifacts.model import Sums, parted, whole
from app.buildinfo.model import Artifact, Run
from app.db.tx import Row, Tx, many

_FILE = """
    items.id, items.repo_id, artifact_repos.key, artifact_repos.system, items.path, items.name, items.set_id,
    blobs.sha256, blobs.sha1, blobs.md5
"""
#: Whether a set of properties may be of a run in a repository of build-info: files may name the repository.
_OF_REPO = """(
    NOT EXISTS (SELECT 1 FROM properties AS place WHERE place.set_id = {set_id} AND place.key = 'build.repo')
    OR EXISTS (
        SELECT 1 FROM properties AS place
        WHERE place.set_id = {set_id} AND place.key = 'build.repo' AND place.value = {repo}
    )
)"""
#: Files with the name and the number of a build. A file that names the repository of another build-info is none, and
#: neither is a file of a release bundle, which is a frozen copy of one.
BY_PROPERTIES = f"""
    SELECT {_FILE} FROM properties AS number
    JOIN properties AS name ON name.set_id = number.set_id AND name.key = 'build.name' AND name.value = :name
    JOIN items ON items.set_id = number.set_id
    JOIN artifact_repos ON artifact_repos.id = items.repo_id
    JOIN blobs ON blobs.id = items.blob_id
    WHERE number.key = 'build.number' AND number.value = :number
        AND {_OF_REPO.format(set_id="number.set_id", repo=":build_repo")} AND artifact_repos.system <> 'bundles'
    ORDER BY items.id
"""  # noqa: S608 - fixed texts
BY_PLACE = f"""
    SELECT {_FILE} FROM :rows(places; repo text, path text, name text) AS place
    JOIN artifact_repos ON artifact_repos.key = place.repo
    JOIN items ON items.repo_id = artifact_repos.id AND items.path = place.path AND items.name = place.name
    JOIN blobs ON blobs.id = items.blob_id
    ORDER BY items.id
"""  # noqa: S608 - fixed texts
#: Of some files those that an artifact of another run names: by its path, or, without a path, by properties.
LISTED = f"""
    SELECT DISTINCT file.id FROM :rows(files; id bigint, sha1 text, repo text, path text, set_id bigint) AS file
    JOIN module_artifacts AS entry ON entry.sha1 = file.sha1
    WHERE entry.run_id NOT IN (SELECT id FROM :rows(gone; id bigint) AS gone) AND (
        (entry.path = file.path AND entry.repo IN ('', file.repo))
        OR (entry.path = '' AND EXISTS (
            SELECT 1 FROM runs
            JOIN artifact_repos ON artifact_repos.id = runs.repo_id
            JOIN properties AS number
                ON number.set_id = file.set_id AND number.key = 'build.number' AND number.value = runs.number
            JOIN properties AS name
                ON name.set_id = file.set_id AND name.key = 'build.name' AND name.value = runs.name
            WHERE runs.id = entry.run_id AND {_OF_REPO.format(set_id="file.set_id", repo="artifact_repos.key")}
        ))
    )
"""  # noqa: S608 - fixed texts


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored file that may belong to a run."""

    item_id: int
    repo_id: int
    #: Key of the local repository.
    repo: str
    system: str
    #: The whole path.
    path: str
    set_id: int
    sums: Sums

    def __str__(self) -> str:
        return f"{self.repo}:{self.path}"


def candidates(name: str, number: str, build_repo: str) -> Tx[list[Candidate]]:
    """The files that carry the name and the number of a build of this repository of build-info."""
    rows = yield from many(BY_PROPERTIES, name=name, number=number, build_repo=build_repo)
    return [_candidate(row) for row in rows]


def at_own_places(artifacts: Sequence[Artifact]) -> Tx[list[Candidate]]:
    """The files at the repositories and paths that artifacts name, whatever the files hold and say."""
    places = {(artifact.repo, *parted(artifact.path)) for artifact in artifacts if artifact.repo and artifact.path}
    if not places:
        return []
    return [_candidate(row) for row in (yield from many(BY_PLACE, places=orjson.dumps(sorted(places)).decode()))]


def listed_by_others(files: Sequence[Candidate], gone: Sequence[Run]) -> Tx[frozenset[int]]:
    """The ids of the files that runs other than `gone` list."""
    wanted = [(file.item_id, file.sums.sha1, file.repo, file.path, file.set_id) for file in files]
    rows = yield from many(
        LISTED, files=orjson.dumps(wanted).decode(), gone=orjson.dumps([[run.id] for run in gone]).decode()
    )
    return frozenset(row["id"] for row in rows)


def belonging(
    artifacts: Sequence[Artifact], files: Iterable[Candidate]
) -> Iterator[tuple[Artifact, tuple[Candidate, ...]]]:
    """Each artifact, and those of the files that have its bytes; an artifact without a checksum has the files at its
    path."""
    by_sum: dict[str, list[Candidate]] = {}
    for file in files:
        for key in (file.sums.sha1, file.sums.sha256, file.sums.md5, f"/{file.path}"):
            by_sum.setdefault(key, []).append(file)
    for artifact in artifacts:
        sums = artifact.sums
        key = sums.sha1 or sums.sha256 or sums.md5 or (f"/{artifact.path}" if artifact.path else "")
        yield artifact, tuple(file for file in by_sum.get(key, ()) if key and _agrees(sums, file.sums))


def _agrees(said: Sums, stored: Sums) -> bool:
    """Whether a file has every checksum that an artifact says: two files may have one SHA-1."""
    pairs = ((said.sha256, stored.sha256), (said.sha1, stored.sha1), (said.md5, stored.md5))
    return all(not ours or ours == theirs for ours, theirs in pairs)


def preferred(artifact: Artifact, files: Sequence[Candidate]) -> Candidate | None:
    """The file that stands for an artifact: at its own repository and path, else with its name, else the first."""
    ranked = (
        lambda file: file.repo == artifact.repo and file.path == artifact.path,
        lambda file: file.path == artifact.path,
        lambda file: parted(file.path)[1] == artifact.name,
        lambda _: True,
    )
    return next((file for fits in ranked for file in files if fits(file)), None)


def missing(
    artifacts: Sequence[Artifact], files: Sequence[Candidate], may_read: Callable[[Candidate], bool]
) -> Mapping[int, Candidate]:
    """For artifacts that lack a path or a checksum, by position, the file that says the rest.

    A file that the publisher may not read says nothing.
    """
    readable = [file for file in files if may_read(file)]
    found = {}
    for at, (artifact, fitting) in enumerate(belonging(artifacts, readable)):
        if incomplete(artifact) and (file := preferred(artifact, fitting)) is not None:
            found[at] = file
    return found


def incomplete(artifact: Artifact) -> bool:
    """Whether an artifact lacks its path or a checksum."""
    return not (artifact.path and artifact.sums.sha1 and artifact.sums.sha256 and artifact.sums.md5)


def _candidate(row: Row) -> Candidate:
    sums = Sums(row["sha256"], row["sha1"], row["md5"])
    path = whole(row["path"], row["name"])
    return Candidate(row["id"], row["repo_id"], row["key"], row["system"], path, row["set_id"], sums)
