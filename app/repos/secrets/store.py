"""The SQL of the secrets of a repository or a namespace: sealed in the database, opened only for a runner."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.db.tx import Row, Tx, many, one
from app.errors import Conflict, NotFound
from app.repos import sharing
from app.repos.model import Repo, Secret
from app.sealing.seal import Seal


class Statements(NamedTuple):
    """The SQL for one of the two tables of secrets."""

    create: str
    list_of: str
    find: str
    update: str
    delete: str


def _statements(table: str, owner: str, columns: str) -> Statements:
    """The SQL for a table of secrets; `owner` is its column of the owner. The two tables differ in names alone."""
    columns += ", name, data, pull_request, pull_request_push"
    named = f"WHERE {owner} = :owner AND lower(name) = lower(:name)"
    return Statements(
        create=f"""
            INSERT INTO {table} ({owner}, name, data, pull_request, pull_request_push)
            VALUES (:owner, :name, :data, :pull_request, :pull_request_push)
            ON CONFLICT DO NOTHING RETURNING {columns}
        """,  # noqa: S608 - names of ours
        list_of=f"SELECT {columns} FROM {table} WHERE {owner} = :owner ORDER BY lower(name)",  # noqa: S608 - names of ours
        find=f"SELECT {columns} FROM {table} {named}",  # noqa: S608 - names of ours
        update=f"""
            UPDATE {table} SET data = coalesce(:data, data), pull_request = coalesce(:pull_request, pull_request),
                pull_request_push = coalesce(:pull_request_push, pull_request_push)
            {named} RETURNING {columns}
        """,  # noqa: S608 - names of ours
        delete=f"DELETE FROM {table} {named} RETURNING id",  # noqa: S608 - names of ours
    )


#: What stands for a value that is hidden.
HIDDEN = "******"
#: The columns of sealed values, of repositories and of namespaces; each name is also the purpose of its values.
DATA, SHARED_DATA = "secrets.data", "org_secrets.data"
SEALED = (DATA, SHARED_DATA)

OF_REPO = _statements("secrets", "repo_id", "id, repo_id, '' AS namespace")
OF_NAMESPACE = _statements("org_secrets", "namespace", "id, 0 AS repo_id, namespace")
#: The secrets of a namespace for the builds of a repository that shares in the namespace.
SHARED = f"""
    SELECT id, 0 AS repo_id, namespace, name, data, pull_request, pull_request_push FROM org_secrets
    WHERE namespace = :namespace AND {sharing.condition(":scm", ":namespace")}
    ORDER BY lower(name)
"""  # noqa: S608 - SQL of ours
ALL_OF_NAMESPACES = """
    SELECT id, 0 AS repo_id, namespace, name, data, pull_request, pull_request_push FROM org_secrets
    ORDER BY lower(name), namespace
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of secrets: a repository, by its id, or a namespace, by its name."""

    key: int | str
    sql: Statements
    #: The purpose that the values are sealed for.
    purpose: str


def of_repo(repo_id: int) -> Owner:
    """The secrets of one repository."""
    return Owner(repo_id, OF_REPO, DATA)


def of_namespace(namespace: str) -> Owner:
    """The secrets that all repositories of a namespace share."""
    return Owner(namespace, OF_NAMESPACE, SHARED_DATA)


def create(owner: Owner, name: str, sealed: bytes, *, pull_request: bool, pull_request_push: bool) -> Tx[Secret]:
    """Add a secret; Conflict when the name is taken in any letter case, because runners ignore letter case."""
    flags = {"pull_request": pull_request, "pull_request_push": pull_request_push}
    row = yield from one(owner.sql.create, owner=owner.key, name=name, data=sealed, **flags)
    if row is None:
        text = f"secret {name} exists already; change it, or delete it first to replace it"
        raise Conflict(text, code="secret_exists")
    return _secret(row)


def list_of(owner: Owner) -> Tx[list[Secret]]:
    """The names and flags of the owner's secrets, by name; the values stay sealed."""
    return [_secret(row) for row in (yield from many(owner.sql.list_of, owner=owner.key))]


def list_shared(repo: Repo) -> Tx[list[Secret]]:
    """The names and flags of the secrets that a repository gets from its namespace, by name, without values."""
    return [_secret(row) for row in (yield from many(SHARED, namespace=repo.namespace, scm=repo.scm))]


def list_of_namespaces() -> Tx[list[Secret]]:
    """Names and flags of the secrets of all namespaces, by name."""
    return [_secret(row) for row in (yield from many(ALL_OF_NAMESPACES))]


def find(owner: Owner, name: str) -> Tx[Secret]:
    """The name and flags of one secret; NotFound."""
    return _found(name, (yield from one(owner.sql.find, owner=owner.key, name=name)))


def update(
    owner: Owner, name: str, *, sealed: bytes | None, pull_request: bool | None, pull_request_push: bool | None
) -> Tx[Secret]:
    """Change the value and flags that are not None; NotFound."""
    flags = {"pull_request": pull_request, "pull_request_push": pull_request_push}
    return _found(name, (yield from one(owner.sql.update, owner=owner.key, name=name, data=sealed, **flags)))


def delete(owner: Owner, name: str) -> Tx[None]:
    """Remove one secret; NotFound."""
    if (yield from one(owner.sql.delete, owner=owner.key, name=name)) is None:
        raise NotFound(f"secret {name} not found")


def for_build(repo: Repo, seal: Seal, *, pull_request: bool) -> Tx[tuple[Secret, ...]]:
    """The secrets of a build: the secrets of its repository, then the namespace's secrets of other names.

    A pull request gets only secrets with the flag `pull_request`. The flag is checked before the names are compared: a
    secret of the repository that a pull request may not see does not hide a secret of the namespace (contract
    drone-rpc 4).
    """
    own = _opened((yield from many(OF_REPO.list_of, owner=repo.id)), DATA, seal, pull_request)
    rows = yield from many(SHARED, namespace=repo.namespace, scm=repo.scm)
    shared = _opened(rows, SHARED_DATA, seal, pull_request)
    taken = {secret.name.lower() for secret in own}
    return (*own, *(secret for secret in shared if secret.name.lower() not in taken))


def values_for_build(repo: Repo, seal: Seal) -> Tx[set[str]]:
    """The values that the builds of a repository may get, and that must not be told, also without their white space."""
    found = yield from for_build(repo, seal, pull_request=False)
    return {text for secret in found for text in (secret.data, secret.data.strip()) if text}


def masking(values: Collection[str]) -> Callable[[str], str]:
    """The function that hides these values in a text; of two values at one place, the longer one."""
    longest = sorted(values, key=len, reverse=True)

    def masked(text: str) -> str:
        for value in longest:
            text = text.replace(value, HIDDEN)
        return text

    return masked


def _opened(rows: Sequence[Row], purpose: str, seal: Seal, pull_request: bool) -> list[Secret]:
    wanted = [row for row in rows if row["pull_request"] or not pull_request]
    return [_secret(row, seal.open(row["data"], purpose)) for row in wanted]


def _found(name: str, row: Row | None) -> Secret:
    if row is None:
        raise NotFound(f"secret {name} not found")
    return _secret(row)


def _secret(row: Row, data: str = "") -> Secret:
    return Secret(
        id=row["id"],
        repo_id=row["repo_id"],
        name=row["name"],
        data=data,
        pull_request=bool(row["pull_request"]),
        pull_request_push=bool(row["pull_request_push"]),
        namespace=row["namespace"],
    )
