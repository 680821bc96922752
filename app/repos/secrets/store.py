"""The SQL of secrets: sealed in the database, opened only for a runner."""

from app.db.tx import Row, Tx, many, one
from app.errors import Conflict, NotFound
from app.repos.model import Secret
from app.sealing import Seal

PURPOSE = "secrets.data"
CREATE = """
    INSERT INTO secrets (repo_id, name, data, pull_request, pull_request_push)
    VALUES (:repo_id, :name, :data, :pull_request, :pull_request_push)
    ON CONFLICT DO NOTHING RETURNING *
"""
OF_REPO = "SELECT * FROM secrets WHERE repo_id = :repo_id ORDER BY lower(name)"
BY_NAME = "SELECT * FROM secrets WHERE repo_id = :repo_id AND lower(name) = lower(:name)"
DELETE = "DELETE FROM secrets WHERE repo_id = :repo_id AND lower(name) = lower(:name) RETURNING id"


def create(repo_id: int, name: str, sealed: bytes, *, pull_request: bool, pull_request_push: bool) -> Tx[Secret]:
    """A new secret; Conflict when the name is taken in any letter case, as runners look it up."""
    row = yield from one(
        CREATE,
        repo_id=repo_id,
        name=name,
        data=sealed,
        pull_request=pull_request,
        pull_request_push=pull_request_push,
    )
    if row is None:
        raise Conflict(f"secret {name} exists already; delete it first to replace it", code="secret_exists")
    return _secret(row)


def list_of(repo_id: int) -> Tx[list[Secret]]:
    """Names and flags, by name; the values stay sealed."""
    return [_secret(row) for row in (yield from many(OF_REPO, repo_id=repo_id))]


def find(repo_id: int, name: str) -> Tx[Secret]:
    """Name and flags of one; NotFound."""
    row = yield from one(BY_NAME, repo_id=repo_id, name=name)
    if row is None:
        raise NotFound(f"secret {name} not found")
    return _secret(row)


def delete(repo_id: int, name: str) -> Tx[None]:
    """Remove one; NotFound."""
    if (yield from one(DELETE, repo_id=repo_id, name=name)) is None:
        raise NotFound(f"secret {name} not found")


def opened(repo_id: int, seal: Seal, *, pull_request: bool) -> Tx[tuple[Secret, ...]]:
    """With their values, for a runner; a pull request gets only those flagged for it (`spec` drone-rpc 4)."""
    rows = yield from many(OF_REPO, repo_id=repo_id)
    return tuple(
        _secret(row, seal.open(row["data"], PURPOSE)) for row in rows if row["pull_request"] or not pull_request
    )


def _secret(row: Row, data: str = "") -> Secret:
    return Secret(
        id=row["id"],
        repo_id=row["repo_id"],
        name=row["name"],
        data=data,
        pull_request=bool(row["pull_request"]),
        pull_request_push=bool(row["pull_request_push"]),
    )
