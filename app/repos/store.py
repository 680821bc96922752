"""The SQL of repositories and rights."""

from dataclasses import replace

from app.accounts.model import User
from app.db import schema
from app.db.mapper import Mapper
from app.db.tx import Row, Tx, many, one, run
from app.errors import Conflict, NotFound
from app.repos.model import Permissions, Repo

BY_SLUG = "SELECT * FROM repos WHERE namespace = :namespace AND name = :name"
BY_ID = "SELECT * FROM repos WHERE id = :id"
ALL = "SELECT * FROM repos ORDER BY namespace, name LIMIT :limit OFFSET :offset"
OF_USER = """
    SELECT repos.* FROM permissions JOIN repos ON repos.id = permissions.repo_id
    WHERE permissions.user_id = :user_id AND permissions.can_read ORDER BY namespace, name
"""
CREATE = schema.insert_sql(schema.repos, "ON CONFLICT DO NOTHING RETURNING id")
#: A statement of its own, so that it sees what the deletion that freed the name has left.
RESUME = """
    UPDATE repos SET counter = coalesce((
        SELECT retired.counter FROM retired WHERE retired.namespace = repos.namespace AND retired.name = repos.name
    ), counter)
    WHERE id = :id RETURNING counter
"""
PERMISSIONS = """
    SELECT can_read, can_write, can_admin FROM permissions WHERE user_id = :user_id AND repo_id = :repo_id
"""
GRANT = """
    INSERT INTO permissions (user_id, repo_id, can_read, can_write, can_admin, created, updated)
    VALUES (:user_id, :repo_id, :can_read, :can_write, :can_admin, :now, :now)
    ON CONFLICT (user_id, repo_id) DO UPDATE SET can_read = excluded.can_read, can_write = excluded.can_write,
        can_admin = excluded.can_admin, updated = excluded.updated
"""
REVOKE = "DELETE FROM permissions WHERE user_id = :user_id AND repo_id = :repo_id"
COLLABORATORS = """
    SELECT users.id AS user_id, login, avatar, can_read, can_write, can_admin,
        permissions.created AS created, permissions.updated AS updated
    FROM permissions JOIN users ON users.id = permissions.user_id
    WHERE repo_id = :repo_id ORDER BY lower(login)
"""
NEXT_NUMBER = """
    UPDATE repos SET counter = counter + 1, version = version + 1 WHERE id = :id RETURNING counter
"""

_MAPPER = Mapper(Repo, schema.repos)


def made(row: Row) -> Repo:
    """The repository of a whole row."""
    return _MAPPER.make(row)


def find_if_any(namespace: str, name: str) -> Tx[Repo | None]:
    """The repository of a slug; letter case matters."""
    row = yield from one(BY_SLUG, namespace=namespace, name=name)
    return made(row) if row else None


def find(repo_id: int) -> Tx[Repo]:
    """The repository of an id; NotFound."""
    row = yield from one(BY_ID, id=repo_id)
    if row is None:
        raise NotFound
    return made(row)


def list_all(limit: int, offset: int) -> Tx[list[Repo]]:
    """A page of all repositories, by slug."""
    return [made(row) for row in (yield from many(ALL, limit=limit, offset=offset))]


def list_of(user_id: int) -> Tx[list[Repo]]:
    """The repositories an account may read, by slug."""
    return [made(row) for row in (yield from many(OF_USER, user_id=user_id))]


def create(repo: Repo) -> Tx[Repo]:
    """A new repository; its owner gets every right. Conflict when the slug is taken.

    It counts on from where a deleted one of its name stopped.
    """
    row = yield from one(CREATE, **_MAPPER.values(repo))
    if row is None:
        raise Conflict(f"repository {repo.slug} exists already", code="repo_exists")
    resumed = yield from one(RESUME, id=row["id"])
    assert resumed is not None
    new = replace(repo, id=row["id"], counter=resumed["counter"])
    yield from grant(new.id, repo.user_id, Permissions(True, True, True), repo.created)
    return new


def next_number(repo_id: int) -> Tx[int]:
    """Take the next build number. The row stays locked until the transaction ends, so none is given twice."""
    row = yield from one(NEXT_NUMBER, id=repo_id)
    if row is None:
        raise NotFound
    return int(row["counter"])


def permissions(user_id: int, repo_id: int) -> Tx[Permissions | None]:
    """The rights an account was given, None when it never was."""
    row = yield from one(PERMISSIONS, user_id=user_id, repo_id=repo_id)
    return _permissions(row) if row else None


def grant(repo_id: int, user_id: int, rights: Permissions, now: int) -> Tx[None]:
    """Set the rights of an account."""
    yield from run(
        GRANT,
        user_id=user_id,
        repo_id=repo_id,
        can_read=rights.read,
        can_write=rights.write,
        can_admin=rights.admin,
        now=now,
    )


def revoke(repo_id: int, user: User) -> Tx[None]:
    """Take all rights away; nothing happens when there were none."""
    yield from run(REVOKE, repo_id=repo_id, user_id=user.id)


def collaborators(repo_id: int) -> Tx[list[tuple[Row, Permissions]]]:
    """Everybody with rights: columns user_id, login, avatar, created, updated, and the rights."""
    return [(row, _permissions(row)) for row in (yield from many(COLLABORATORS, repo_id=repo_id))]


def _permissions(row: Row) -> Permissions:
    return Permissions(bool(row["can_read"]), bool(row["can_write"]), bool(row["can_admin"]))
