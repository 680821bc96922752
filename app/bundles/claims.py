"""The SQL of claims: which files are in repositories because of which promotions.

A claim is *written* when its file is there because of promotions alone; it has the time at which a promotion put the
file. A promotion that goes releases its claims: a written file goes with the last claim on it. A file of another time
was put by somebody else since, and stays. Whoever adds or releases claims in a repository holds the repository.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import orjson

from app.artifacts import pruning
from app.artifacts.model import whole
from app.db.tx import Row, Rows, Tx, many, run

#: A file that is there is claimed as written only if another claim on it is, since the same time.
ADD = """
    INSERT INTO bundle_claims (promotion_id, repo_id, path, name, blob_id, written)
    SELECT :promotion_id, target.repo_id, artifact.path, artifact.name, artifact.blob_id,
        CASE WHEN items.id IS NULL THEN :now WHEN EXISTS (
            SELECT 1 FROM bundle_claims AS other
            WHERE other.repo_id = target.repo_id AND other.path = artifact.path AND other.name = artifact.name
                AND other.blob_id = artifact.blob_id AND other.written = items.modified
        ) THEN items.modified ELSE 0 END
    FROM :rows(targets; repo_id bigint, package_type text) AS target CROSS JOIN bundle_artifacts AS artifact
    LEFT JOIN items ON items.repo_id = target.repo_id AND items.path = artifact.path AND items.name = artifact.name
    WHERE artifact.bundle_id = :bundle_id AND artifact.package_type = target.package_type
"""
REPOS = """
    SELECT DISTINCT claim.repo_id FROM :rows(promotions; id bigint) AS gone CROSS JOIN bundle_claims AS claim
    WHERE claim.promotion_id = gone.id
"""
_GONE = "SELECT id FROM :rows(promotions; id bigint) AS released"
#: Written claims that are released.
_RELEASED = """
    :rows(promotions; id bigint) AS gone CROSS JOIN bundle_claims AS claim
    WHERE claim.promotion_id = gone.id AND claim.written > 0
        AND claim.repo_id IN (SELECT id FROM :rows(repos; id bigint) AS held)
"""
_LAST = f"""
    NOT EXISTS (
        SELECT 1 FROM bundle_claims AS other
        WHERE other.repo_id = claim.repo_id AND other.path = claim.path AND other.name = claim.name
            AND other.blob_id = claim.blob_id AND other.promotion_id NOT IN ({_GONE})
    )
"""  # noqa: S608 - fixed texts
#: The items at the places of claims that are released, and that nothing else claims.
DOOMED = f"""
    SELECT items.id, items.repo_id, items.path, items.name,
        max(CASE WHEN items.blob_id = claim.blob_id AND items.modified = claim.written THEN 1 ELSE 0 END) AS goes
    FROM (
        SELECT claim.repo_id, claim.path, claim.name, claim.blob_id, claim.written FROM {_RELEASED} AND {_LAST}
    ) AS claim
    CROSS JOIN items
    WHERE items.repo_id = claim.repo_id AND items.path = claim.path AND items.name = claim.name AND NOT items.folder
    GROUP BY items.id, items.repo_id, items.path, items.name
"""  # noqa: S608 - fixed texts
#: Another claim on the same file inherits that the file is there because of promotions.
BEQUEATH = f"""
    UPDATE bundle_claims SET written = old.written
    FROM (
        SELECT claim.repo_id, claim.path, claim.name, claim.blob_id, max(claim.written) AS written FROM {_RELEASED}
        GROUP BY claim.repo_id, claim.path, claim.name, claim.blob_id
    ) AS old
    WHERE bundle_claims.repo_id = old.repo_id AND bundle_claims.path = old.path AND bundle_claims.name = old.name
        AND bundle_claims.blob_id = old.blob_id AND bundle_claims.written < old.written
"""  # noqa: S608 - fixed texts
FORGET = f"""
    DELETE FROM bundle_claims WHERE promotion_id IN ({_GONE})
        AND repo_id IN (SELECT id FROM :rows(repos; id bigint) AS held)
"""  # noqa: S608 - fixed texts
REMOVE = "DELETE FROM items WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS gone)"


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a file in a repository."""

    repo_id: int
    path: str


@dataclass(frozen=True, slots=True)
class Released:
    """What a release comes to: files that go, and files that stay because somebody else has put them since."""

    removed: tuple[Place, ...] = ()
    left: tuple[Place, ...] = ()


def ids(values: Iterable[int]) -> str:
    """A parameter that stands for rows of ids."""
    return orjson.dumps([[value] for value in sorted(values)]).decode()


def add(promotion_id: int, bundle_id: int, targets: str, now: int) -> Tx[None]:
    """Claim all files of a version in some repositories, before the files are put there at a time, Unix milliseconds.
    `targets` is a parameter of repositories and package types."""
    yield from run(ADD, promotion_id=promotion_id, bundle_id=bundle_id, targets=targets, now=now)


def repos_of(promotions: Iterable[int]) -> Tx[set[int]]:
    """The repositories in which promotions claim files."""
    return {row["repo_id"] for row in (yield from many(REPOS, promotions=ids(promotions)))}


def releasable(promotions: Collection[int], repos: Collection[int]) -> Tx[Released]:
    """What a release of the claims of promotions in some repositories would come to now."""
    rows = yield from many(DOOMED, promotions=ids(promotions), repos=ids(repos))
    return _released(rows)


def release(promotions: Collection[int], repos: Collection[int]) -> Tx[Released]:
    """Release the claims of promotions in some repositories, which the caller holds."""
    released = {"promotions": ids(promotions), "repos": ids(repos)}
    rows = yield from many(DOOMED, **released)
    yield from run(BEQUEATH, **released)
    yield from run(FORGET, **released)
    gone = [row for row in rows if row["goes"]]
    yield from run(REMOVE, ids=ids(row["id"] for row in gone))
    folders: dict[int, set[str]] = {}
    for row in gone:
        folders.setdefault(row["repo_id"], set()).add(row["path"])
    for repo_id, emptied in sorted(folders.items()):
        yield from pruning.prune(repo_id, emptied)
    return _released(rows)


def _released(rows: Rows) -> Released:
    return Released(
        tuple(_place(row) for row in rows if row["goes"]),
        tuple(_place(row) for row in rows if not row["goes"]),
    )


def _place(row: Row) -> Place:
    return Place(row["repo_id"], whole(row["path"], row["name"]))
